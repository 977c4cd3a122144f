"""The networks that tell real pictures from made ones, and what they are shown."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from models_store.dcgan import DCGANConfig


class Discriminator(nn.Module):
    """The generator mirrored: strided convolutions, LeakyReLU 0.2, batch norm but on the first layer; gives a logit."""

    def __init__(self, config: DCGANConfig) -> None:
        super().__init__()
        first, *rest = pairwise(_widths(config))
        layers: list[nn.Module] = [nn.Conv2d(*first, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for width, target in rest:
            layers.append(nn.Conv2d(width, target, 4, stride=2, padding=1, bias=False))
            layers += [nn.BatchNorm2d(target), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, _head(config))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (B, C, H, W) in [-1, 1] and, of a conditional game, labels (B,) -> logits (B,) of being real."""
        return _chosen(self.layers(images), labels)


class SpectralDiscriminator(nn.Module):
    """The same layout with every layer's largest singular value held at 1 in place of batch norm (Miyato et al. 2018).

    Without batch norm an image is judged by itself, which a gradient penalty needs.
    """

    def __init__(self, config: DCGANConfig) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width, target in pairwise(_widths(config)):
            layers += [spectral_norm(nn.Conv2d(width, target, 4, stride=2, padding=1)), nn.LeakyReLU(0.1)]
        self.layers = nn.Sequential(*layers, spectral_norm(_head(config)))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (B, C, H, W) in [-1, 1] and, of a conditional game, labels (B,) -> logits (B,) of being real."""
        return _chosen(self.layers(images), labels)


DISCRIMINATORS = {"batch-norm": Discriminator, "spectral-norm": SpectralDiscriminator}


def translated(images: Tensor, noise: torch.Generator, *, share: float) -> Tensor:
    """Each image moved by up to that share of its side, whole pixels, its border repeated (DiffAugment, Zhao 2020).

    Shown so to D, real and made alike, D cannot learn the few real images by heart, and G learns no moved ones.
    """
    height, width = images.shape[2:]
    farthest = torch.tensor([int(share * width), int(share * height)], device=images.device)
    uniform = torch.rand((len(images), 2), generator=noise, device=images.device)
    pixels = (uniform * (2 * farthest + 1)).floor() - farthest
    theta = torch.eye(2, 3, device=images.device).repeat(len(images), 1, 1)
    theta[:, :, 2] = 2 * pixels / (torch.tensor([width, height], device=images.device) - 1)
    grid = functional.affine_grid(theta, list(images.shape), align_corners=True)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=True)


def _widths(config: DCGANConfig) -> list[int]:
    return [config.channels, *(config.width * 2**level for level in range(config.doublings))]


def _head(config: DCGANConfig) -> nn.Conv2d:
    """One logit, or one for each class: whether the picture is a real one of that class."""
    return nn.Conv2d(_widths(config)[-1], config.classes, config.image_size // 2**config.doublings)


def _chosen(logits: Tensor, labels: Tensor | None) -> Tensor:
    """Logits (B, classes, 1, 1) -> those of the labels, (B,)."""
    flat = logits.flatten(1)
    return flat[:, 0] if labels is None else flat.gather(1, labels[:, None])[:, 0]
