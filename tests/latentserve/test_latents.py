"""Latents as arrays."""

import numpy as np
import pytest

from latentserve import Latents


@pytest.fixture
def latents() -> Latents:
    """Three points of four dimensions that say where they came from."""
    values = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)
    return Latents(values, [{"source": "seed", "seed": seed} for seed in range(3)])


def test_arithmetic_is_that_of_arrays(latents: Latents) -> None:
    """Sums, products and numpy's functions give Latents in float32 without an origin."""
    array = np.asarray(latents)
    middle = latents[0] + 0.5 * (latents[1] - latents[0])

    assert isinstance(middle, Latents)
    assert np.array_equal(np.asarray(middle), array[0] + np.float32(0.5) * (array[1] - array[0]))
    assert np.asarray(middle).dtype == np.float32
    assert not middle.exact
    assert isinstance(np.abs(latents), Latents)
    assert np.linalg.norm(latents[0]) == pytest.approx(np.linalg.norm(array[0]))


def test_slices_keep_their_origins(latents: Latents) -> None:
    """Rows know where they came from; what is computed does not."""
    assert latents[1].origins == ({"source": "seed", "seed": 1},)
    assert latents[-1].origins == ({"source": "seed", "seed": 2},)
    assert latents[1:].origins[0]["seed"] == 1
    assert latents.exact
    assert [row.origins[0]["seed"] for row in latents] == [0, 1, 2]
    assert latents[0, 1] == np.asarray(latents)[0, 1]


def test_z64_comes_back_as_float16(latents: Latents) -> None:
    """There and back is rounding."""
    assert np.array_equal(np.asarray(Latents.from_z64(latents.z64)), np.asarray(latents).astype("<f2"))


def test_slerp_keeps_the_angle_even_and_the_ends_exact(latents: Latents) -> None:
    """On a circle, equal steps are equal angles; opposite points take the straight line."""
    start, end = Latents([1.0, 0.0]), Latents([0.0, 1.0])
    path = np.asarray(start.slerp(end, 4))

    assert np.allclose(path, [[np.cos(a), np.sin(a)] for a in np.linspace(0, np.pi / 2, 4)], atol=1e-6)
    assert np.array_equal(np.asarray(latents[0].slerp(latents[1], 5))[[0, -1]], np.asarray(latents)[:2])
    assert np.allclose(np.asarray(start.slerp(-start, 3)), [[1, 0], [0, 0], [-1, 0]])
    with pytest.raises(ValueError, match="between two points"):
        latents.slerp(end, 3)


def test_other_shapes_are_refused() -> None:
    """With the shape."""
    with pytest.raises(ValueError, match=r"\(1, 1, 1\)"):
        Latents(np.zeros((1, 1, 1)))
