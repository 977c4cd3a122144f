"""The abstract kinds of model; what a model can do follows from its type.

A network of any kind is built from a frozen config, which it keeps as `config`. In eval mode it is a pure function
of each row: no noise of its own, no batch statistics, nothing that lets one row of a batch touch another. On that, and
on the runner's check of it, rests the promise that nobody's image depends on who else is asking.

Every model here has one public latent z with the prior N(0, I), so that seeds, slerp and temperature mean the
same for all. A model with a learned prior keeps it inside: its flow maps the public z to the space it needs.
"""

import math
from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from models_store.likelihoods import Domain, Likelihood
from models_store.posteriors import Posterior


class LatentModel(nn.Module, ABC):
    """A generator x = g(z) with prior z ~ N(0, I): it samples, decodes and interpolates."""

    config: Any
    latent_dim: int
    image_shape: tuple[int, int, int]
    """(channels, height, width)."""

    @abstractmethod
    def decode(self, latents: Tensor) -> Tensor:
        """Latents (B, latent_dim) -> pixels (B, C, H, W) in [0, 1]."""

    def log_prior(self, latents: Tensor) -> Tensor:
        """Latents (B, latent_dim) -> log p(z) in nats, (B,): log N(z; 0, I), unless the model has learned another."""
        return -0.5 * (latents.square().sum(1) + self.latent_dim * math.log(2 * math.pi))


class StagedModel(LatentModel):
    """A latent model that makes a picture in several stages, each of which can be looked at."""

    stage_count: int

    @abstractmethod
    def stages(self, latents: Tensor) -> Tensor:
        """Latents (B, latent_dim) -> pixels after each stage, (B, stage_count, C, H, W) in [0, 1]; last, `decode`'s."""


class Autoencoder(LatentModel):
    """A latent model with q(z|x) and p(x|z): it also encodes, reconstructs and scores."""

    domain: Domain
    """The set of images over which p(x|z) is a probability."""
    center_rows = 1024
    """More rows of a posterior's center at once are not worth while: a search for it takes long."""

    @abstractmethod
    def encode(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) in [0, 1] -> the numbers that fix q(z|x), (B, statistics).

        Networks are trained on data of the likelihood's domain, and scores encode that; a grey picture for a model of
        bits is taken as the bits' mean, which is what encoding and reconstruction of uploads do.
        """

    @abstractmethod
    def posterior(self, statistics: Tensor) -> Posterior:
        """What `encode` gave, (B, statistics) -> q(z|x) for each row."""

    @abstractmethod
    def likelihood(self, latents: Tensor) -> Likelihood:
        """Latents (B, latent_dim) -> p(x|z) for each row."""

    def decode(self, latents: Tensor) -> Tensor:
        """Latents (B, latent_dim) -> E[x|z], pixels (B, C, H, W) in [0, 1]."""
        return self.likelihood(latents).mean

    def log_weights(self, data: Tensor, statistics: Tensor, noise: Tensor) -> Tensor:
        """The three terms of an importance weight, one draw a row.

        `data` (B, C, H, W) lies in the likelihood's domain, `noise` (B, latent_dim) is standard normal.
        Returns (B, 3): log p(x|z), log p(z), log q(z|x) in nats, for z drawn from q by that noise.
        """
        latents, log_posterior = self.posterior(statistics).draw(noise)
        log_likelihood = self.likelihood(latents).log_prob(data)
        return torch.stack([log_likelihood, self.log_prior(latents), log_posterior], dim=1)
