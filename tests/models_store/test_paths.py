"""The geometry of legs and paths: ends met exactly, great circles, and time as the only thing a frame depends on."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from models_store.latents import Floats, normals
from models_store.paths import Easing, LatentPath, Method, count_legs, frame_times, lerp, slerp, smoothstep

Between = Callable[[Floats, Floats, NDArray[np.float64]], Floats]


def vector(*values: float) -> Floats:
    """Latents by their components."""
    return np.array(values, dtype=np.float32)


def pairs(count: int, dim: int) -> list[tuple[Floats, Floats]]:
    """Independent draws of the prior, two by two."""
    draws = normals(123, range(2 * count), dim)
    return list(zip(draws[::2], draws[1::2], strict=True))


FRACTIONS = np.linspace(0, 1, 13)


@pytest.mark.parametrize("between", [slerp, lerp])
@pytest.mark.parametrize("dim", [2, 3, 40, 100])
def test_a_leg_meets_both_ends_exactly(between: Between, dim: int) -> None:
    """At 0 and 1 a path has the very bits of its key points, so sharing a key frame shares an image."""
    for start, end in pairs(20, dim):
        leg = between(start, end, FRACTIONS)

        assert np.array_equal(leg[0], start)
        assert np.array_equal(leg[-1], end)


def test_slerp_keeps_the_length_of_vectors_of_equal_length() -> None:
    """Between two points of a sphere the path stays on the sphere."""
    for start, end in pairs(20, 30):
        rescaled = (end * (np.linalg.norm(start) / np.linalg.norm(end))).astype(np.float32)

        lengths = np.linalg.norm(slerp(start, rescaled, FRACTIONS).astype(np.float64), axis=1)

        np.testing.assert_allclose(lengths, np.linalg.norm(start), rtol=1e-6)


def test_slerp_turns_at_constant_speed_in_the_plane_of_its_ends() -> None:
    """At fraction t the angle to the start is t times the whole angle, whatever the lengths."""
    for start, end in pairs(20, 10):
        frames = slerp(start, end, FRACTIONS).astype(np.float64)
        units = frames / np.linalg.norm(frames, axis=1, keepdims=True)
        whole = math.acos(units[0] @ units[-1])

        np.testing.assert_allclose(units @ units[0], np.cos(FRACTIONS * whole), atol=1e-6)
        np.testing.assert_allclose(units @ units[-1], np.cos((1 - FRACTIONS) * whole), atol=1e-6)


def test_slerp_interpolates_the_length_linearly() -> None:
    """Ends of lengths 1 and 3 have a midpoint of length 2."""
    start, end = vector(1, 0, 0), vector(0, 3, 0)

    lengths = np.linalg.norm(slerp(start, end, FRACTIONS), axis=1)

    np.testing.assert_allclose(lengths, 1 + 2 * FRACTIONS, rtol=1e-6)


def test_slerp_stays_on_the_shell_of_the_prior_where_lerp_falls_inside() -> None:
    """Midpoints of independent draws have length √d by slerp and √(d/2) by lerp."""
    dim, middle = 512, np.array([0.5])

    by_slerp = np.mean([np.linalg.norm(slerp(start, end, middle)) for start, end in pairs(50, dim)])
    by_lerp = np.mean([np.linalg.norm(lerp(start, end, middle)) for start, end in pairs(50, dim)])

    assert by_slerp / math.sqrt(dim) == pytest.approx(1.0, abs=0.02)
    assert by_lerp / math.sqrt(dim) == pytest.approx(math.sqrt(0.5), abs=0.02)


START = vector(1.0, -2.0, 0.5)


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(START, id="the same"),
        pytest.param(np.float32(3) * START, id="parallel"),
        pytest.param(-START, id="opposite"),
        pytest.param(np.float32(0) * START, id="zero"),
        pytest.param(np.float32(1e-30) * START, id="tiny"),
        pytest.param(START + vector(1e-7, 0, 0), id="nearly the same"),
        pytest.param(-START + vector(1e-6, 0, 0), id="nearly opposite"),
        pytest.param(np.float32(1e30) * START, id="huge"),
    ],
)
def test_slerp_of_degenerate_vectors_is_finite_and_bounded(end: Floats) -> None:
    """Without a single great circle there is still a path: from end to end, never longer than the longer of them."""
    for first, last in ((START, end), (end, START)):
        frames = slerp(first, last, FRACTIONS)

        longest = max(np.linalg.norm(first.astype(np.float64)), np.linalg.norm(last.astype(np.float64)))
        assert np.isfinite(frames).all()
        assert np.linalg.norm(frames.astype(np.float64), axis=1).max() <= longest * (1 + 1e-6)
        np.testing.assert_array_equal(frames[[0, -1]], [first, last])


def test_slerp_between_two_zero_vectors_stays_at_zero() -> None:
    """No direction at all is no reason for a NaN."""
    zero = np.zeros(4, dtype=np.float32)

    assert not slerp(zero, zero, FRACTIONS).any()


METHODS: list[Method] = ["slerp", "lerp"]
EASINGS: list[Easing] = ["linear", "smooth"]


def frames_of(path: LatentPath, steps: int) -> Floats:
    """All frames of a path with so many of them a leg."""
    return path.at(frame_times(path.legs, steps, loop=path.loop))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("easing", EASINGS)
@pytest.mark.parametrize("count", range(2, 17))
@pytest.mark.parametrize("steps", [2, 7])
def test_an_open_path_visits_each_key_point_once(method: Method, easing: Easing, count: int, steps: int) -> None:
    """(P-1)·steps frames: every steps-th of them, and the last, a key point with its own bits."""
    points = normals(1, range(count), 8)

    frames = frames_of(LatentPath(points, method, easing), steps)

    assert frames.shape == ((count - 1) * steps, 8)
    assert frames.dtype == np.float32
    assert np.array_equal(frames[::steps], points[:-1])
    assert np.array_equal(frames[-1], points[-1])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("count", [1, 2, 3, 16])
@pytest.mark.parametrize("steps", [1, 4])
def test_a_loop_comes_back_without_repeating_its_first_frame(method: Method, count: int, steps: int) -> None:
    """P·steps frames; the last leg leads from the last key point to the first and stops before it."""
    points = normals(1, range(count), 8)
    loop = LatentPath(points, method, loop=True)

    frames = frames_of(loop, steps)

    assert frames.shape == (count * steps, 8)
    assert np.array_equal(frames[::steps], points)
    assert np.array_equal(loop.at(np.array([1.0]))[0], points[0])
    # The last leg and its way back are one leg of an open path.
    back = LatentPath(points[[-1, 0]], method).at(np.arange(steps) / steps)
    np.testing.assert_allclose(frames[-steps:], back, atol=1e-6)


@pytest.mark.parametrize("case", range(20))
def test_a_frame_depends_on_its_time_alone(case: int) -> None:
    """Asked for one by one, in another order or all at once, the points of a path have the same bits."""
    draw = np.random.default_rng(case)
    points = normals(case, range(int(draw.integers(2, 17))), int(draw.integers(1, 200)))
    path = LatentPath(points, METHODS[case % 2], EASINGS[case // 2 % 2], loop=case % 3 == 0)
    times = frame_times(path.legs, int(draw.integers(2, 100)), loop=path.loop)
    order = draw.permutation(len(times))

    frames = path.at(times)

    assert np.array_equal(path.at(times[order]), frames[order])
    for number in order[:40]:
        assert np.array_equal(path.at(times[[number]])[0], frames[number])


def test_times_go_from_the_first_point_to_the_last_and_a_loop_stops_before_it() -> None:
    """Evenly on each leg, in [0, 1], always forward."""
    for loop in (False, True):
        for points in range(2, 17):
            times = frame_times(count_legs(points, loop=loop), 5, loop=loop)
            assert times[0] == 0
            assert (np.diff(times) > 0).all()
            assert times[-1] < 1 if loop else times[-1] == 1
    np.testing.assert_array_equal(frame_times(1, 5, loop=False), [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_array_equal(frame_times(2, 4, loop=True), np.arange(8) / 8)


def test_smooth_easing_rests_at_the_key_points() -> None:
    """3f² - 2f³: 0, ½ and 1 stay, the speed at both ends is 0, and it is symmetric."""
    np.testing.assert_array_equal(smoothstep(np.array([0, 0.5, 1])), [0, 0.5, 1])
    step = 1e-6
    assert smoothstep(np.array([step]))[0] / step < 1e-5
    np.testing.assert_allclose(smoothstep(FRACTIONS) + smoothstep(1 - FRACTIONS), 1)

    points = normals(4, range(3), 6)
    eased, even = LatentPath(points, easing="smooth"), LatentPath(points)
    # A quarter of the way is the middle of the first of two legs.
    assert np.array_equal(eased.at(np.array([0.25])), even.at(np.array([0.25])))
    assert not np.array_equal(eased.at(np.array([0.1])), even.at(np.array([0.1])))
