"""Whose a request is, as far as fairness goes: an address, whatever a proxy writes in its place."""

import pytest

from service.layers.envelope import client_of


@pytest.mark.parametrize(
    ("peer", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("a proxy's joke: '; --", ""),
        ("", ""),
    ],
)
def test_a_client_is_an_address_and_of_ipv6_the_network(peer: str, client: str) -> None:
    """The last 64 bits of an IPv6 address are the client's own to choose; what is no address is nobody's."""
    assert client_of(peer) == client
