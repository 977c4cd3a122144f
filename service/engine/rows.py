"""What waits for a batch, row by row, and how the rows become the columns of a forward pass."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_store.latents import Floats, normals

Draw = tuple[int, int]
"""(seed, index): one point of the latent space, for ever."""


class Seeded:
    """A row that is a point of a seed. It is drawn with others, at the latest when its batch begins."""

    __slots__ = ("dim", "draw", "latents", "temperature")

    def __init__(self, draw: Draw, temperature: float, dim: int) -> None:
        self.draw = draw
        self.temperature = temperature
        self.dim = dim
        self.latents: Floats | None = None
        """(D,)."""


Row = tuple[Any, ...] | Seeded
"""The arguments of an operation for one picture; `Seeded` of one only."""


def columns_of(rows: Sequence[tuple[Any, ...]]) -> list[NDArray[np.float32]]:
    """Rows of arguments -> a batch (B, …) for each argument."""
    return [np.stack(column) for column in zip(*rows, strict=True)]


def points_of(rows: Sequence[Seeded]) -> Floats:
    """The points of rows of one model, (B, D)."""
    draw_points([row for row in rows if row.latents is None])
    return np.array([row.latents for row in rows])


def draw_points(rows: Sequence[Seeded]) -> None:
    """Draws the points of rows of any models: of those with as many latents sixteen cost little more than one."""
    by_dim: dict[int, list[Seeded]] = {}
    for row in rows:
        by_dim.setdefault(row.dim, []).append(row)
    for dim, alike in by_dim.items():
        points = latents_of([row.draw for row in alike], dim, [row.temperature for row in alike])
        for row, point in zip(alike, points, strict=True):
            row.latents = point


def latents_of(draws: Sequence[Draw], dim: int, temperatures: Sequence[float] | float) -> Floats:
    """The latents of the draws, scaled by the temperature, (N, D); which are drawn together changes none of them."""
    seeds, indices = zip(*draws, strict=True)
    scale = np.asarray(temperatures, dtype=np.float32).reshape(-1, 1)
    # Without -0, so that one point has one name in an address.
    return normals(seeds, indices, dim) * scale + np.float32(0)
