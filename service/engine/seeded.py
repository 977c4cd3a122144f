"""Latents of seeds. In a batch they are drawn when it runs: sixteen cost little more than one."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from models_store.latents import Floats, normals

Draw = tuple[int, int]
"""(seed, index): one point of the latent space, for ever."""


class Seeded(NamedTuple):
    """A row that is a point still to be drawn."""

    draw: Draw
    temperature: float
    dim: int


def latents_of(draws: Sequence[Draw], dim: int, temperatures: Sequence[float] | float) -> Floats:
    """The latents of the draws, scaled by the temperature, (N, D); which are drawn together changes none of them."""
    seeds, indices = zip(*draws, strict=True)
    scale = np.asarray(temperatures, dtype=np.float32).reshape(-1, 1)
    # Without -0, so that one point has one name in an address.
    return normals(seeds, indices, dim) * scale + np.float32(0)


def drawn(rows: Sequence[tuple[Floats, ...] | Seeded]) -> list[tuple[Floats, ...]]:
    """The rows of one model, its points drawn."""
    waiting = [row for row in rows if isinstance(row, Seeded)]
    if not waiting:
        return [row for row in rows if not isinstance(row, Seeded)]
    latents = iter(latents_of([row.draw for row in waiting], waiting[0].dim, [row.temperature for row in waiting]))
    return [(next(latents),) if isinstance(row, Seeded) else row for row in rows]
