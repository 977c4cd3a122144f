"""The VAE and the DCGAN of pytorch/examples, as their scripts train them, for comparison.

Written anew from github.com/pytorch/examples, `vae/main.py` and `dcgan/main.py`: the same layers, initial weights,
optimizers, costs and order of steps. For 28 pixels the DCGAN loses its two deepest layers and starts at 7 pixels.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Adam

WIDTH = 64
LATENTS = 100
SIDES = {28: (7, (128, 64)), 64: (4, (512, 256, 128, 64))}
"""Side of the pictures -> side of the first layer's, and the channels from there on."""


class PlainDCGAN:
    """Generator, discriminator and their step; batches of 64 in the script."""

    def __init__(self, side: int = 28, channels: int = 1) -> None:
        start, widths = SIDES[side]
        self.generator = _generator(start, widths, channels).apply(_initialize)
        self.discriminator = _discriminator(start, widths[::-1], channels).apply(_initialize)
        self.generator_optimizer = Adam(self.generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.discriminator_optimizer = Adam(self.discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))

    def step(self, real: Tensor) -> tuple[float, float]:
        """Images (B, C, H, W) in [-1, 1] -> the two costs, as the script prints them."""
        self.discriminator.zero_grad()
        real_cost = self._cost(real, 1.0)
        real_cost.backward()
        fake = self.generator(torch.randn(len(real), LATENTS, 1, 1))
        fake_cost = self._cost(fake.detach(), 0.0)
        fake_cost.backward()
        self.discriminator_optimizer.step()

        self.generator.zero_grad()
        cost = self._cost(fake, 1.0)
        cost.backward()
        self.generator_optimizer.step()
        return (real_cost + fake_cost).item(), cost.item()

    def _cost(self, images: Tensor, target: float) -> Tensor:
        judged = self.discriminator(images).view(-1)
        return functional.binary_cross_entropy(judged, torch.full((len(images),), target))


class PlainVAE(nn.Module):
    """784-400-20-400-784; batches of 128 in the script."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(784, 400)
        self.mean = nn.Linear(400, 20)
        self.log_variance = nn.Linear(400, 20)
        self.rest = nn.Sequential(nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784), nn.Sigmoid())
        self.optimizer = Adam(self.parameters(), lr=1e-3)

    def step(self, images: Tensor) -> float:
        """Pixels (B, 1, 28, 28) in [0, 1] -> the cost of the batch, as the script adds it up."""
        self.optimizer.zero_grad()
        pixels = images.view(-1, 784)
        hidden = functional.relu(self.hidden(pixels))
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        latents = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
        error = functional.binary_cross_entropy(self.rest(latents), pixels, reduction="sum")
        divergence = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
        cost = error + divergence
        cost.backward()
        self.optimizer.step()
        return cost.item()


def _generator(start: int, widths: tuple[int, ...], channels: int) -> nn.Sequential:
    layers: list[nn.Module] = [nn.ConvTranspose2d(LATENTS, widths[0], start, 1, 0, bias=False)]
    for width, target in pairwise([*widths, channels]):
        layers += [nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        layers.append(nn.ConvTranspose2d(width, target, 4, 2, 1, bias=False))
    return nn.Sequential(*layers, nn.Tanh())


def _discriminator(end: int, widths: tuple[int, ...], channels: int) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(channels, widths[0], 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True)]
    for width, target in pairwise(widths):
        layers += [nn.Conv2d(width, target, 4, 2, 1, bias=False), nn.BatchNorm2d(target)]
        layers.append(nn.LeakyReLU(0.2, inplace=True))
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, end, 1, 0, bias=False), nn.Sigmoid())


def _initialize(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
