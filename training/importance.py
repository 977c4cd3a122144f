"""The objective of the VAE: the ELBO first, in the last part of the steps the importance-weighted bound of K draws.

The bound (Burda et al. 2016) asks less of the encoder, and the decoder learns a better p(x). Its plain gradient
teaches the encoder less the larger K is; the doubly reparametrized one (Tucker et al. 2019) does not.
"""

import math
from typing import cast

import torch
from torch import Tensor

from models_store.base import Autoencoder
from models_store.estimators import importance_weighted
from models_store.posteriors import DiagonalNormal, FlowNormal
from models_store.vae import VAE
from training.config import VAERun
from training.data import ImageSet, Split
from training.elbo import ELBOObjective
from training.objective import noise_of

VALIDATION_IMAGES = 2_000
VALIDATION_DRAWS = 16


def importance_bound(
    model: Autoencoder, data: Tensor, statistics: Tensor, noise: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """The bound L_K of each image in nats, (B,), and the ELBO of the same draws in its parts, averaged.

    `data` (B, C, H, W) lies in the likelihood's domain, `statistics` is what the model encoded it to, `noise`
    (K, B, latent_dim) is standard normal. The posterior must be a normal, in the model's space or its flow's. Gradients
    of the decoder and the prior are those of the bound, those of the encoder are doubly reparametrized.
    """
    shape = noise.shape[:2]
    every = statistics.repeat(len(noise), 1)
    posterior = cast("DiagonalNormal | FlowNormal", model.posterior(every))
    latents, log_posterior = posterior.draw_by_path(noise.flatten(0, 1))
    log_likelihood = model.likelihood(latents).log_prob(data.repeat(len(noise), 1, 1, 1)).float()
    log_weights = (log_likelihood + model.log_prior(latents) - log_posterior).unflatten(0, shape)
    if every.requires_grad:
        # The bound passes each draw's gradient on by its share of the weights; the encoder wants the square of it.
        shares = log_weights.detach().softmax(0).flatten()[:, None]
        every.register_hook(lambda gradient: gradient * shares)
    elbo, reconstruction = log_weights.detach().mean(), log_likelihood.detach().mean()
    terms = {"elbo": elbo, "reconstruction": reconstruction, "kl": reconstruction - elbo}
    return log_weights.logsumexp(0) - math.log(len(noise)), terms


class VAEObjective(ELBOObjective):
    """Maximizes the ELBO, then L_K; the best weights are those of the best bound on the validation images."""

    config: VAERun

    def __init__(self, config: VAERun, device: torch.device) -> None:
        super().__init__(config, VAE(config.model), device)

    def _loss_at(self, step: int, batch: Split, noise: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        if step < (1.0 - self.config.importance_part) * self.config.steps:
            return super()._loss_at(step, batch, noise)
        model, data = cast("VAE", self.modules["model"]), self._data(batch, noise)
        draws = torch.randn((self.config.draws, len(data), model.latent_dim), generator=noise, device=self.device)
        bound, terms = importance_bound(model, data, model.encode(data).float(), draws)
        return -bound.mean(), terms

    @torch.no_grad()
    def validate(self, data: ImageSet) -> dict[str, float]:
        """`score`: the bound of 16 draws on the first 2,000 images, in nats and negated; the rest as for any ELBO."""
        rows = torch.arange(min(VALIDATION_IMAGES, len(data.validation)), device=self.device)
        noise = noise_of(self.config.seed + 1, 1, self.device)
        model = self.network()
        bounds = []
        for batch in data.validation.take(rows).batches(125):
            images = self._data(batch, noise)
            statistics = model.encode(images)
            shape = (VALIDATION_DRAWS, len(images), model.latent_dim)
            draws = torch.randn(shape, generator=noise, device=self.device)
            terms = torch.stack([model.log_weights(images, statistics, draw) for draw in draws])
            bounds.append(importance_weighted(terms[..., 0] + terms[..., 1] - terms[..., 2]).value)
        bound = float(torch.cat(bounds).mean())
        return super().validate(data) | {"score": -bound, "importance_weighted": bound}
