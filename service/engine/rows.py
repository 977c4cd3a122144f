"""What waits for a batch, row by row, and how the rows become the columns of a forward pass."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models_store.latents import Floats, normals

Row = tuple[Any, ...]
"""The arguments of an operation for one picture."""
Draw = tuple[int, int]
"""(seed, index): one point of the latent space, for ever."""
HELD = 1000
"""Numbers that are drawn at once: Philox takes them by halves, and up to 500 numpy keeps the interpreter. With more
it would let go of it in each of its operations, and the event loop, if it is busy, would have it for a while each time.
"""
MANY = 32
"""Rows that are drawn at once, in half the time: the pass behind them is long, and the event loop mostly idle."""


class Seeded(NamedTuple):
    """A row whose point is drawn with its batch: sixteen cost little more than one."""

    draw: Draw
    temperature: float
    dim: int


def columns_of(rows: Sequence[Row]) -> list[NDArray[np.float32]]:
    """Rows of arguments -> a batch (B, …) for each argument."""
    return [np.stack(column) for column in zip(*rows, strict=True)]


def drawn(rows: Sequence[Seeded]) -> Floats:
    """The points of rows of one model, (B, D)."""
    draws, temperatures, (dim, *_) = zip(*rows, strict=True)
    count = len(rows) if len(rows) >= MANY else max(1, HELD // dim)
    parts = [slice(start, start + count) for start in range(0, len(rows), count)]
    return np.concatenate([latents_of(draws[part], dim, temperatures[part]) for part in parts])


def latents_of(draws: Sequence[Draw], dim: int, temperatures: Sequence[float] | float) -> Floats:
    """The latents of the draws, scaled by the temperature, (N, D); which are drawn together changes none of them."""
    seeds, indices = zip(*draws, strict=True)
    scale = np.asarray(temperatures, dtype=np.float32).reshape(-1, 1)
    # Without -0, so that one point has one name in an address.
    return normals(seeds, indices, dim) * scale + np.float32(0)
