"""The seed plane: lattice points are draws, and what lies between them is distributed as they are."""

import numpy as np
import pytest

from models_store.latents import normals
from models_store.plane import blend, draw_at, neighbours


@pytest.mark.parametrize(
    ("point", "draw"),
    [((0, 0), (0, 0)), ((42, 7), (42, 7)), ((-1, 0), (2**32 - 1, 0)), ((3, -2), (3, 2**32 - 2))],
)
def test_a_lattice_point_carries_a_draw_of_its_own(point: tuple[int, int], draw: tuple[int, int]) -> None:
    """Right and down from 0 the numbers themselves, on the other side the last ones."""
    assert draw_at(point) == draw


@pytest.mark.parametrize("point", [(0.0, 0.0), (-3.0, 1048576.0), (7.0, -7.0)])
def test_a_lattice_point_has_no_neighbour_but_itself(point: tuple[float, float]) -> None:
    """So its image is that of its seed, to the bit."""
    assert neighbours(*point) == {(int(point[0]), int(point[1])): 1.0}
    row = normals(int(point[0]) % 2**32, [5], 40)
    assert np.array_equal(blend(row, [1.0]), row[0])


@pytest.mark.parametrize("x", [0.5, -0.25, 3.015625])
@pytest.mark.parametrize("y", [0.0, 0.5, -7.984375])
def test_between_lattice_points_the_deviation_stays_that_of_the_prior(x: float, y: float) -> None:
    """The squared weights add up to 1; 4000 independent blends have mean 0 and deviation 1 within five errors."""
    around = neighbours(x, y)

    blended = np.stack(
        [blend(np.concatenate([normals(seed, [index], 8) for index in range(len(around))]), list(around.values()))
         for seed in range(500)]
    )  # fmt: skip

    assert sum(weight * weight for weight in around.values()) == pytest.approx(1)
    assert all(abs(x - column) < 1 and abs(y - row) < 1 for column, row in around)
    assert abs(blended.mean()) < 5 / np.sqrt(blended.size)
    assert abs(blended.std() - 1) < 5 / np.sqrt(2 * blended.size)


def test_the_nearest_neighbour_weighs_most() -> None:
    """Towards a lattice point the blend goes to that point."""
    around = neighbours(0.125, 0.25)

    assert max(around, key=lambda point: around[point]) == (0, 0)
    assert around[1, 0] < around[0, 1] < around[0, 0]
