"""Networks, data and devices by the words of a command line."""

from pathlib import Path

import torch
from torch import nn

from models_store.checkpoint import Checkpoint, read_checkpoint
from models_store.pointer import CheckpointError
from training import data as datasets
from training.data import ImageSet
from training.kinds import KINDS
from training.objective import Objective
from training.run import Run
from training.snapshot import load


def objective_of(run: Run, device: torch.device, store: Path) -> Objective:
    """What the run trains, at its very beginning."""
    return KINDS[run.kind].objective(run.config, device, store)


def best_network(run: Run, device: torch.device, store: Path) -> tuple[nn.Module, int]:
    """The network to evaluate or export, and the step that it comes from. Raises ValueError before the first."""
    snapshot = run.best if run.best.exists() else run.last
    if not snapshot.exists():
        raise ValueError(f"{run.folder} has no snapshot yet; train it first")
    objective = objective_of(run, device, store)
    progress = load(snapshot, objective)
    return objective.network().eval(), progress.step


def stored(store: Path, name: str) -> Checkpoint:
    """The model of that name. Raises ValueError if there is none that can be read."""
    try:
        return read_checkpoint(store, name)
    except CheckpointError as error:
        raise ValueError(f"no model {name!r} in {store}: {error}") from error


def data_of(run: Run) -> ImageSet:
    """What the run is trained on."""
    model = run.config.model
    return datasets.load(run.config.data, image_size=model.image_size, channels=model.channels)


def data_of_card(checkpoint: Checkpoint) -> ImageSet:
    """The data set that a stored model was trained on, if it has a name; else Fashion-MNIST."""
    name = checkpoint.card.data.get("name")
    return datasets.SOURCES[name if name in datasets.SOURCES else "fashion-mnist"].read()


def device_of(name: str) -> torch.device:
    """`auto`, `cpu` or `cuda` as torch means it. Raises ValueError for a GPU that is not there."""
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("--device cuda: torch sees no GPU here; use cpu or auto")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")
