"""Pixels -> animated PNG: lossless, made faster than WebP, and shown by every browser."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

from models_store.pixels import Bytes
from service.media.png import to_image
from service.media.recipes import png_text


def encode_apng(frames: Sequence[Bytes], recipe: Mapping[str, Any], *, fps: float) -> bytes:
    """Frames (H, W, C) of one shape -> an endless animation; frames that equal the one before last with it."""
    images = [to_image(frame) for frame in frames]
    file = io.BytesIO()
    images[0].save(
        file,
        "PNG",
        save_all=True,
        append_images=images[1:],
        # The format holds a fraction of a second: no rounding.
        duration=1000 / fps,
        loop=0,
        pnginfo=png_text(recipe),
    )
    return file.getvalue()
