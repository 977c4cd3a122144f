"""Model pixels -> the tiles and sheets that people look at."""

import math

import numpy as np
from PIL import Image

from models_store.latents import Floats
from models_store.pixels import Bytes, sheet, to_bytes
from service.media.png import to_image


def tiles(images: Floats, *, size: int | None) -> Bytes:
    """Pixels (N, C, H, W) in [0, 1] -> levels (N, h, w, C), the longer side `size` pixels or as it is."""
    levels = to_bytes(images)
    if size is None or size == max(levels.shape[1:3]):
        return levels
    return np.stack([_resized(level, size) for level in levels])


def contact_sheet(images: Floats, *, size: int | None, columns: int | None, gap: int) -> Bytes:
    """Pixels (N, C, H, W) in [0, 1] -> one picture (H', W', C), by default as square as it can be."""
    return sheet(tiles(images, size=size), columns=min(columns or square_columns(len(images)), len(images)), gap=gap)


def square_columns(count: int) -> int:
    """Columns of the most nearly square sheet."""
    return math.ceil(math.sqrt(count))


def _resized(level: Bytes, size: int) -> Bytes:
    """Whole multiples repeat pixels, which shows them as they are; everything else is Lanczos."""
    height, width, channels = level.shape
    if size % max(height, width) == 0:
        factor = size // max(height, width)
        return level.repeat(factor, axis=0).repeat(factor, axis=1)
    scale = size / max(height, width)
    target = (max(1, round(width * scale)), max(1, round(height * scale)))
    resized = np.asarray(to_image(level).resize(target, Image.Resampling.LANCZOS))
    return resized.reshape(target[1], target[0], channels)
