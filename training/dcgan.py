"""The objective of the DCGAN: discriminator and generator in turn, as Radford et al. 2016 train them."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Adam, Optimizer

from models_store.dcgan import DCGAN, DCGANConfig
from models_store.latents import normals
from training.config import DCGANRun
from training.data import ImageSet, Split
from training.judge import Judge
from training.metrics import FeatureStatistics, frechet_distance
from training.objective import Objective, Pictures, averaged_copy, noise_of, placed, set_learning_rate, update_average

RECALIBRATION_BATCHES = 100
VALIDATION_SAMPLES = 5000


class Discriminator(nn.Module):
    """The generator mirrored: strided convolutions, LeakyReLU 0.2, batch norm but on the first layer; gives a logit."""

    def __init__(self, config: DCGANConfig) -> None:
        super().__init__()
        size = config.image_size // 2**config.doublings
        layers: list[nn.Module] = [nn.Conv2d(config.channels, config.width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        width = config.width
        for _ in range(config.doublings - 1):
            layers.append(nn.Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=False))
            layers += [nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2)]
            width = 2 * width
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, 1, size), nn.Flatten(0))

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) in [-1, 1] -> logits (B,) of being real."""
        return self.layers(images)


def discriminator_cost(real: Tensor, fake: Tensor) -> Tensor:
    """J(D) = -½ E log D(x) - ½ E log(1 - D(G(z))) from logits; ln 2 = 0.693 where D cannot tell them apart."""
    return 0.5 * (functional.softplus(-real).mean() + functional.softplus(fake).mean())


def minimax_cost(fake: Tensor) -> Tensor:
    """J(G) = ½ E log(1 - D(G(z))): no gradient where D is sure of the fake (Goodfellow et al. 2014, eq. 1)."""
    return -0.5 * functional.softplus(fake).mean()


def non_saturating_cost(fake: Tensor) -> Tensor:
    """J(G) = -½ E log D(G(z)): the strongest gradient where D is sure of the fake (Goodfellow et al. 2014, §3)."""
    return 0.5 * functional.softplus(-fake).mean()


def maximum_likelihood_cost(fake: Tensor) -> Tensor:
    """J(G) = -½ E exp(σ⁻¹(D(G(z)))): KL(data ‖ model) if D is optimal (Goodfellow 2014, arXiv 1412.6515)."""
    return -0.5 * fake.exp().mean()


GENERATOR_COSTS = {
    "maximum-likelihood": maximum_likelihood_cost,
    "minimax": minimax_cost,
    "non-saturating": non_saturating_cost,
}


def separate_logits(discriminator: nn.Module, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Logits of the real and of the fake images, each half a batch of its own."""
    return discriminator(real), discriminator(fake)


def mixed_logits(discriminator: nn.Module, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """The same from one batch of both, as Chollet 2021 has it: batch norm then carries news from half to half."""
    real_logits, fake_logits = discriminator(torch.cat([real, fake])).split([len(real), len(fake)])
    return real_logits, fake_logits


DISCRIMINATOR_BATCHES = {"separate": separate_logits, "mixed": mixed_logits}


@dataclass(frozen=True)
class Game:
    """Two players, any networks, and the rules between them; a round is the six steps of the lecture."""

    generator: nn.Module
    """Latents (B, latent_dim) -> images (B, ...) like the real ones."""
    discriminator: nn.Module
    """Images -> logits (B,) of being real."""
    generator_optimizer: Optimizer
    discriminator_optimizer: Optimizer
    cost: Callable[[Tensor], Tensor] = non_saturating_cost
    logits: Callable[[nn.Module, Tensor, Tensor], tuple[Tensor, Tensor]] = separate_logits

    def play(self, real: Tensor, latents: Tensor) -> dict[str, Tensor]:
        """One round with real images (B, ...) and latents (B, latent_dim): (1) z ~ N(0, I), drawn by the caller.

        The lecture draws z anew before (5). The fakes of (2) serve twice here, as in the usual code: one pass through
        G less, and at step (6) D has seen these very fakes once.
        """
        fake = self.generator(latents)  # (2) generate
        judged = self.discriminator_step(real, fake.detach())  # (3) and (4): detached, so no gradient reaches G
        return judged | {"generator": self.generator_step(fake)}  # (5) and (6)

    def discriminator_step(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """(3) Real and fake images through D; (4) J(D) and its step, which moves D alone."""
        self.discriminator.requires_grad_(requires_grad=True)
        real_logits, fake_logits = self.logits(self.discriminator, real, fake)
        cost = discriminator_cost(real_logits, fake_logits)
        self.discriminator_optimizer.zero_grad()
        cost.backward()
        self.discriminator_optimizer.step()
        return {
            "discriminator": cost.detach(),
            "D(x)": real_logits.detach().sigmoid().mean(),
            "D(G(z))": fake_logits.detach().sigmoid().mean(),
        }

    def generator_step(self, fake: Tensor) -> Tensor:
        """(5) D is frozen: gradients pass through it to the images, none is kept; (6) J(G) and its step."""
        self.discriminator.requires_grad_(requires_grad=False)
        cost = self.cost(self.discriminator(fake))
        self.generator_optimizer.zero_grad()
        cost.backward()
        self.generator_optimizer.step()
        return cost.detach()


class DCGANObjective(Objective):
    """The game on images, with a falling learning rate, and a moving average of G to be evaluated and served."""

    def __init__(self, config: DCGANRun, device: torch.device, judge: Judge | None) -> None:
        self.config = config
        self.device = device
        self.judge = judge
        self.reference: FeatureStatistics | None = None
        generator = placed(DCGAN(config.model).apply(initialize), device)
        discriminator = placed(Discriminator(config.model).apply(initialize), device)
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
        terms = self.game.play(2.0 * batch.pixels() - 1.0, latents)
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
