"""Whether a server's answers are right, before anybody looks at how fast they come."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.checkpoint import SIDE, stored
from benchmarks.contestants import OURS, Contestant
from models_store.latents import Floats, normals
from models_store.pixels import Bytes, to_bytes

SEEDS = (7, 77, 777)
SHEET_SIDE = 8 * SIDE
ROUNDING = 1
"""Levels of 256 by which another way to round may differ."""

Expected = Callable[[str, int], Bytes]
"""(contestant, seed) -> the picture that it has to give, (32, 32)."""


class WrongAnswer(Exception):
    """A server whose figures would mean nothing; the message says what it answered."""


def expected_from(store: Path) -> Expected:
    """What the network gives for the noise that our service, or torch, draws from a seed."""
    network = stored(store)

    def expected(contestant: str, seed: int) -> Bytes:
        dim = network.latent_dim
        noise = normals(seed, [0], dim) if contestant == OURS else _torch_noise(seed, dim)
        with torch.inference_mode():
            return to_bytes(network.decode(torch.from_numpy(noise)).numpy())[0, :, :, 0]

    return expected


def check(contestant: Contestant, expected: Expected) -> None:
    """Right pixels, the same bytes for the same seed, a sheet of the right size. Raises WrongAnswer."""
    for seed in SEEDS:
        first, again = contestant.picture(1, seed), contestant.picture(1, seed)
        if first != again:
            raise WrongAnswer(f"{contestant.title} gives other bytes when it is asked for seed {seed} again")
        difference = np.abs(levels_of(first).astype(int) - expected(contestant.name, seed)).max(initial=0)
        if difference > ROUNDING:
            raise WrongAnswer(f"{contestant.title} gives seed {seed} another picture: off by {difference} levels")
    shape = levels_of(contestant.picture(64, SEEDS[0])).shape
    if shape != (SHEET_SIDE, SHEET_SIDE):
        raise WrongAnswer(f"{contestant.title} gives 64 images as a picture of {shape}, not {SHEET_SIDE} a side")


def levels_of(png: bytes) -> Bytes:
    """A PNG -> its grey levels, (H, W)."""
    with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
        return np.asarray(image.convert("L"))


def _torch_noise(seed: int, dim: int) -> Floats:
    return torch.randn(1, dim, generator=torch.Generator().manual_seed(seed)).numpy()
