"""The headers of a request, looked at once for all requests of a client that repeat them."""

from collections.abc import Sequence

from service.layers.envelope import given_id, new_id

Fields = Sequence[tuple[bytes, bytes]]
"""Names in lower case, and values."""
UNUSUAL = frozenset({b"content-length", b"transfer-encoding", b"expect", b"upgrade", b"x-forwarded-for"})
"""Headers that the framework has to see, or what lies in front of it."""


class Head:
    """What the express wants to know of them; of several with one name the first counts."""

    __slots__ = ("_given_id", "accept_language", "if_none_match", "is_usual")

    def __init__(self, fields: Fields) -> None:
        values = {name: value.decode("latin-1") for name, value in reversed(fields)}
        self.is_usual = UNUSUAL.isdisjoint(values)
        """Whether nothing in it is for the framework alone."""
        self.if_none_match = values.get(b"if-none-match", "")
        self.accept_language = values.get(b"accept-language", "")
        self._given_id = given_id(fields)

    @property
    def request_id(self) -> str:
        """The client's own, or another one for each request."""
        return self._given_id or new_id()
