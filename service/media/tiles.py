"""Model pixels -> the tiles and sheets that people look at."""

import math
from typing import cast

import numpy as np
from PIL import Image

from models_store.latents import Floats
from models_store.pixels import Bytes, sheet, to_bytes
from service.media.png import to_image

MAP_TILE = 256
"""Pixels along a side of what maps on the web call a tile."""


def tiles(images: Floats | Bytes, *, size: int | None) -> Bytes:
    """Pixels (N, C, H, W) in [0, 1], or levels (N, H, W, C) -> levels, the longer side `size` pixels or as it is."""
    levels = cast("Bytes", images) if images.dtype == np.uint8 else to_bytes(cast("Floats", images))
    if size is None or size == max(levels.shape[1:3]):
        return levels
    return np.stack([_resized(level, size) for level in levels])


def contact_sheet(images: Floats | Bytes, *, size: int | None, columns: int | None, gap: int) -> Bytes:
    """Images as `tiles` takes them -> one picture (H', W', C), by default as square as it can be."""
    shown = tiles(images, size=size)
    if len(shown) == 1:
        return shown[0]
    return sheet(shown, columns=min(columns or square_columns(len(shown)), len(shown)), gap=gap)


def map_columns(height: int, width: int) -> int:
    """Images along a side of a map tile: a power of two, up to 8, that leaves each its native size."""
    return next((columns for columns in (8, 4, 2) if MAP_TILE // columns >= max(height, width)), 1)


def map_tile(images: Floats, *, columns: int) -> Bytes:
    """Pixels (columns², C, H, W) in [0, 1], row by row -> a tile of a map, each image in the middle of a black cell.

    Pixels are repeated as often as the cell has room for; only an image larger than the tile is made smaller.
    """
    cell, longest = MAP_TILE // columns, max(images.shape[2:])
    pictures = tiles(images, size=cell // longest * longest or cell)
    height, width, channels = pictures.shape[1:]
    top, left = (cell - height) // 2, (cell - width) // 2
    tile = np.zeros((columns, columns, cell, cell, channels), dtype=np.uint8)
    tile[:, :, top : top + height, left : left + width] = pictures.reshape(columns, columns, height, width, channels)
    return tile.swapaxes(1, 2).reshape(MAP_TILE, MAP_TILE, channels)


def square_columns(count: int) -> int:
    """Columns of the most nearly square sheet."""
    return math.ceil(math.sqrt(count))


def shown_shape(height: int, width: int, size: int | None) -> tuple[int, int]:
    """(height, width) of a picture whose longer side is to have `size` pixels."""
    scale = 1 if size is None else size / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _resized(level: Bytes, size: int) -> Bytes:
    """Whole multiples repeat pixels, which shows them as they are; everything else is Lanczos."""
    height, width, channels = level.shape
    if size % max(height, width) == 0:
        factor = size // max(height, width)
        return level.repeat(factor, axis=0).repeat(factor, axis=1)
    rows, columns = shown_shape(height, width, size)
    resized = np.asarray(to_image(level).resize((columns, rows), Image.Resampling.LANCZOS))
    return resized.reshape(rows, columns, channels)
