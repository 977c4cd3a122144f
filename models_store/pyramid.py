"""Convolutional encoders and decoders that halve and double a picture, level by level."""

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

DEEPEST = 12


def require_halvings(image_size: int, widths: Sequence[int]) -> None:
    """Raises ValueError unless pictures of that size can be halved once for each width."""
    if len(widths) > DEEPEST:
        raise ValueError(f"{len(widths)} widths: at most {DEEPEST}")
    if image_size % 2 ** len(widths):
        raise ValueError(f"image_size {image_size} cannot be halved {len(widths)} times (widths)")


class Residual(nn.Module):
    """x + f(x), f of two 3x3 convolutions; f starts at zero, so a deep stack starts as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        last = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(cast("Tensor", last.bias))
        self.branch = nn.Sequential(nn.ELU(), nn.Conv2d(width, width, 3, padding=1), nn.ELU(), last)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.branch(features)


def encoder(channels: int, image_size: int, widths: Sequence[int], *, hidden: int, outputs: int) -> nn.Sequential:
    """Pictures (B, channels, image_size, image_size) -> (B, outputs); `widths` are the channels after each halving."""
    layers: list[nn.Module] = []
    for width in widths:
        layers += [nn.Conv2d(channels, width, 4, stride=2, padding=1), Residual(width), nn.ELU()]
        channels = width
    size = image_size // 2 ** len(widths)
    layers += [nn.Flatten(), nn.Linear(channels * size * size, hidden), nn.ELU()]
    return nn.Sequential(*layers, nn.Linear(hidden, outputs))


def decoder(
    inputs: int,
    maps: int,
    image_size: int,
    widths: Sequence[int],
    *,
    hidden: int,
    blocks: int = 1,
    shuffled: bool = False,
) -> nn.Sequential:
    """(B, inputs) -> (B, maps, image_size, image_size): the way of `encoder` back, with `blocks` residuals a level.

    `shuffled` makes the last doubling by a convolution at half the size, whose maps become pixels (Shi et al. 2016): on
    a CPU a third less work, for nothing is as large as the feature maps of a whole picture.
    """
    size = image_size // 2 ** len(widths)
    top = widths[-1]
    layers: list[nn.Module] = [
        nn.Linear(inputs, hidden),
        nn.ELU(),
        nn.Linear(hidden, top * size * size),
        nn.Unflatten(1, (top, size, size)),
    ]
    targets = (*reversed(widths[:-1]), None)
    for width, target in zip(reversed(widths), targets, strict=True):
        layers += [*(Residual(width) for _ in range(blocks)), nn.ELU()]
        if target:
            layers.append(nn.ConvTranspose2d(width, target, 4, stride=2, padding=1))
    return nn.Sequential(*layers, *(_shuffled(widths[0], maps) if shuffled else _transposed(widths[0], maps)))


def _transposed(width: int, maps: int) -> tuple[nn.Module, ...]:
    """(B, width, H, W) -> (B, maps, 2H, 2W), by way of as many features at the full size."""
    return (
        nn.ConvTranspose2d(width, width, 4, stride=2, padding=1),
        nn.ELU(),
        nn.Conv2d(width, maps, 3, padding=1),
    )


def _shuffled(width: int, maps: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(width, 4 * maps, 3, padding=1), nn.PixelShuffle(2)
