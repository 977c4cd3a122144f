"""Families of p(x|z), and the data domain in which each of them is a probability.

Log-probabilities are sums over all pixels and channels, in nats, one number an image. A Bernoulli on grey values is
not a probability (Loaiza-Ganem & Cunningham 2019), so images are brought into a domain explicitly: `binarize` draws
bits with the pixels as probabilities, `quantize` rounds to the 256 levels of a byte.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal, assert_never

import torch
from torch import Tensor
from torch.nn import functional

Domain = Literal["binarized", "8-bit"]
"""The set of images over which a likelihood is a probability: {0, 1}ⁿ, or the 256 levels of a byte in each place."""
LEVELS = 256


def binarize(images: Tensor, uniforms: Tensor) -> Tensor:
    """Pixels in [0, 1] and uniforms in [0, 1) of one shape -> bits 0.0 or 1.0 with P(1) = pixel."""
    return (uniforms < images).to(images.dtype)


def quantize(images: Tensor) -> Tensor:
    """Pixels in [0, 1] -> the nearest of the levels 0/255 … 255/255, halves up as `models_store/pixels.py` does."""
    return torch.floor(images * (LEVELS - 1) + 0.5) / (LEVELS - 1)


def to_domain(images: Tensor, domain: Domain, uniforms: Tensor) -> Tensor:
    """Pixels in [0, 1] -> data of the domain; the uniforms, of the same shape, decide bits and nothing else."""
    match domain:
        case "binarized":
            return binarize(images, uniforms)
        case "8-bit":
            return quantize(images)
        case _:
            assert_never(domain)


class Likelihood(ABC):
    """A distribution over images, one a row; built from the decoder's output by `of`."""

    domain: ClassVar[Domain]
    maps: ClassVar[int]
    """Decoder outputs a channel."""

    @classmethod
    @abstractmethod
    def of(cls, output: Tensor) -> "Likelihood":
        """Decoder output (B, maps·C, H, W) -> the distribution."""

    @property
    @abstractmethod
    def mean(self) -> Tensor:
        """E[x|z], pixels (B, C, H, W) in [0, 1]."""

    @abstractmethod
    def log_prob(self, data: Tensor) -> Tensor:
        """Images of the domain (B, C, H, W) -> log p(x|z) in nats, (B,)."""


@dataclass(frozen=True)
class Bernoulli(Likelihood):
    """Independent bits; `logits` is (B, C, H, W)."""

    domain: ClassVar[Domain] = "binarized"
    maps: ClassVar[int] = 1
    logits: Tensor

    @classmethod
    def of(cls, output: Tensor) -> "Bernoulli":
        return cls(output)

    @property
    def mean(self) -> Tensor:
        return torch.sigmoid(self.logits)

    def log_prob(self, data: Tensor) -> Tensor:
        return (data * self.logits - functional.softplus(self.logits)).flatten(1).sum(1)


@dataclass(frozen=True)
class DiscretizedLogistic(Likelihood):
    """A logistic density integrated over each of 256 bins, its tails given to the end bins (Kingma et al. 2016).

    `location` and `log_scale` are (B, C, H, W), in units where pixels lie in [0, 1].
    """

    domain: ClassVar[Domain] = "8-bit"
    maps: ClassVar[int] = 2
    location: Tensor
    log_scale: Tensor

    @classmethod
    def of(cls, output: Tensor) -> "DiscretizedLogistic":
        location, log_scale = output.chunk(2, dim=1)
        # Never narrower than a fraction of a bin: that keeps the likelihood finite on constant pixels.
        return cls(0.5 + location, log_scale.clamp(-8.0, 2.0))

    @property
    def mean(self) -> Tensor:
        # Of min(max(x, 0), 1): the tails beyond both ends lie on the end bins.
        scale = self.log_scale.exp()
        above_zero = functional.softplus(self.location / scale)
        above_one = functional.softplus((self.location - 1.0) / scale)
        return (scale * (above_zero - above_one)).clamp(0.0, 1.0)

    def log_prob(self, data: Tensor) -> Tensor:
        half = 0.5 / (LEVELS - 1)
        precision = (-self.log_scale).exp()
        above = (data - self.location + half) * precision
        below = (data - self.location - half) * precision
        # log(σ(a) - σ(b)) = log σ(a) + log σ(-b) + log(1 - exp(b - a)), exact far into both tails; b - a is the width
        # of a bin whatever the location, and is not computed as a difference, which would cancel to 0.
        inside = (
            functional.logsigmoid(above)
            + functional.logsigmoid(-below)
            + torch.log(-torch.expm1(-2 * half * precision))
        )
        lowest, highest = functional.logsigmoid(above), functional.logsigmoid(-below)
        log_mass = torch.where(data < half, lowest, torch.where(data > 1 - half, highest, inside))
        return log_mass.flatten(1).sum(1)


@dataclass(frozen=True)
class Categorical(Likelihood):
    """A free probability for each of the 256 levels; `logits` is (B, 256, C, H, W)."""

    domain: ClassVar[Domain] = "8-bit"
    maps: ClassVar[int] = LEVELS
    logits: Tensor

    @classmethod
    def of(cls, output: Tensor) -> "Categorical":
        return cls(output.reshape(output.shape[0], LEVELS, -1, *output.shape[2:]))

    @property
    def mean(self) -> Tensor:
        levels = torch.arange(LEVELS, dtype=self.logits.dtype, device=self.logits.device) / (LEVELS - 1)
        return torch.einsum("blchw,l->bchw", self.logits.softmax(1), levels)

    def log_prob(self, data: Tensor) -> Tensor:
        level = (data * (LEVELS - 1)).round().long()
        return -functional.cross_entropy(self.logits, level, reduction="none").flatten(1).sum(1)


@dataclass(frozen=True)
class Quantized(Likelihood):
    """All mass on one image, the pixels of `location` (B, C, H, W) at their nearest levels: x is a function of z."""

    domain: ClassVar[Domain] = "8-bit"
    maps: ClassVar[int] = 1
    location: Tensor

    @classmethod
    def of(cls, output: Tensor) -> "Quantized":
        return cls(output)

    @property
    def mean(self) -> Tensor:
        return quantize(self.location.clamp(0.0, 1.0))

    def log_prob(self, data: Tensor) -> Tensor:
        same = (self.mean == quantize(data)).flatten(1).all(1)
        return torch.where(same, 0.0, -torch.inf).to(data.dtype)


LIKELIHOODS: dict[str, type[Likelihood]] = {
    "bernoulli": Bernoulli,
    "categorical": Categorical,
    "logistic": DiscretizedLogistic,
}
