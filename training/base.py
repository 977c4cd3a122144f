"""A finished model on which another is built: taken from the store, its shape that of the run's flags."""

from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from models_store.base import LatentModel
from models_store.checkpoint import read_checkpoint
from models_store.pointer import CheckpointError

Base = TypeVar("Base", bound=LatentModel)


def stored_base(store: Path, name: str, kind: type[Base]) -> Base:
    """The stored model of that name and of no other type. Raises ValueError where there is none."""
    try:
        network = read_checkpoint(store, name).network
    except CheckpointError as error:
        raise ValueError(f"--base {name}: {error}") from error
    if type(network) is not kind:
        raise ValueError(f"--base {name} is a {type(network).__name__}, not a {kind.__name__}")
    return network


def require_shape_of(base: LatentModel, name: str, model: Any) -> None:
    """Raises ValueError naming the first field of the base's config in which the run's model differs."""
    for each in fields(base.config):
        found, wanted = getattr(base.config, each.name), getattr(model, each.name)
        if found != wanted:
            flag = each.name.replace("_", "-")
            raise ValueError(f"--{flag} {wanted}: --base {name} has {found}; give the flags of the base")
