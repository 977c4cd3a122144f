"""The Accept header."""

import pytest

from service.errors import NotAcceptable
from service.media.negotiation import negotiate

OFFERED = ("application/json", "image/png")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("image/png", "image/png"),
        ("image/*", "image/png"),
        ("image/png;q=0.5, application/json;q=0.4", "image/png"),
        ("image/png;q=0.1, */*", "application/json"),
        ("text/html, image/PNG;level=1;q=0.2", "image/png"),
        ("application/json;q=0, */*", "image/png"),
    ],
)
def test_the_type_that_is_wanted_most_is_chosen(accept: str, chosen: str) -> None:
    """Weights first, the more specific range before the wider, our order on ties."""
    assert negotiate(accept, OFFERED) == chosen


@pytest.mark.parametrize("accept", ["text/html", "image/png;q=0", "image/gif, text/*", "*/*;q=0", "image/png;q=x"])
def test_what_cannot_be_made_is_said_so(accept: str) -> None:
    """The error lists what works."""
    with pytest.raises(NotAcceptable) as refused:
        negotiate(accept, OFFERED)

    assert refused.value.facts["allowed"] == list(OFFERED)
