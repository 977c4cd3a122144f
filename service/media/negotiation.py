"""Choosing a media type by the Accept header (RFC 9110, 12.5.1)."""

from collections.abc import Sequence

from service.errors import NotAcceptable, shown


def negotiate(accept: str, offered: Sequence[str]) -> str:
    """The offered type that the header wants most; the first offered one wins ties. Raises NotAcceptable."""
    ranges = [_range(part) for part in accept.split(",") if part.strip()] or [("*/*", 1.0)]
    weights = {media: _weight(media, ranges) for media in offered}
    best = max(offered, key=lambda media: weights[media])
    if weights[best] <= 0:
        raise NotAcceptable(f"Accept {shown(accept)!r} matches nothing made here", allowed=list(offered))
    return best


def _range(part: str) -> tuple[str, float]:
    """One element of the header -> its media range and weight; a weight that is no number counts as none."""
    media, *parameters = (piece.strip().lower() for piece in part.split(";"))
    weight = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
    try:
        return media, float(weight)
    except ValueError:
        return media, 0.0


def _weight(media: str, ranges: Sequence[tuple[str, float]]) -> float:
    """The weight of the most specific range that covers the type; 0 if none does."""
    for candidate in (media, media.partition("/")[0] + "/*", "*/*"):
        for covered, weight in ranges:
            if covered == candidate:
                return weight
    return 0.0
