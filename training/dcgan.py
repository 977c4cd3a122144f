"""The objective of the DCGAN: discriminator and generator in turn, as Radford et al. 2016 train them."""

import copy
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Adam

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


class DCGANObjective(Objective):
    """One step for D on a real and a fake batch apart from one another, then one for G with D frozen."""

    def __init__(self, config: DCGANRun, device: torch.device, judge: Judge | None) -> None:
        self.config = config
        self.device = device
        self.judge = judge
        self.reference: FeatureStatistics | None = None
        generator = placed(DCGAN(config.model).apply(_initialize), device)
        discriminator = placed(Discriminator(config.model).apply(_initialize), device)
        self.modules = {"generator": generator.train(), "discriminator": discriminator.train()}
        self.averages = {"generator": averaged_copy(generator)}
        self.optimizers = {
            name: Adam(module.parameters(), lr=config.learning_rate, betas=(0.5, 0.999), fused=True)
            for name, module in self.modules.items()
        }

    def step(self, batch: Split, step: int, noise: torch.Generator) -> dict[str, Tensor]:
        for optimizer in self.optimizers.values():
            set_learning_rate(optimizer, self._learning_rate(step))
        generator = cast("DCGAN", self.modules["generator"])
        shape = (len(batch), generator.latent_dim)
        fake = generator(torch.randn(shape, generator=noise, device=self.device))
        judged = self._discriminator_step(2.0 * batch.pixels() - 1.0, fake.detach())
        cost = self._generator_step(fake)
        update_average(self.averages["generator"], generator, decay=self.config.average, step=step)
        return judged | {"generator": cost}

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
        model = cast("DCGAN", copy.deepcopy(self.averages["generator"]))
        norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain mean over all batches
        model.train()
        noise = noise_of(self.config.seed + 2, 0, self.device)
        for _ in range(RECALIBRATION_BATCHES):
            model(torch.randn((self.config.batch_size, model.latent_dim), generator=noise, device=self.device))
        return model.eval()

    @torch.no_grad()
    def pictures(self, data: ImageSet) -> dict[str, Pictures]:  # noqa: ARG002  # a GAN shows no data
        """`samples` from 64 fixed latents."""
        model = self.network()
        latents = torch.from_numpy(normals(0, range(64), model.latent_dim)).to(self.device)
        return {"samples": model.decode(latents).float().cpu().numpy()}

    def _discriminator_step(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        discriminator, optimizer = self.modules["discriminator"], self.optimizers["discriminator"]
        discriminator.requires_grad_(requires_grad=True)
        # Two batches, not one: in a mixed one, batch norm would tell real from fake by the company they keep.
        real_logits, fake_logits = discriminator(real), discriminator(fake)
        cost = discriminator_cost(real_logits, fake_logits)
        optimizer.zero_grad()
        cost.backward()
        optimizer.step()
        return {
            "discriminator": cost.detach(),
            "D(x)": real_logits.detach().sigmoid().mean(),
            "D(G(z))": fake_logits.detach().sigmoid().mean(),
        }

    def _generator_step(self, fake: Tensor) -> Tensor:
        discriminator, optimizer = self.modules["discriminator"], self.optimizers["generator"]
        # Frozen: gradients pass through D to the picture, none is computed for D itself.
        discriminator.requires_grad_(requires_grad=False)
        cost = GENERATOR_COSTS[self.config.cost](discriminator(fake))
        optimizer.zero_grad()
        cost.backward()
        optimizer.step()
        return cost.detach()

    def _learning_rate(self, step: int) -> float:
        left = (self.config.steps - step) / max(1.0, self.config.decay * self.config.steps)
        return self.config.learning_rate * min(1.0, left)


def _initialize(module: nn.Module) -> None:
    """Weights N(0, 0.02²), batch-norm gains N(1, 0.02²), as in the authors' code."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
