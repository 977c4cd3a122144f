"""Where the addresses of a model lie, and what its files are called."""

from typing import Any
from urllib.parse import quote

from latentserve.card import Card
from latentserve.messages import Request

JSON = "application/json"
NPY = "application/x-npy"
MEDIA_TYPES = {
    "png": "image/png",
    "strip.png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "apng": "image/apng",
    "json": JSON,
    "npy": NPY,
    "zip": "application/zip",
}


class Addressed:
    """One version of one model, for those that build its calls."""

    def __init__(self, card: Card) -> None:
        self.card = card

    def _path(self, rest: str) -> str:
        """Below this very version of the model."""
        return f"/v1/models/{quote(self.card.pinned, safe='@')}/{rest}"

    def _get(self, rest: str, **query: Any) -> Request:
        return Request("GET", self._path(rest), query)
