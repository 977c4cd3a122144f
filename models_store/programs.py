"""What runs an operation in torch's stead on a CPU, and what has to be true of it before anybody relies on it."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch

from models_store.latents import Floats
from models_store.operations import Operation
from models_store.pixels import Bytes, to_bytes

TRIED_SIZES = (1, 2, 3, 5, 8, 13, 21, 34)
"""Batch sizes at which a row has to have the bits that it has in the largest batch."""
RELATIVE, ABSOLUTE = 1e-4, 1e-4
"""How far its numbers may be from torch's: rounding in another order, no more."""


class Program(Protocol):
    """One operation of one network."""

    @property
    def has_levels(self) -> bool:
        """Whether its results are pictures, which it can give as levels, too."""

    def run(self, columns: Sequence[Floats]) -> Floats:
        """Columns (B, …), one an argument -> the results (B, …)."""

    def levels(self, columns: Sequence[Floats]) -> tuple[Bytes, bool]:
        """Columns (B, …) -> the levels of the pictures (B, H, W, C), and whether all pixels are finite."""


def doubt(program: Program, operation: Operation, *, rows: int) -> str | None:
    """What speaks against it in batches of up to so many rows; None if nothing does."""
    with torch.inference_mode():
        examples = operation.examples(max(rows, 2 * TRIED_SIZES[-1]))
        expected = operation.forward(*(each[: TRIED_SIZES[-1]] for each in examples)).numpy()
    columns = [each.numpy() for each in examples]
    whole = program.run(columns)
    if not np.allclose(whole[: len(expected)], expected, rtol=RELATIVE, atol=ABSOLUTE):
        return "its results are not those of the network"
    for size in TRIED_SIZES:
        # Kernels take rows by twos, fours and eights: an odd distance gives each a new place among them.
        part = slice(size + 1, 2 * size + 1)
        if not np.array_equal(program.run([column[part] for column in columns]), whole[part]):
            return f"a row in a batch of {size} has other bits than in one of {len(whole)}"
    if program.has_levels and not np.array_equal(program.levels(columns)[0], to_bytes(whole)):
        return "its levels are not those of its pixels"
    return None
