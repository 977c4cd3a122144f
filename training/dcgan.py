"""The objective of the DCGAN: discriminator and generator in turn, as Radford et al. 2016 train them.

What goes beyond the paper has a flag of its own: a discriminator with spectral norm, a gradient penalty, images moved
before they are judged, classes to choose from.
"""

import copy
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Adam

from models_store.dcgan import DCGAN
from models_store.latents import normals
from training.config import DCGANRun
from training.data import ImageSet, Split
from training.discriminators import DISCRIMINATORS, translated
from training.game import DISCRIMINATOR_BATCHES, GENERATOR_COSTS, Game
from training.judge import Judge
from training.metrics import FeatureStatistics, frechet_distance
from training.objective import Objective, Pictures, averaged_copy, noise_of, placed, set_learning_rate, update_average

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
        self.reference: FeatureStatistics | None = None
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
            return self.modules["discriminator"](moved, labels)

        penalty = self.config.penalty * PENALTY_EVERY if step % PENALTY_EVERY == 0 else 0.0
        terms = self.game.play(2.0 * batch.pixels() - 1.0, latents, judged=judged, penalty=penalty)
        update_average(self.averages["generator"], generator, decay=self.config.average, step=step)
        return terms

    @torch.no_grad()
    def validate(self, data: ImageSet) -> dict[str, float]:
        """`score`: Fréchet distance of 5,000 samples in the judge's features to the training images; none without."""
        if self.judge is None:
            return {}
        if self.reference is None:
            self.reference = FeatureStatistics.of(
                self.judge.network, (part.pixels() for part in data.train.batches(1000))
            )
        model = self.network()
        noise = noise_of(self.config.seed + 1, 0, self.device)
        draws = torch.randn((VALIDATION_SAMPLES, model.latent_dim), generator=noise, device=self.device)
        made = FeatureStatistics.of(self.judge.network, (model.decode(part) for part in draws.split(500)))
        return {"score": frechet_distance(made, self.reference)}

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
