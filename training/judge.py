"""The classifier in whose features samples are compared with real images."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch

from models_store.checkpoint import CheckpointError, read_checkpoint
from models_store.classifier import Classifier

FASHION_JUDGE = "fashion-classifier"


@dataclass(frozen=True)
class Judge:
    """Its name and digest belong to the protocol of every figure that it gives."""

    name: str
    digest: str
    network: Classifier

    @classmethod
    def load(cls, store: Path, name: str, device: torch.device) -> "Judge | None":
        """The stored classifier of that name; None, and a line that says so, where there is none."""
        try:
            found = read_checkpoint(store, name)
        except CheckpointError as error:
            print(f"samples are not judged: {error}")
            return None
        return cls(name, found.digest, cast("Classifier", found.network).to(device))

    def __str__(self) -> str:
        return f"{self.name}@{self.digest[:8]}"
