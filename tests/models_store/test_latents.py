"""The recipe (seed, index) -> latents against known answers and a second implementation, and the class in them."""

import math
import random
import struct
from itertools import product

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models_store.compiled import kernels
from models_store.latents import (
    LARGEST_SEED,
    Stream,
    normals,
    packed,
    philox4x32,
    points,
    uniforms,
    with_label,
)

Words = tuple[int, int, int, int]

KNOWN_ANSWERS = [
    pytest.param((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8), id="zeros"),
    pytest.param((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD), id="all ones"),
    pytest.param(
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        id="digits of pi",
    ),
]
"""Counter, key and words of `kat_vectors` in Random123, the generator's authors' own library."""


def philox_by_hand(counter: Words, key: tuple[int, int]) -> Words:
    """Philox4x32-10 in plain integers, written from the paper and not from the code under test."""
    x, k = list(counter), list(key)
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * x[0], 2**32)
        high1, low1 = divmod(0xCD9E8D57 * x[2], 2**32)
        x = [high1 ^ x[1] ^ k[0], low1, high0 ^ x[3] ^ k[1], low0]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    return x[0], x[1], x[2], x[3]


def normals_by_hand(seed: int, index: int, dim: int, stream: int) -> list[float]:
    """The documented recipe, steps 1 to 3, without numpy; rounded to float32."""
    row: list[float] = []
    for block in range(math.ceil(dim / 4)):
        u = [(word + 0.5) / 2**32 for word in philox_by_hand((block, index, 0, 0), (seed, stream))]
        for first, second in ((u[0], u[1]), (u[2], u[3])):
            radius = math.sqrt(-2 * math.log(first))
            row += [radius * math.cos(2 * math.pi * second), radius * math.sin(2 * math.pi * second)]
    return [struct.unpack("<f", struct.pack("<f", value))[0] for value in row[:dim]]


VECTORS: list[tuple[int, int, int, list[float]]] = [
    (0, 0, 0, [0.9911377, -0.9246626, -0.61760896, -0.4820686, -0.15363823, 0.1808259]),
    (0, 1, 0, [1.1363673, -0.675883, 1.2405918, 0.22425114, 1.0219787, -0.8072827]),
    (1, 0, 0, [0.38040075, -0.29627788, -0.24923342, -1.0038372, 0.6269479, -0.6339838]),
    (42, 7, 1, [-1.271358, -0.7060223, -0.9056779, -1.0424308, -0.7809025, 0.28527895]),
    (4294967295, 4294967295, 2, [0.4166961, 0.86528933, -0.109171085, 0.015520322, -0.9179139, -0.4537891]),
]
"""Test vectors for other languages: seed, index, stream and the first six normals, as float32 prints them."""


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN_ANSWERS)
def test_philox_gives_the_known_answers_of_its_authors(counter: Words, key: tuple[int, int], words: Words) -> None:
    """The generator is Philox4x32-10 and no relative of it."""
    column = np.array(counter, dtype=np.uint64)[:, None]

    found = philox4x32(column, key)

    assert [hex(word) for word in found[:, 0]] == [hex(word) for word in words]
    assert philox_by_hand(counter, key) == words


def test_philox_agrees_with_plain_integers_on_random_counters() -> None:
    """Many counters at once give what each gives alone, at all carries and high bits."""
    draw = random.Random(3)
    counters = [tuple(draw.getrandbits(32) for _ in range(4)) for _ in range(200)]
    key = (draw.getrandbits(32), draw.getrandbits(32))

    found = philox4x32(np.array(counters, dtype=np.uint64).T, key)

    expected = [philox_by_hand((a, b, c, d), key) for a, b, c, d in counters]
    assert found.T.tolist() == [list(words) for words in expected]


@pytest.mark.parametrize("seed", [0, 1, 42, LARGEST_SEED])
@pytest.mark.parametrize("index", [0, 7, 2**31, 2**32 - 1])
@pytest.mark.parametrize("stream", list(Stream))
def test_the_documented_recipe_can_be_redone_by_hand(seed: int, index: int, stream: Stream) -> None:
    """A reader of the module's docstring gets the same latents, to the last float32 digit."""
    expected = np.array(normals_by_hand(seed, index, 11, int(stream)), dtype=np.float32)

    found = normals(seed, [index], 11, stream=stream)[0]

    np.testing.assert_array_max_ulp(found, expected, maxulp=1)


@pytest.mark.parametrize(("seed", "index", "stream", "expected"), VECTORS)
def test_the_published_test_vectors_hold(seed: int, index: int, stream: int, expected: list[float]) -> None:
    """The numbers that other implementations check themselves against are ours, and the recipe's."""
    published = np.array(expected, dtype=np.float32)

    np.testing.assert_array_max_ulp(normals(seed, [index], 6, stream=Stream(stream))[0], published, maxulp=1)
    np.testing.assert_array_max_ulp(
        np.array(normals_by_hand(seed, index, 6, stream), dtype=np.float32), published, maxulp=1
    )


