"""The objective of the DCGAN: discriminator and generator in turn, as Radford et al. 2016 train them.

What goes beyond the paper has a flag of its own: a discriminator with spectral norm, a gradient penalty, images moved
before they are judged, classes to choose from.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Adam

from models_store.dcgan import DCGAN
from models_store.latents import normals
from training.collapse import COMPARED, divergence, diversity, sign_of_collapse
from training.config import DCGANRun
from training.data import ImageSet, Split
from training.discriminators import DISCRIMINATORS, translated
from training.game import DISCRIMINATOR_BATCHES, GENERATOR_COSTS, Game
from training.judge import Judge
from training.metrics import FeatureStatistics, frechet_distance
from training.objective import (
    Objective,
    Pictures,
    averaged_copy,
    mixed_precision,
    noise_of,
    placed,
    set_learning_rate,
    update_average,
)
from training.samples import made_from

RECALIBRATION_BATCHES = 100
VALIDATION_SAMPLES = 5000
PENALTY_EVERY = 16
"""Steps between two gradient penalties, each then weighing as much more (Karras et al. 2020, lazy regularization)."""


class DCGANObjective(Objective):
    """The game on images, with a falling learning rate, and a moving average of G to be evaluated and served."""

    def __init__(self, config: DCGANRun, device: torch.device, judge: Judge | None) -> None:
        self.config = config
        self.device = device
        self.judge = judge
        self.reference: _Reference | None = None
        generator = placed(DCGAN(config.model).apply(initialize), device)
        discriminator = placed(DISCRIMINATORS[config.discriminator](config.model).apply(initialize), device)
        self.modules = {"generator": generator.train(), "discriminator": discriminator.train()}
        self.averages = {"generator": averaged_copy(generator)}
        self.optimizers = {
            name: Adam(module.parameters(), lr=config.learning_rate, betas=(0.5, 0.999), fused=True)
            for name, module in self.modules.items()
        }
        self.game = Game(
            self.modules["generator"],
            self.modules["discriminator"],
            self.optimizers["generator"],
            self.optimizers["discriminator"],
            GENERATOR_COSTS[config.cost],
            DISCRIMINATOR_BATCHES[config.batches],
        )

    def step(self, batch: Split, step: int, noise: torch.Generator) -> dict[str, Tensor]:
        for optimizer in self.optimizers.values():
            set_learning_rate(optimizer, self._learning_rate(step))
        generator = cast("DCGAN", self.modules["generator"])
        latents = torch.randn((len(batch), generator.latent_dim), generator=noise, device=self.device)
        labels = self._labels(batch)
        if labels is not None:
            latents = torch.cat([latents[:, : -generator.classes], functional.one_hot(labels, generator.classes)], 1)

        def judged(images: Tensor) -> Tensor:
            moved = translated(images, noise, share=self.config.translation) if self.config.translation else images
            logits: Tensor = self.modules["discriminator"](moved, labels)
            return logits.float()

        penalty = self.config.penalty * PENALTY_EVERY if step % PENALTY_EVERY == 0 else 0.0
        with mixed_precision(self.config, self.device):
            terms = self.game.play(2.0 * batch.pixels() - 1.0, latents, judged=judged, penalty=penalty)
        update_average(self.averages["generator"], generator, decay=self.config.average, step=step)
        return terms

    @torch.no_grad()
    def validate(self, data: ImageSet) -> dict[str, float]:
        """Of 5,000 samples against the training images: how various they are, and what the judge sees, if there is one.

        `score` is their Fréchet distance in its features; a judge of classes gives their divergence, too.
        """
        model = self.network()
        noise = noise_of(self.config.seed + 1, 0, self.device)
        count = VALIDATION_SAMPLES if self.judge else COMPARED
        draws = torch.randn((count, model.latent_dim), generator=noise, device=self.device)
        made = made_from(model, draws)
        values = {"diversity": diversity(made.pixels()[:COMPARED], _spread_out(data.train, COMPARED).pixels())}
        return values if self.judge is None else self._judged(self.judge, made, data.train) | values

    def _judged(self, judge: Judge, made: Split, train: Split) -> dict[str, float]:
        features = judge.features(made)
        if self.reference is None:
            self.reference = _Reference.of(judge, train)
        values = {"score": frechet_distance(FeatureStatistics.of(features), self.reference.statistics)}
        if self.reference.class_shares is not None:
            values["class_divergence"] = divergence(judge.class_shares(features), self.reference.class_shares)
        return values

    def failure(self, history: Sequence[Mapping[str, float | None]]) -> str | None:
        return sign_of_collapse(history) if self.config.on_collapse == "stop" else None

    @torch.no_grad()
    def network(self) -> DCGAN:
        """The averaged generator with batch statistics of its own: those it inherited belong to other weights."""
        average = cast("DCGAN", self.averages["generator"])
        return with_own_statistics(
            average, noise_of(self.config.seed + 2, 0, self.device), batch_size=self.config.batch_size
        )

    @torch.no_grad()
    def pictures(self, data: ImageSet) -> dict[str, Pictures]:  # noqa: ARG002  # a GAN shows no data
        """`samples` from 64 fixed latents."""
        model = self.network()
        latents = torch.from_numpy(normals(0, range(64), model.latent_dim)).to(self.device)
        return {"samples": model.decode(latents).float().cpu().numpy()}

    def _labels(self, batch: Split) -> Tensor | None:
        """The classes that the game is about, (B,), or None where there is nothing to choose."""
        if self.config.model.classes == 1:
            return None
        if batch.labels is None:
            raise ValueError(f"classes {self.config.model.classes}: {self.config.data} has no labels")
        return batch.labels

    def _learning_rate(self, step: int) -> float:
        left = (self.config.steps - step) / max(1.0, self.config.decay * self.config.steps)
        return self.config.learning_rate * min(1.0, left)


def _spread_out(split: Split, count: int) -> Split:
    """So many of the images, from all over the data: they may lie sorted by what they show."""
    rows = torch.linspace(0, len(split) - 1, min(count, len(split)))
    return split.take(rows.long().to(split.images.device))


@dataclass(frozen=True)
class _Reference:
    """What the judge sees in the training images; found once."""

    statistics: FeatureStatistics
    class_shares: Tensor | None

    @classmethod
    def of(cls, judge: Judge, train: Split) -> "_Reference":
        features = judge.features(train)
        shares = None if judge.classifier is None else judge.class_shares(features)
        return cls(FeatureStatistics.of(features), shares)


@torch.no_grad()
def with_own_statistics(generator: DCGAN, noise: torch.Generator, *, batch_size: int) -> DCGAN:
    """A copy in eval mode whose batch norm has the means and variances over a hundred batches of its own images."""
    model = copy.deepcopy(generator)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # a plain mean over all batches
    model.train()
    for _ in range(RECALIBRATION_BATCHES):
        model(torch.randn((batch_size, model.latent_dim), generator=noise, device=noise.device))
    return model.eval()


def initialize(module: nn.Module) -> None:
    """Weights N(0, 0.02²), batch-norm gains N(1, 0.02²), as in the authors' code."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
