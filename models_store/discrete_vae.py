"""A variational autoencoder whose latents are bits (Mnih & Gregor 2014), behind the public latent z ~ N(0, I).

The decoder reads b_i = 1[z_i > 0] alone, so b ~ Π Bernoulli(½), and q(z|x) is q(b|x) with the normal cut to the
orthant of b. In that orthant both densities of z are N(z; 0, I) up to a factor of the bits:

    log p(z) - log q(z|x) = log p(b) - log q(b|x),  log p(b) = -D log 2

so weights, bounds and KL of the public latent are those of the bits. From one latent to another, on a great circle or a
straight line, every bit in which they differ turns exactly once and no other does.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from models_store.base import Autoencoder
from models_store.bounds import require_whole_numbers
from models_store.likelihoods import LIKELIHOODS, Likelihood
from models_store.posteriors import LOG_2_PI, Posterior
from models_store.pyramid import decoder, encoder, require_halvings

LARGEST_LOGIT = 12.0
"""Of a bit: beyond, σ(ℓ) is 0 or 1 in all but six digits, and its gradient is nothing."""
MEDIAN = 0.6744897501960817
"""Of |z| for z ~ N(0, 1)."""
NEAREST, FARTHEST = 1e-30, 30.0
"""Bounds of |z|: no float32 turns the one into 0, no square of the other into infinity."""


@dataclass(frozen=True, kw_only=True)
class DiscreteVAEConfig:
    """`latent_dim` bits; `widths` are the channels after each halving of the image."""

    image_size: int = 28
    channels: int = 1
    latent_dim: int = 200
    widths: tuple[int, ...] = (16, 32)
    hidden: int = 256
    likelihood: Literal["bernoulli", "logistic", "categorical"] = "bernoulli"

    def __post_init__(self) -> None:
        require_whole_numbers(self)
        require_halvings(self.image_size, self.widths)
        if self.likelihood not in LIKELIHOODS:
            raise ValueError(f"likelihood {self.likelihood!r} is none of {', '.join(LIKELIHOODS)}")


@dataclass(frozen=True)
class BernoulliPosterior(Posterior):
    """q(b|x) = Π Bernoulli(σ(logits)) over the signs of z, the normal within each orthant; `logits` is (B, D)."""

    logits: Tensor

    @property
    def center(self) -> Tensor:
        """The likeliest bits, each by the median of its half of the normal: ±0.6745, (B, D)."""
        return torch.where(self.logits > 0, MEDIAN, -MEDIAN).to(self.logits.dtype)

    def draw(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """By the inverse CDF of q, which rises with the noise; its steps at the bits carry no gradient."""
        logits = self.logits.detach().double()
        # Both tails as small numbers: 1 - Φ(ε) would have lost them.
        lower, upper = torch.special.ndtr(noise.double()), torch.special.ndtr(-noise.double())
        positive = upper < torch.sigmoid(logits)
        tail = torch.where(positive, upper * (1 + (-logits).exp()), lower * (1 + logits.exp())) / 2
        distance = torch.special.ndtri(tail).neg().clamp(NEAREST, FARTHEST).to(noise.dtype)
        latents = torch.where(positive, distance, -distance)
        log_normal = -0.5 * (latents.square() + LOG_2_PI) + math.log(2)
        return latents, log_normal.sum(1) + self.log_prob(positive.to(self.logits.dtype))

    def log_prob(self, bits: Tensor) -> Tensor:
        """Bits (..., B, D) -> log q(b|x) in nats (..., B)."""
        return (bits * self.logits - functional.softplus(self.logits)).sum(-1)

    @property
    def entropy(self) -> Tensor:
        """H(q(b|x)) in nats, (B,)."""
        return (functional.softplus(self.logits) - torch.sigmoid(self.logits) * self.logits).sum(1)


class DiscreteVAE(Autoencoder):
    """Bits in the middle, convolutions on both sides; no gradient passes from the decoder to the encoder by itself."""

    def __init__(self, config: DiscreteVAEConfig) -> None:
        super().__init__()
        self.config = config
        self.latent_dim = config.latent_dim
        self.image_shape = (config.channels, config.image_size, config.image_size)
        self.likelihood_family = LIKELIHOODS[config.likelihood]
        self.domain = self.likelihood_family.domain
        self.encoder = encoder(
            config.channels, config.image_size, config.widths, hidden=config.hidden, outputs=config.latent_dim
        )
        self.decoder = decoder(
            config.latent_dim,
            self.likelihood_family.maps * config.channels,
            config.image_size,
            config.widths,
            hidden=config.hidden,
        )

    def encode(self, images: Tensor) -> Tensor:
        return self.encoder(2.0 * images - 1.0)

    def posterior(self, statistics: Tensor) -> BernoulliPosterior:
        return BernoulliPosterior(statistics.clamp(-LARGEST_LOGIT, LARGEST_LOGIT))

    def likelihood(self, latents: Tensor) -> Likelihood:
        return self.likelihood_of_bits(self.bits(latents))

    def bits(self, latents: Tensor) -> Tensor:
        """Latents (B, D) -> what the decoder reads of them, 0.0 or 1.0, (B, D)."""
        return (latents > 0).to(latents.dtype)

    def likelihood_of_bits(self, bits: Tensor) -> Likelihood:
        """Bits (B, D), or anything between 0 and 1 for a relaxation -> p(x|b) for each row."""
        return self.likelihood_family.of(self.decoder(2.0 * bits - 1.0))

    @property
    def log_prior_of_bits(self) -> float:
        """The log of p(b) in nats, the same for all bits."""
        return -self.latent_dim * math.log(2)
