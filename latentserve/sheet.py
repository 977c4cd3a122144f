"""Pictures side by side, for people to look at."""

import math

import numpy as np

from latentserve.png import Bytes

WHITE = 255


def sheet(pictures: Bytes, *, columns: int | None = None, gap: int = 2) -> Bytes:
    """Levels (N, H, W, C) -> one picture (H', W', C), row by row, by default as square as it can be."""
    count, height, width, channels = pictures.shape
    columns = columns or max(1, math.ceil(math.sqrt(count)))
    rows = math.ceil(count / columns)
    shape = (rows * (height + gap) - gap, columns * (width + gap) - gap, channels)
    found = np.full(shape, WHITE, dtype=np.uint8)
    for number, picture in enumerate(pictures):
        top, left = (number // columns) * (height + gap), (number % columns) * (width + gap)
        found[top : top + height, left : left + width] = picture
    return found
