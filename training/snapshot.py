"""The state of training in one file: networks, averages, optimizers and step; no pickle, replaced in one rename."""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as dump_tensors
from torch import Tensor
from torch.optim import Optimizer

from models_store.pointer import replace_file
from training.objective import Objective

METADATA_KEY = "training"


@dataclass(frozen=True)
class Progress:
    """How far a run has come.

    `score` is that of its best validation so far, `waited` counts the validations since, `sums` are those of the
    terms since the last tick.
    """

    step: int = 0
    score: float | None = None
    best_step: int = 0
    waited: int = 0
    sums: Mapping[str, Tensor | float] = field(default_factory=dict)


def save(path: Path, objective: Objective, progress: Progress) -> None:
    """Writes the file anew, or leaves the old one if anything goes wrong."""
    tensors = {key: value.detach().cpu().contiguous().clone() for key, value in _tensors(objective).items()}
    sums = {name: float(value) for name, value in progress.sums.items()}
    header = json.dumps(vars(progress) | {"sums": sums})
    replace_file(path, dump_tensors(tensors, metadata={METADATA_KEY: header}))


def load(path: Path, objective: Objective) -> Progress:
    """Puts a saved state into an objective of the same config.

    Raises ValueError naming the file when it holds the state of something else.
    """
    content = path.read_bytes()
    try:
        length = struct.unpack("<Q", content[:8])[0]
        header = json.loads(json.loads(content[8 : 8 + length])["__metadata__"][METADATA_KEY])
        tensors = load_tensors(content)
        for kind in ("modules", "averages"):
            for name, module in getattr(objective, kind).items():
                module.load_state_dict(_under(tensors, f"{kind}.{name}."))
        for name, optimizer in objective.optimizers.items():
            _load_optimizer(optimizer, _under(tensors, f"optimizers.{name}."))
        return Progress(**header)
    except Exception as error:
        raise ValueError(f"{path} is not a snapshot of this run: {error}") from error


def _tensors(objective: Objective) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for kind in ("modules", "averages"):
        for name, module in getattr(objective, kind).items():
            found |= {f"{kind}.{name}.{key}": value for key, value in module.state_dict().items()}
    for name, optimizer in objective.optimizers.items():
        for index, state in optimizer.state_dict()["state"].items():
            found |= {f"optimizers.{name}.{index}.{key}": torch.as_tensor(value) for key, value in state.items()}
    return found


def _load_optimizer(optimizer: Optimizer, tensors: dict[str, Tensor]) -> None:
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Any]] = {}
    for key, value in tensors.items():
        index, name = key.split(".", 1)
        like = parameters[int(index)]
        # In the memory layout of its parameter: a fused optimizer walks both in step.
        placed = torch.empty_like(like).copy_(value) if value.shape == like.shape else value
        state.setdefault(int(index), {})[name] = placed
    # The groups hold nothing that a step does not set anew from the config.
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
