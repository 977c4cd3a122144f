"""(seed, index) -> noise, and latents of a class: pure functions, no state, no global generator.

The recipe, exact to the bit up to the last rounding, so that any language can redo it:

1. Philox4x32-10 (Salmon et al. 2011) with key = (seed, stream) and counter = (block, index, 0, 0) gives four 32-bit
   words a block; block b serves dimensions 4b … 4b+3. The words of (seed, index) need no other index.
2. Uniforms: u = (word + 0.5) / 2³² in float64, strictly between 0 and 1.
3. Normals (Box & Muller 1958): of the four uniforms of a block, (u₀, u₁) give √(-2 ln u₀)·(cos 2πu₁, sin 2πu₁) and
   (u₂, u₃) the next two, in float64, then rounded to float32.

Test vectors: `tests/models_store/test_latents.py`.
"""

import struct
from collections.abc import Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from models_store.compiled import kernels

Floats = NDArray[np.float32]
LARGEST_SEED = 2**32 - 1
LARGEST_INDEX = 2**32 - 1

_ROUNDS = 10
_MULTIPLIERS = np.array([[0xD2511F53], [0xCD9E8D57]], dtype=np.uint64)
_WEYL = np.arange(_ROUNDS, dtype=np.uint32)[:, None, None] * np.array([[0x9E3779B9], [0xBB67AE85]], dtype=np.uint32)
"""What each round adds to the two words of the key."""
_WORD = np.dtype("<u4")
_PRODUCT = np.dtype("<u8")
_DRAW = np.dtype([("seed", "<u4"), ("index", "<u4"), ("temperature", "<f4")])
_pack = struct.Struct("<IIf").pack
_NO_WORDS = f"must lie in 0 … {LARGEST_SEED}: seed and index are words of 32 bits"


class Stream(IntEnum):
    """What the noise is for: streams of one seed are independent."""

    PRIOR = 0
    POSTERIOR = 1
    BINARIZATION = 2


def philox4x32(counter: NDArray[np.uint64], key: tuple[int | NDArray[np.uint64], int]) -> NDArray[np.uint32]:
    """Ten rounds on counters (4, N) of 32-bit words held in uint64 -> four words a counter, (4, N).

    The first word of the key may be one a counter, (N,).
    """
    first = np.empty((2, counter.shape[1]), dtype=np.uint32)
    first[0], first[1] = key
    keys = first + _WEYL
    # Words 0 and 2 are multiplied, words 1 and 3 are not: each pair is one array, and a round three operations. Where
    # a half of a product lies is a view, and so is the half of the next factor that is not zero.
    factors = counter[0::2].astype(_PRODUCT, order="C")
    words = factors.view(_WORD)[:, 0::2]
    others = counter[1::2].astype(_WORD)
    products = (np.empty_like(factors), np.empty_like(factors))
    halves = [(each.view(_WORD)[::-1, 0::2], each.view(_WORD)[::-1, 1::2]) for each in products]
    for number in range(_ROUNDS):
        low, high = halves[number % 2]
        np.multiply(factors, _MULTIPLIERS, out=products[number % 2])
        np.bitwise_xor(high, others, out=words)
        np.bitwise_xor(words, keys[number], out=words)
        others = low
    return np.stack([words[0], others[0], words[1], others[1]])


def packed(draws: Sequence[tuple[int, int]], temperature: float = 1.0) -> list[bytes]:
    """Pairs of seed and index, each as `points` reads it. Raises ValueError for what 32 bits cannot hold."""
    try:
        return [_pack(seed, index, temperature) for seed, index in draws]
    except (struct.error, OverflowError):
        raise ValueError(f"{draws} at {temperature} {_NO_WORDS}") from None


def points(draws: Sequence[bytes], dim: int) -> Floats:
    """Packed draws -> normals of the prior times their temperatures, (len(draws), dim); a zero has no sign."""
    return _normals(np.frombuffer(b"".join(draws), dtype=_DRAW), dim, Stream.PRIOR)


