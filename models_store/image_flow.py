"""A normalizing flow on images: x = g(z) with g invertible, so that log p(x) is a change of variables and no bound.

Multi-scale as RealNVP (Dinh et al. 2017): a picture is squeezed to half its size and four times its channels, goes
through couplings, and is squeezed again. A step is a rotation of the channels (an invertible 1x1 convolution, Kingma &
Dhariwal 2018), an affine coupling, and a scale and shift of every dimension.

A density over reals says nothing yet about bytes. Uniform dequantization (Theis et al. 2016) puts the level k of a
pixel anywhere in [k, k + 1) / 256, and P(x) is the mass of that cube, of which the weights here are an unbiased
estimate. As an autoencoder: q(z|x) is the cube seen through the flow, and p(x|z) is 1 for the levels z decodes to.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from models_store.base import Autoencoder
from models_store.bounds import require_whole_numbers
from models_store.likelihoods import LEVELS, Quantized, quantize
from models_store.posteriors import Posterior
from models_store.pyramid import require_halvings

MOST_COUPLINGS = 128
MARGIN = 1e-4
"""How far the logit's argument stays from 0 and 1 (RealNVP, section 4.1), so that black and white stay finite."""


@dataclass(frozen=True, kw_only=True)
class ImageFlowConfig:
    """`widths` are the hidden channels of the couplings after each squeeze, `couplings` their number there."""

    image_size: int = 28
    channels: int = 1
    widths: tuple[int, ...] = (48, 64)
    couplings: tuple[int, ...] = (8, 8)

    def __post_init__(self) -> None:
        require_whole_numbers(self)
        require_halvings(self.image_size, self.widths)
        if len(self.couplings) != len(self.widths):
            raise ValueError(f"couplings {self.couplings}: want one number for each of the {len(self.widths)} widths")
        if max(self.couplings) > MOST_COUPLINGS:
            raise ValueError(f"couplings {self.couplings}: at most {MOST_COUPLINGS}")


class Bijection(nn.Module, ABC):
    """One invertible layer; `inverse` is the way from picture to noise, on which the density is computed."""

    @abstractmethod
    def forward(self, base: Tensor) -> Tensor:
        """Base points (B, C, H, W) -> points."""

    @abstractmethod
    def inverse(self, point: Tensor) -> tuple[Tensor, Tensor]:
        """Points -> base points and log |det ∂base/∂point| in nats, (B,)."""


class Logistic(Bijection):
    """Reals -> (0, 1) and a margin beyond both ends, by the logistic function."""

    def forward(self, base: Tensor) -> Tensor:
        return (torch.sigmoid(base) - MARGIN) / (1 - 2 * MARGIN)

    def inverse(self, point: Tensor) -> tuple[Tensor, Tensor]:
        share = MARGIN + (1 - 2 * MARGIN) * point
        log_slope = math.log(1 - 2 * MARGIN) - share.log() - torch.log1p(-share)
        return share.log() - torch.log1p(-share), log_slope.flatten(1).sum(1)


class Squeeze(Bijection):
    """Four channels of half the size -> one, and back."""

    def forward(self, base: Tensor) -> Tensor:
        return functional.pixel_shuffle(base, 2)

    def inverse(self, point: Tensor) -> tuple[Tensor, Tensor]:
        return functional.pixel_unshuffle(point, 2), point.new_zeros(point.shape[0])


class Elementwise(Bijection):
    """A scale and a shift of every channel and place: where pictures are centred, places differ."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(channels, size, size))
        self.log_scale = nn.Parameter(torch.zeros(channels, size, size))

    def forward(self, base: Tensor) -> Tensor:
        return base * self.log_scale.exp() + self.shift

    def inverse(self, point: Tensor) -> tuple[Tensor, Tensor]:
        return (point - self.shift) * (-self.log_scale).exp(), -self.log_scale.sum().expand(point.shape[0])


class Rotation(Bijection):
    """An orthogonal matrix over the channels: its inverse is its transpose, its determinant 1.

    Any A gives one by Cayley's transform, (I - S)(I + S)⁻¹ with S = A - Aᵀ, so no checkpoint can hold one that is none.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.generator = nn.Parameter(torch.empty(channels, channels))
        # Uniform with variance 1/channels: normal numbers on the meta device would import torch's compiler, a second.
        nn.init.uniform_(self.generator, -math.sqrt(3 / channels), math.sqrt(3 / channels))

    def forward(self, base: Tensor) -> Tensor:
        return functional.conv2d(base, self._matrix()[..., None, None])

    def inverse(self, point: Tensor) -> tuple[Tensor, Tensor]:
        return functional.conv2d(point, self._matrix().T[..., None, None]), point.new_zeros(point.shape[0])

    def _matrix(self) -> Tensor:
        skew = self.generator - self.generator.T
        identity = torch.eye(len(skew), dtype=skew.dtype, device=skew.device)
        return torch.linalg.solve(identity + skew, identity - skew)


