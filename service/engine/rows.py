"""What waits for a batch, row by row, and how the rows become the columns of a forward pass."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_store.latents import Floats, packed, points

Draw = tuple[int, int]
"""(seed, index): one point of the latent space, for ever."""

Row = tuple[Any, ...] | bytes
"""The arguments of an operation for one picture, or a packed draw, whose point is drawn with those of its batch."""


def columns_of(rows: Sequence[tuple[Any, ...]]) -> list[NDArray[np.float32]]:
    """Rows of arguments -> a batch (B, …) for each argument."""
    return [np.stack(column) for column in zip(*rows, strict=True)]


def latents_of(draws: Sequence[Draw], dim: int, temperature: float) -> Floats:
    """The latents of the draws, scaled by the temperature, (N, D); which are drawn together changes none of them."""
    return points(packed(draws, temperature), dim)