def normals(seeds: int | Sequence[int], indices: Sequence[int], dim: int, *, stream: Stream = Stream.PRIOR) -> Floats:
    """Standard normals, one row an index, (len(indices), dim), of one seed or of one each: the latents.

    Raises ValueError above 32 bits.
    """
    return _normals(_draws(seeds, indices), dim, stream)


def uniforms(seeds: int | Sequence[int], indices: Sequence[int], dim: int, *, stream: Stream) -> NDArray[np.float64]:
    """Uniforms in (0, 1), one row an index, (len(indices), dim), of one seed or of one each.

    Raises ValueError above 32 bits.
    """
    drawn = _uniforms(_draws(seeds, indices), -(-dim // 4), stream)
    return drawn.transpose(1, 2, 0).reshape(len(indices), -1)[:, :dim]


def _draws(seeds: int | Sequence[int], indices: Sequence[int]) -> NDArray[np.void]:
    words = (seeds, *indices) if isinstance(seeds, int) else (*seeds, *indices)
    if words and not (min(words) >= 0 and max(words) <= LARGEST_SEED):
        raise ValueError(f"{words} {_NO_WORDS}")
    made = np.empty(len(indices), dtype=_DRAW)
    made["seed"], made["index"], made["temperature"] = seeds, indices, 1.0
    return made


def _normals(draws: NDArray[np.void], dim: int, stream: Stream) -> Floats:
    """Times the temperatures."""
    if kernels is None:
        return _normals_by_numpy(draws, dim, stream)
    made = np.empty((len(draws), dim), dtype=np.float32)
    kernels.normals(draws, int(stream), *made.shape, made)
    return made


def _normals_by_numpy(draws: NDArray[np.void], dim: int, stream: Stream) -> Floats:
    count, blocks = len(draws), -(-dim // 4)
    drawn = _uniforms(draws, blocks, stream)
    radius = np.sqrt(-2.0 * np.log(drawn[0::2]))
    angle = 2.0 * np.pi * drawn[1::2]
    found = np.empty((count, blocks, 2, 2), dtype=np.float32)
    pairs = found.transpose(2, 0, 1, 3)
    # Computed in 64 bits, and rounded where they are written.
    np.multiply(radius, np.cos(angle), out=pairs[..., 0], casting="same_kind")
    np.multiply(radius, np.sin(angle), out=pairs[..., 1], casting="same_kind")
    return found.reshape(count, 4 * blocks)[:, :dim] * draws["temperature"][:, None] + np.float32(0)


def _uniforms(draws: NDArray[np.void], blocks: int, stream: Stream) -> NDArray[np.float64]:
    """The four numbers of each block of each draw, (4, len(draws), blocks)."""
    counter = np.zeros((4, len(draws), blocks), dtype=np.uint64)
    counter[0] = np.arange(blocks, dtype=np.uint64)
    counter[1] = draws["index"][:, None]
    key = np.repeat(draws["seed"].astype(np.uint64), blocks)
    drawn = philox4x32(counter.reshape(4, -1), (key, int(stream))).astype(np.float64)
    drawn += 0.5
    drawn /= 2.0**32
    return drawn.reshape(counter.shape)


def with_label(latents: Floats, label: int, classes: int) -> Floats:
    """Latents (N, D) whose last `classes` coordinates choose class `label`: it gets the largest of them, by a swap.

    The class of a row is the argmax of those coordinates, so without a label every class is equally likely. They are
    exchangeable, and which of them is largest says nothing of their values: the rows are distributed just as N(0, I)
    given the class. A row that has the class already, and every other coordinate, stays as it is. Raises ValueError
    for a label outside 0 … classes-1, or more classes than coordinates.
    """
    if not 0 <= label < classes <= latents.shape[1]:
        raise ValueError(f"label {label} of {classes} classes in {latents.shape[1]} coordinates")
    rows, chosen = np.arange(len(latents)), latents.shape[1] - classes + label
    largest = latents.shape[1] - classes + latents[:, -classes:].argmax(axis=1)
    swapped = latents.copy()
    swapped[rows, largest], swapped[rows, chosen] = latents[rows, chosen], latents[rows, largest]
    return swapped
