"""The objective of the classifier: cross-entropy with images shifted by up to two pixels."""

from typing import cast

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim import AdamW

from models_store.classifier import Classifier
from training.config import ClassifierRun
from training.data import ImageSet, Split
from training.objective import Objective, Pictures, averaged_copy, placed, set_learning_rate, update_average

LARGEST_SHIFT = 2


class ClassifierObjective(Objective):
    """The moving average takes over the learner's batch statistics, which at this decay fit its weights."""

    def __init__(self, config: ClassifierRun, device: torch.device) -> None:
        self.config = config
        self.device = device
        model = placed(Classifier(config.model), device)
        self.modules = {"classifier": model.train()}
        self.averages = {"classifier": averaged_copy(model)}
        self.optimizers = {
            "classifier": AdamW(model.parameters(), lr=config.learning_rate, weight_decay=0.05, fused=True)
        }

    def step(self, batch: Split, step: int, noise: torch.Generator) -> dict[str, Tensor]:
        model, optimizer = self.modules["classifier"], self.optimizers["classifier"]
        set_learning_rate(optimizer, self.config.learning_rate * (1 - step / self.config.steps))
        logits = model(_shifted(batch.pixels(), noise))
        labels = cast("Tensor", batch.labels)
        loss = functional.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        update_average(self.averages["classifier"], model, decay=self.config.average, step=step)
        return {"cross_entropy": loss.detach(), "accuracy": (logits.argmax(1) == labels).float().mean()}

    def validate(self, data: ImageSet) -> dict[str, float]:
        right = accuracy(self.network(), data.validation)
        return {"score": 1 - right, "accuracy": right}

    def network(self) -> Classifier:
        return cast("Classifier", self.averages["classifier"])

    def pictures(self, data: ImageSet) -> dict[str, Pictures]:  # noqa: ARG002  # it makes none
        return {}


@torch.no_grad()
def accuracy(model: Classifier, split: Split) -> float:
    """The share of images whose likeliest class is their label."""
    right = sum(int((model(part.pixels()).argmax(1) == part.labels).sum()) for part in split.batches(1000))
    return right / len(split)


def _shifted(images: Tensor, noise: torch.Generator) -> Tensor:
    """The whole batch moved by one random offset: cheap, and new at every step."""
    down, right = torch.randint(-LARGEST_SHIFT, LARGEST_SHIFT + 1, (2,), generator=noise, device=images.device).tolist()
    padded = functional.pad(images, [LARGEST_SHIFT] * 4)
    height, width = images.shape[2:]
    top, left = LARGEST_SHIFT + down, LARGEST_SHIFT + right
    return padded[:, :, top : top + height, left : left + width]