def test_a_latent_does_not_depend_on_which_others_are_asked_for() -> None:
    """Index k of a seed is one vector, alone, in a crowd, in any order and asked for twice."""
    crowd = normals(5, range(300), 17)

    assert np.array_equal(np.concatenate([normals(5, [index], 17) for index in range(300)]), crowd)
    assert np.array_equal(normals(5, [299, 4, 4, 0], 17), crowd[[299, 4, 4, 0]])


@pytest.mark.parametrize("dim", [1, 2, 40, 100, 101])
def test_a_latent_does_not_depend_on_the_seeds_it_is_drawn_with(dim: int) -> None:
    """Bit for bit: 2,000 points of 2,000 seeds, each alone and all in one call."""
    chance = np.random.default_rng(dim)
    seeds, indices = (chance.integers(0, 2**32, 2000).tolist() for _ in range(2))

    together = normals(seeds, indices, dim)

    alone = [normals(seed, [index], dim)[0] for seed, index in zip(seeds, indices, strict=True)]
    assert np.array_equal(together.view(np.uint32), np.stack(alone).view(np.uint32))


@pytest.mark.parametrize("dim", [1, 2, 3, 4, 5, 8, 39, 40])
def test_a_shorter_latent_is_the_beginning_of_a_longer_one(dim: int) -> None:
    """Dimension j does not depend on how many there are."""
    longest = normals(9, range(5), 41)
    assert np.array_equal(normals(9, range(5), dim), longest[:, :dim])

    flat = uniforms(9, range(5), 41, stream=Stream.BINARIZATION)
    assert np.array_equal(uniforms(9, range(5), dim, stream=Stream.BINARIZATION), flat[:, :dim])


def test_latents_are_distinct_across_seeds_indices_and_streams() -> None:
    """No two of (seed, index, stream) share a vector, and seed and index do not stand in for each other."""
    keys = list(product([0, 1, 2, LARGEST_SEED], [0, 1, 2, 2**32 - 1], Stream))

    found = {normals(seed, [index], 8, stream=stream).tobytes() for seed, index, stream in keys}

    assert len(found) == len(keys)


def test_latents_touch_no_global_generator() -> None:
    """The global state of numpy and torch is neither read nor moved."""
    before = torch.get_rng_state(), repr(np.random.get_state())  # noqa: NPY002

    normals(1, [0, 1], 8)

    assert torch.equal(torch.get_rng_state(), before[0])
    assert repr(np.random.get_state()) == before[1]  # noqa: NPY002