class ImageCoupling(Bijection):
    """Half the channels pass unchanged and choose scale and shift of the other half.

    `log_scale` is bounded by tanh times a learned limit, which keeps the inverse well conditioned.
    """

    def __init__(self, channels: int, size: int, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels // 2, width, 3, padding=1)
        self.place = nn.Parameter(torch.zeros(width, size, size))
        last = nn.Conv2d(width, channels, 3, padding=1)
        # It starts at zero, so that an untrained coupling is the identity.
        nn.init.zeros_(last.weight)
        nn.init.zeros_(cast("Tensor", last.bias))
        self.rest = nn.Sequential(nn.ReLU(), nn.Conv2d(width, width, 1), nn.ReLU(), last)
        self.limit = nn.Parameter(torch.ones(channels // 2, 1, 1))

    def forward(self, base: Tensor) -> Tensor:
        kept, free = base.chunk(2, dim=1)
        shift, log_scale = self._affine(kept)
        return torch.cat([kept, free * log_scale.exp() + shift], dim=1)

    def inverse(self, point: Tensor) -> tuple[Tensor, Tensor]:
        kept, free = point.chunk(2, dim=1)
        shift, log_scale = self._affine(kept)
        return torch.cat([kept, (free - shift) * (-log_scale).exp()], dim=1), -log_scale.flatten(1).sum(1)

    def _affine(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        # In any other layout the convolutions round a batch of eight differently from larger ones.
        kept = kept.contiguous(memory_format=torch.channels_last)
        shift, raw = self.rest(self.first(kept) + self.place).chunk(2, dim=1)
        return shift, torch.tanh(raw) * self.limit


@dataclass(frozen=True)
class Dequantized(Posterior):
    """The levels of each row, spread evenly over their bins, in the flow's base space; `levels` is (B, C, H, W)."""

    levels: Tensor
    flow: "ImageFlow"

    @property
    def center(self) -> Tensor:
        return self.flow.latents((self.levels + 0.5) / LEVELS)[0]

    def draw(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        # Φ rounds to 0 and 1 far out, and 1 is the next bin.
        uniforms = torch.special.ndtr(noise).clamp(1e-6, 1 - 1e-6).reshape(self.levels.shape)
        latents, log_determinant = self.flow.latents((self.levels + uniforms) / LEVELS)
        return latents, noise.shape[1] * math.log(LEVELS) - log_determinant


class ImageFlow(Autoencoder):
    """The latents are all C·H·W base dimensions."""

    domain = Quantized.domain

    def __init__(self, config: ImageFlowConfig) -> None:
        super().__init__()
        self.config = config
        channels, size = config.channels, config.image_size
        self.image_shape = (channels, size, size)
        self.latent_dim = math.prod(self.image_shape)
        layers: list[Bijection] = [Logistic(), Elementwise(channels, size)]
        for width, couplings in zip(config.widths, config.couplings, strict=True):
            channels, size = 4 * channels, size // 2
            layers.append(Squeeze())
            for _ in range(couplings):
                layers += [Rotation(channels), ImageCoupling(channels, size, width), Elementwise(channels, size)]
        self.base_shape = (channels, size, size)
        self.layers = nn.ModuleList(layers)

    def encode(self, images: Tensor) -> Tensor:
        return quantize(images).flatten(1)

    def posterior(self, statistics: Tensor) -> Posterior:
        return Dequantized((LEVELS - 1) * statistics.unflatten(1, self.image_shape), self)

    def likelihood(self, latents: Tensor) -> Quantized:
        # The middle of a bin decodes to its level exactly, and half a bin of rounding error is forgiven.
        return Quantized.of((LEVELS * self.point(latents) - 0.5) / (LEVELS - 1))

    def log_weights(self, data: Tensor, statistics: Tensor, noise: Tensor) -> Tensor:
        latents, log_posterior = self.posterior(statistics).draw(noise)
        # Known without the way back: the draw lies in the cube of the image that was encoded.
        log_likelihood = Quantized.of(statistics.unflatten(1, self.image_shape)).log_prob(data)
        return torch.stack([log_likelihood, self.log_prior(latents), log_posterior], dim=1)

    def point(self, latents: Tensor) -> Tensor:
        """Latents (B, latent_dim) -> points (B, C, H, W) of which [0, 1] are pixels."""
        point = latents.unflatten(1, self.base_shape)
        for layer in reversed(self.layers):
            point = layer(point)
        return point

    def latents(self, point: Tensor) -> tuple[Tensor, Tensor]:
        """The way back: points in [0, 1] (B, C, H, W) -> latents and log |det ∂latents/∂point| in nats, (B,)."""
        log_determinant = point.new_zeros(point.shape[0])
        for layer in self.layers:
            point, change = cast("Bijection", layer).inverse(point)
            log_determinant = log_determinant + change
        return point.flatten(1), log_determinant
