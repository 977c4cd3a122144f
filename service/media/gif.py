"""Pixels -> GIF, for programs that know no other animation: exact for grey, 256 colours a frame otherwise."""

import io
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from models_store.pixels import Bytes
from service.media.png import to_image
from service.media.recipes import xmp

HUNDREDTHS = 100
"""The format counts time in them."""
FASTEST = 50
"""Frames a second: programs show a frame of less than two hundredths for ten of them."""
LONGEST_S = 655
"""Seconds that one frame can last, which a film of equal frames is: 16 bits of hundredths."""


def encode_gif(frames: Sequence[Bytes], recipe: Mapping[str, Any], *, fps: float) -> bytes:
    """Frames (H, W, C) of one shape -> an endless animation; the recipe is its comment."""
    images = [to_image(frame) for frame in frames]
    file = io.BytesIO()
    images[0].save(
        file,
        "GIF",
        save_all=True,
        append_images=images[1:],
        duration=_durations(len(images), min(fps, FASTEST)),
        loop=0,
        # A palette made shorter saves 700 bytes a frame and takes five times as long; grey stays as it is without.
        optimize=False,
        comment=xmp(recipe),
    )
    return file.getvalue()


def _durations(count: int, fps: float) -> list[int]:
    """Milliseconds of each frame in whole hundredths, whose sum is right: at 12 frames a second 80, 90, 80, 80 …"""
    ends = [round(HUNDREDTHS * number / fps) for number in range(count + 1)]
    return [10 * (end - start) for start, end in pairwise(ends)]
