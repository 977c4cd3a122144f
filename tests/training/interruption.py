"""A training that is stopped again and again beside one that is not."""

from collections.abc import Callable
from pathlib import Path

import torch

from training.config import RunConfig
from training.data import ImageSet
from training.loop import fit
from training.objective import Objective
from training.run import Run

STOPS = (37, 50, 100, 111, None)
"""Within a tick, at a tick, at a validation, within a tick again, and then to the end."""


def whole_and_interrupted(
    kind: str, config: RunConfig, make: Callable[[], Objective], root: Path, data: ImageSet
) -> tuple[Run, Run]:
    """Both runs; each piece of the second is continued by an objective with other weights, which knows nothing."""
    whole, pieces = (Run.create(root / name, kind, config) for name in ("whole", "pieces"))
    torch.manual_seed(0)
    fit(whole, make(), data)
    torch.manual_seed(0)
    for stop in STOPS:
        fit(pieces, make(), data, stop_after=stop)
        torch.manual_seed(99)
    return whole, pieces


def same_files(whole: Run, pieces: Run, *more: str) -> bool:
    """Whether both have, byte for byte, the same snapshots, statistics and those files besides."""
    names = ("last.safetensors", "best.safetensors", "statistics.jsonl", *more)
    return all((whole.folder / name).read_bytes() == (pieces.folder / name).read_bytes() for name in names)
