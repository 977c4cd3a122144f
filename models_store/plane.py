"""The seed plane: every pair of integers is a point of the latent space, and between them neighbours are blended.

Column x and row y carry image y of seed x: (x, y) -> (seed, index) = (x mod 2³², y mod 2³²), so the row 0 of the plane
shows the seeds 0, 1, 2 …, and what lies left of 0 or above it the last seeds and indices.

Between lattice points the four neighbours are blended with the bilinear weights w, divided by √Σw²: a sum of
independent N(0, I) with these weights is N(0, I) again. Plainly bilinear, the middle of a cell would have half the
deviation.
"""

import math
from collections.abc import Sequence

import numpy as np

from models_store.latents import LARGEST_INDEX, LARGEST_SEED, Floats

Lattice = tuple[int, int]
"""(x, y)."""


def draw_at(point: Lattice) -> tuple[int, int]:
    """The (seed, index) that a lattice point carries."""
    x, y = point
    return x % (LARGEST_SEED + 1), y % (LARGEST_INDEX + 1)


def neighbours(x: float, y: float) -> dict[Lattice, float]:
    """The lattice points whose blend lies at (x, y), each with its weight: one to four, the squares' sum being 1."""
    column, row = math.floor(x), math.floor(y)
    right, down = x - column, y - row
    bilinear = {
        (column, row): (1 - right) * (1 - down),
        (column + 1, row): right * (1 - down),
        (column, row + 1): (1 - right) * down,
        (column + 1, row + 1): right * down,
    }
    length = math.sqrt(sum(weight * weight for weight in bilinear.values()))
    return {point: weight / length for point, weight in bilinear.items() if weight}


def blend(points: Floats, weights: Sequence[float]) -> Floats:
    """Latents (K, D) and their weights -> their weighted sum, (D,); one point of weight 1 keeps its bits."""
    # Without -0, so that one point has one name in an address.
    return (np.asarray(weights)[:, None] * points.astype(np.float64)).sum(axis=0).astype(np.float32) + np.float32(0)
