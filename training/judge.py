"""The networks in whose features samples are compared with real images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from rich.progress import track
from torch import Tensor

from models_store.checkpoint import read_checkpoint
from models_store.classifier import Classifier
from models_store.pointer import CheckpointError
from training import efficientnet
from training.data import Split
from training.efficientnet import EfficientNetLite0
from training.metrics import features_of

FASHION_JUDGE = "fashion-classifier"
PHOTOGRAPH_JUDGE = "efficientnet-lite0"
JUDGES = {"fashion-mnist": FASHION_JUDGE, "emoji64": PHOTOGRAPH_JUDGE}
"""Data set -> the judge whose figures are its own; any other's are a second opinion."""
BATCH = 500


@dataclass(frozen=True)
class Judge:
    """Its name and digest belong to the protocol of every figure that it gives."""

    name: str
    digest: str
    network: Classifier | EfficientNetLite0

    @classmethod
    def load(cls, store: Path, name: str, device: torch.device) -> "Judge":
        """EfficientNet-Lite0, or the stored classifier of that name.

        Raises FileNotFoundError or ValueError, with the remedy, when it is not here, or not what it should be.
        """
        if name == PHOTOGRAPH_JUDGE:
            return cls(name, efficientnet.SHA256, _placed(efficientnet.load(), device))
        try:
            found = read_checkpoint(store, name)
        except CheckpointError as error:
            raise ValueError(f"no judge {name!r}: {error}") from error
        if found.architecture != "classifier":
            raise ValueError(f"{name} is no classifier; judges are {FASHION_JUDGE}, {PHOTOGRAPH_JUDGE} and your own")
        return cls(name, found.digest, cast("Classifier", found.network).to(device))

    @classmethod
    def find(cls, store: Path, name: str, device: torch.device) -> "Judge | None":
        """The same; None, and a line that says why, where it cannot be had."""
        try:
            return cls.load(store, name, device)
        except (FileNotFoundError, ValueError) as error:
            print(f"samples are not judged: {error}")
            return None

    @property
    def classifier(self) -> Classifier | None:
        """The network, if it knows the classes of the data."""
        return self.network if isinstance(self.network, Classifier) else None

    def require(self, shape: tuple[int, int, int]) -> None:
        """Raises ValueError unless the judge can look at pictures of this shape (C, H, W)."""
        if self.classifier is None:
            return
        size = self.classifier.config.image_size
        wanted = (self.classifier.config.channels, size, size)
        if shape != wanted:
            sizes = ["×".join(map(str, each)) for each in (wanted, shape)]
            raise ValueError(
                f"{self.name} judges pictures of {sizes[0]}, not of {sizes[1]}; {PHOTOGRAPH_JUDGE} judges any"
            )

    def features(self, pictures: Split, *, shown_as: str = "") -> Tensor:
        """Pictures (N, C, H, W) -> features (N, F) in float64; under a name, with a bar of how far it is."""
        count, batches = -(-len(pictures) // BATCH), (part.pixels() for part in pictures.batches(BATCH))
        bar = track(batches, shown_as, total=count, transient=True) if shown_as else batches
        return features_of(self.network, bar)

    def class_shares(self, features: Tensor) -> Tensor:
        """Features (N, F) -> the share of each class that a classifier sees in them, (classes,) in float64."""
        classifier = cast("Classifier", self.network)
        return torch.bincount(self.classes(features), minlength=classifier.config.classes).double() / len(features)

    def classes(self, features: Tensor) -> Tensor:
        """Features (N, F) -> the likeliest class of each by a classifier, (N,)."""
        head = cast("Classifier", self.network).head
        return head(features.to(head.weight.device, head.weight.dtype)).argmax(1).cpu()

    def __str__(self) -> str:
        return f"{self.name}@{self.digest[:8]}"


def judges_of(names: Sequence[str] | None, data: str, *, store: Path, device: torch.device) -> list[Judge]:
    """Those that were asked for, or the data set's own, if it has one and it is here."""
    if names is not None:
        return [Judge.load(store, name, device) for name in names]
    found = Judge.find(store, JUDGES[data], device) if data in JUDGES else None
    return [found] if found else []


def _placed(network: EfficientNetLite0, device: torch.device) -> EfficientNetLite0:
    return network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's own stub
