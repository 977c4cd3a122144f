"""Pixels -> lossless WebP, still or animated, with the recipe inside as XMP, for WebP has no text chunks."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

from models_store.pixels import Bytes
from service.errors import InvalidParameter
from service.media.png import to_image
from service.media.recipes import xmp

LARGEST_SIDE = 16_383
"""The format has 14 bits for it."""


def encode_webp(frames: Sequence[Bytes], recipe: Mapping[str, Any], *, fps: float = 12.0) -> bytes:
    """Frames (H, W, C) of one shape -> the file: a still picture for one frame, an endless animation for more."""
    height, width = frames[0].shape[:2]
    if max(height, width) > LARGEST_SIDE:
        raise InvalidParameter(
            f"a WebP of {width}×{height} pixels",
            limit=LARGEST_SIDE,
            hint="ask for PNG, other columns or a smaller size",
        )
    images = [to_image(frame).convert("RGB") for frame in frames]
    animation: dict[str, Any] = {
        "save_all": True,
        "append_images": images[1:],
        # Whole milliseconds in the file; the sum is rounded, not the frames.
        "duration": 1000 / fps,
        "loop": 0,
    }
    file = io.BytesIO()
    # method 0: the files are a few per cent larger and made several times faster.
    options = {"lossless": True, "exact": True, "method": 0, "xmp": xmp(recipe)}
    images[0].save(file, "WEBP", **options, **(animation if len(images) > 1 else {}))
    return file.getvalue()
