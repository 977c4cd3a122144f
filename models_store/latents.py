"""(seed, index) -> noise, and paths between latents: pure functions, no state, no global generator.

The recipe, exact to the bit up to the last rounding, so that any language can redo it:

1. Philox4x32-10 (Salmon et al. 2011) with key = (seed, stream) and counter = (block, index, 0, 0) gives four 32-bit
   words a block; block b serves dimensions 4b … 4b+3. The words of (seed, index) need no other index.
2. Uniforms: u = (word + 0.5) / 2³² in float64, strictly between 0 and 1.
3. Normals (Box & Muller 1958): of the four uniforms of a block, (u₀, u₁) give √(-2 ln u₀)·(cos 2πu₁, sin 2πu₁) and
   (u₂, u₃) the next two, in float64, then rounded to float32.

Test vectors: `tests/models_store/test_latents.py`.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Method = Literal["slerp", "lerp"]
LARGEST_SEED = 2**32 - 1
LARGEST_INDEX = 2**32 - 1

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_HALF_WORD = np.uint64(32)


class Stream(IntEnum):
    """What the noise is for: streams of one seed are independent."""

    PRIOR = 0
    POSTERIOR = 1
    BINARIZATION = 2


def philox4x32(counter: NDArray[np.uint64], key: tuple[int, int]) -> NDArray[np.uint64]:
    """Ten rounds on counters (4, N) of 32-bit words held in uint64 -> four words a counter, (4, N)."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        product0, product1 = _MULTIPLIERS[0] * c0, _MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = (
            (product1 >> _HALF_WORD) ^ c1 ^ np.uint64(k0),
            product1 & _LOW,
            (product0 >> _HALF_WORD) ^ c3 ^ np.uint64(k1),
            product0 & _LOW,
        )
        k0, k1 = (k0 + _WEYL[0]) & 0xFFFFFFFF, (k1 + _WEYL[1]) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3])


def uniforms(seed: int, indices: Sequence[int], dim: int, *, stream: Stream) -> NDArray[np.float64]:
    """Uniforms in (0, 1), one row an index, (len(indices), dim). Raises ValueError above 32 bits."""
    if not 0 <= seed <= LARGEST_SEED or not all(0 <= index <= LARGEST_INDEX for index in indices):
        raise ValueError(f"seed {seed} and the indices must lie in 0 … {LARGEST_SEED}: they are words of 32 bits")
    blocks = -(-dim // 4)
    counter = np.zeros((4, len(indices), blocks), dtype=np.uint64)
    counter[0] = np.arange(blocks, dtype=np.uint64)
    counter[1] = np.asarray(indices, dtype=np.uint64)[:, None]
    words = philox4x32(counter.reshape(4, -1), (seed, int(stream)))
    rows = words.reshape(4, len(indices), blocks).transpose(1, 2, 0).reshape(len(indices), 4 * blocks)
    return (rows[:, :dim].astype(np.float64) + 0.5) / 2.0**32


def normals(seed: int, indices: Sequence[int], dim: int, *, stream: Stream = Stream.PRIOR) -> Floats:
    """Standard normals, one row an index, (len(indices), dim): the latents of (seed, index)."""
    padded = -(-dim // 4) * 4
    pairs = uniforms(seed, indices, padded, stream=stream).reshape(len(indices), padded // 2, 2)
    radius = np.sqrt(-2.0 * np.log(pairs[..., 0]))
    angle = 2.0 * np.pi * pairs[..., 1]
    both = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    return both.reshape(len(indices), padded)[:, :dim].astype(np.float32)


def lerp(start: Floats, end: Floats, fractions: NDArray[np.float64]) -> Floats:
    """The straight line between two latents (D,) at fractions (N,) in [0, 1] -> (N, D)."""
    weights = fractions[:, None]
    return ((1 - weights) * start.astype(np.float64) + weights * end).astype(np.float32)


def slerp(start: Floats, end: Floats, fractions: NDArray[np.float64]) -> Floats:
    """The great-circle path (Shoemake 1985; White 2016), which stays where the prior has its mass.

    Length is interpolated, too, so the ends are met exactly. Parallel, opposite or zero vectors have no single great
    circle: for them the path is the straight line.
    """
    a, b = start.astype(np.float64), end.astype(np.float64)
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    if min(lengths) < 1e-12:
        return lerp(start, end, fractions)
    cosine = np.clip(a @ b / (lengths[0] * lengths[1]), -1.0, 1.0)
    angle = np.arccos(cosine)
    if np.sin(angle) < 1e-6:
        return lerp(start, end, fractions)
    weights = fractions[:, None]
    direction = (np.sin((1 - weights) * angle) * a / lengths[0] + np.sin(weights * angle) * b / lengths[1]) / np.sin(
        angle
    )
    return (direction * ((1 - weights) * lengths[0] + weights * lengths[1])).astype(np.float32)


METHODS = {"slerp": slerp, "lerp": lerp}


def path(points: Floats, *, steps: int, method: Method = "slerp", loop: bool = False) -> Floats:
    """Key points (P, D) -> frames: `steps` a leg, each leg from its start up to, not including, its end.

    An open path closes with the last key point, P-1 legs and (P-1)·steps + 1 frames; a loop has P legs and P·steps.
    """
    ends = np.roll(points, -1, axis=0) if loop else points[1:]
    fractions = np.arange(steps) / steps
    legs = [METHODS[method](start, end, fractions) for start, end in zip(points, ends, strict=False)]
    return np.concatenate(legs if loop else [*legs, points[-1:]])
