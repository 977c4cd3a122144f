"""Pixels as numbers in [0, 1] and as bytes; the only place that converts."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Bytes = NDArray[np.uint8]


def to_bytes(images: NDArray[np.float32]) -> Bytes:
    """Pixels (B, C, H, W) in [0, 1] -> the nearest levels 0…255, channels last, (B, H, W, C)."""
    levels = np.floor(np.clip(images, 0.0, 1.0) * np.float32(255) + np.float32(0.5))
    return np.ascontiguousarray(levels.astype(np.uint8).transpose(0, 2, 3, 1))


def to_levels(images: Tensor) -> Tensor:
    """As `to_bytes`, in the words of which graphs are made."""
    levels = torch.floor(images.clamp(0.0, 1.0) * 255 + 0.5)
    return levels.to(torch.uint8).permute(0, 2, 3, 1)


def from_bytes(images: Bytes) -> NDArray[np.float32]:
    """Levels (B, H, W, C) -> pixels (B, C, H, W) in [0, 1]."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255))


def sheet(images: Bytes, *, columns: int, gap: int = 2) -> Bytes:
    """Tiles (B, H, W, C) row by row with a white gap between -> one picture (H', W', C)."""
    count, height, width, channels = images.shape
    if not count:
        raise ValueError("a sheet needs at least one tile")
    rows = -(-count // columns)
    shape = (rows * (height + gap) - gap, columns * (width + gap) - gap, channels)
    canvas = np.full(shape, 255, dtype=np.uint8)
    for position, image in enumerate(images):
        row, column = divmod(position, columns)
        top, left = row * (height + gap), column * (width + gap)
        canvas[top : top + height, left : left + width] = image
    return canvas
