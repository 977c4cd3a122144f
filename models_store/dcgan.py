"""The generator of DCGAN (Radford et al. 2016): transposed convolutions, batch norm and ReLU, tanh at the end."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from models_store.base import LatentModel
from models_store.bounds import require_whole_numbers
from models_store.choice import read_choice


@dataclass(frozen=True, kw_only=True)
class DCGANConfig:
    """`width` is the number of channels before the last layer; each layer before that has twice as many.

    With more than one class the network has a latent for each beside `latent_dim`: the largest of them chooses.
    """

    image_size: int = 28
    channels: int = 1
    latent_dim: int = 100
    width: int = 64
    classes: int = 1

    def __post_init__(self) -> None:
        require_whole_numbers(self)
        if self.doublings < 1:
            raise ValueError(f"image_size {self.image_size} is not an even number of at least 6")

    @property
    def doublings(self) -> int:
        """How often the first layer's picture is doubled: down to 7 for 28 pixels, to 4 for 32 and 64."""
        size, count = self.image_size, 0
        while size > 4 and size % 2 == 0:
            size, count = size // 2, count + 1
        return count


class DCGAN(LatentModel):
    """Latents -> pixels. Its batch norm uses stored statistics, so no image depends on its neighbours."""

    def __init__(self, config: DCGANConfig) -> None:
        super().__init__()
        self.config = config
        self.classes = config.classes if config.classes > 1 else 0
        self.latent_dim = config.latent_dim + self.classes
        self.image_shape = (config.channels, config.image_size, config.image_size)
        start = config.image_size // 2**config.doublings
        widths = [config.width * 2**level for level in reversed(range(config.doublings))]
        layers: list[nn.Module] = [nn.ConvTranspose2d(self.latent_dim, widths[0], start, bias=False)]
        for width, target in pairwise([*widths, config.channels]):
            # Kernel 4 with stride 2 covers every pixel equally often: no checkerboard. No bias: batch norm follows.
            up = nn.ConvTranspose2d(width, target, 4, stride=2, padding=1, bias=False)
            layers += [nn.BatchNorm2d(width), nn.ReLU(), up]
        self.layers = nn.Sequential(*layers)

    def forward(self, latents: Tensor) -> Tensor:
        """Latents (B, latent_dim) -> images (B, C, H, W) in [-1, 1], the range of the discriminator's data."""
        return torch.tanh(self.layers(self._chosen(latents)[..., None, None]))

    def _chosen(self, latents: Tensor) -> Tensor:
        """The latents with those of the classes replaced by 1 for the largest and 0 for the others."""
        return torch.cat(read_choice(latents, self.classes), dim=1) if self.classes else latents

    def decode(self, latents: Tensor) -> Tensor:
        return (self.forward(latents) + 1.0) / 2.0