@pytest.mark.parametrize("word", [0, 2**32 - 1])
def test_the_extreme_words_give_finite_normals(word: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uniforms stay strictly inside (0, 1), so no logarithm of zero can occur."""

    def constant(counter: NDArray[np.uint64], key: tuple[int, int]) -> NDArray[np.uint64]:
        return np.full_like(counter, word)

    monkeypatch.setattr("models_store.latents.philox4x32", constant)
    monkeypatch.setattr("models_store.latents.kernels", None)

    assert 0 < uniforms(0, [0], 1, stream=Stream.PRIOR)[0, 0] < 1
    assert np.abs(normals(0, [0], 4)).max() <= math.sqrt(2 * 33 * math.log(2))
    assert np.isfinite(normals(0, [0], 4)).all()


def test_normals_have_the_moments_of_a_standard_normal() -> None:
    """Mean, variance, skewness and kurtosis of 400,000 draws lie within five standard errors."""
    draws = normals(2024, range(10_000), 40).astype(np.float64)
    root = math.sqrt(draws.size)

    assert abs(draws.mean()) < 5 / root
    assert abs((draws**2).mean() - 1) < 5 * math.sqrt(2) / root
    assert abs((draws**3).mean()) < 5 * math.sqrt(15) / root
    assert abs((draws**4).mean() - 3) < 5 * math.sqrt(96) / root


def test_normals_have_the_distribution_function_of_a_standard_normal() -> None:
    """The Kolmogorov-Smirnov distance to Φ passes at the 0.1 % level, for even and odd dimensions alike."""
    draws = normals(77, range(20_000), 4)

    for column in draws.T:
        expected = torch.special.ndtr(torch.from_numpy(np.sort(column).astype(np.float64))).numpy()
        steps = np.arange(len(column) + 1) / len(column)
        distance = max(np.abs(expected - steps[1:]).max(), np.abs(expected - steps[:-1]).max())
        assert distance * math.sqrt(len(column)) < 1.95


def test_uniforms_fill_the_unit_interval_evenly() -> None:
    """A χ² of 256 bins passes within five standard deviations."""
    draws = uniforms(11, range(1000), 256, stream=Stream.BINARIZATION).ravel()

    counts = np.histogram(draws, bins=256, range=(0, 1))[0]

    expected = draws.size / 256
    assert abs(((counts - expected) ** 2 / expected).sum() - 255) < 5 * math.sqrt(2 * 255)


def test_neighbouring_indices_dimensions_seeds_and_streams_do_not_correlate() -> None:
    """A counter that moves by one gives unrelated numbers."""
    draws = normals(0, range(2001), 41).astype(np.float64)
    others = {
        "index": (draws[:-1], draws[1:]),
        "dimension": (draws[:, :-1], draws[:, 1:]),
        "seed": (draws, normals(1, range(2001), 41).astype(np.float64)),
        "stream": (draws, normals(0, range(2001), 41, stream=Stream.POSTERIOR).astype(np.float64)),
    }

    for name, (left, right) in others.items():
        assert abs((left * right).mean()) < 5 / math.sqrt(left.size), name


@pytest.mark.parametrize(("dim", "classes"), [(2, 2), (7, 3), (40, 10), (5, 5), (3, 1)])
def test_a_label_becomes_the_argmax_and_no_value_is_lost(dim: int, classes: int) -> None:
    """For every class: the last coordinates are permuted, all others untouched, and a second time changes nothing."""
    found = normals(3, range(200), dim)
    before = found.copy()

    for label in range(classes):
        labelled = with_label(found, label, classes)
        assert (labelled[:, -classes:].argmax(axis=1) == label).all()
        np.testing.assert_array_equal(np.sort(labelled, axis=1), np.sort(found, axis=1))
        np.testing.assert_array_equal(labelled[:, :-classes], found[:, :-classes])
        assert ((labelled != found).sum(axis=1) <= 2).all()
        np.testing.assert_array_equal(with_label(labelled, label, classes), labelled)
    np.testing.assert_array_equal(found, before)


def test_rows_given_a_label_are_distributed_as_rows_that_happen_to_have_it() -> None:
    """Mean and deviation of each coordinate agree within five standard errors, over all classes."""
    rows, classes = normals(8, range(40_000), 6), 4
    happened = rows[:, -classes:].argmax(axis=1)
    for label in range(classes):
        by_chance, by_label = rows[happened == label], with_label(rows, label, classes)
        error = (1 / len(by_chance) + 1 / len(rows)) ** 0.5
        assert np.abs(by_chance.mean(0) - by_label.mean(0)).max() < 5 * error
        assert np.abs(by_chance.std(0) - by_label.std(0)).max() < 5 * error


@pytest.mark.parametrize(("label", "classes"), [(-1, 3), (3, 3), (0, 0), (0, 7)])
def test_a_label_that_the_latents_cannot_hold_is_refused(label: int, classes: int) -> None:
    """Outside its classes, or of more classes than coordinates."""
    with pytest.raises(ValueError, match="coordinates"):
        with_label(normals(0, [0], 6), label, classes)


@pytest.mark.skipif(kernels is None, reason="this machine has no C compiler")
@pytest.mark.parametrize("dim", [1, 3, 4, 63, 64, 65, 101, 784])
def test_compiled_normals_are_numpys_up_to_the_last_rounding(dim: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 200,000 numbers hardly one in a million may be rounded to a neighbour."""
    draw = random.Random(dim)
    count = 200_000 // dim
    seeds, indices = ([draw.getrandbits(32) for _ in range(count)] for _ in range(2))
    compiled = normals(seeds, indices, dim, stream=Stream.POSTERIOR)
    monkeypatch.setattr("models_store.latents.kernels", None)
    plain = normals(seeds, indices, dim, stream=Stream.POSTERIOR)

    np.testing.assert_array_max_ulp(compiled, plain, maxulp=1)
    assert (compiled != plain).sum() <= 2


@pytest.mark.parametrize("compiled", [True, False])
def test_packed_draws_are_normals_times_their_temperatures(compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each its own; at temperature zero no number is -0."""
    if not compiled:
        monkeypatch.setattr("models_store.latents.kernels", None)
    found = points([*packed([(7, 1)]), *packed([(LARGEST_SEED, 2)], 0.5), *packed([(7, 1)], 0.0)], 9)

    np.testing.assert_array_equal(found[0], normals(7, [1], 9)[0])
    np.testing.assert_array_equal(found[1], normals(LARGEST_SEED, [2], 9)[0] * np.float32(0.5))
    assert found[2].tobytes() == bytes(4 * 9)


@pytest.mark.parametrize(("seed", "index"), [(-1, 0), (0, -1), (2**32, 0), (0, 2**32)])
def test_a_draw_above_32_bits_is_no_draw(seed: int, index: int) -> None:
    """As for `normals`."""
    with pytest.raises(ValueError, match="32 bits"):
        packed([(0, 0), (seed, index)])


def test_a_temperature_above_32_bits_is_none() -> None:
    """It is a float32."""
    with pytest.raises(ValueError, match="32 bits"):
        packed([(1, 2)], 1e39)
