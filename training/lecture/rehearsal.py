"""What several lessons need first: a network, shipped if the store has it, or trained for a moment."""

from pathlib import Path

import torch
from rich.progress import track
from torch import nn

from models_store.checkpoint import read_checkpoint
from models_store.pointer import CheckpointError
from training.data import Split, shuffled_rows
from training.objective import Objective, noise_of

CPU = torch.device("cpu")


def rehearse(objective: Objective, pictures: Split, *, steps: int, batch: int, name: str) -> nn.Module:
    """The objective's network after so many steps, with the order and the noise of seed 0; `name` is for the bar."""
    for step in track(range(steps), name, transient=True):
        rows = shuffled_rows(len(pictures), batch, seed=0, step=step)
        objective.step(pictures.take(rows), step, noise_of(0, step, CPU))
    return objective.network()


def shipped(store: Path, name: str) -> nn.Module | None:
    """The network of that name; None where the store has none that can be read."""
    try:
        return read_checkpoint(store, name).network
    except CheckpointError:
        return None
