"""The objective of the conditional VAE: the ELBO of pictures with their labels, and the encoder's guess of them."""

from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from models_store.conditional_vae import ConditionalVAE
from training.config import ConditionalVAERun
from training.data import Split
from training.elbo import ELBOObjective


class ConditionalVAEObjective(ELBOObjective):
    """Maximizes E[log p(x|y, v)] - KL + log q(y|x); the last term is the classifier's (Kingma et al. 2014, eq. 9)."""

    config: ConditionalVAERun

    def __init__(self, config: ConditionalVAERun, device: torch.device) -> None:
        super().__init__(config, ConditionalVAE(config.model), device)

    def _loss_at(self, step: int, batch: Split, noise: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        if batch.labels is None:
            raise ValueError(f"a conditional VAE wants labels, and {self.config.data} has none")
        model, data = cast("ConditionalVAE", self.modules["model"]), self._data(batch, noise)
        statistics = model.encode(data).float()
        guess = functional.cross_entropy(model.class_logits(statistics), batch.labels)
        draws = torch.randn((len(data), model.latent_dim), generator=noise, device=self.device)
        latents, log_posterior = model.posterior_given(statistics, batch.labels).draw(draws)
        reconstruction = model.likelihood(latents).log_prob(data).float().mean()
        divergence = (log_posterior - model.log_prior(latents)).mean()
        terms = {
            "elbo": reconstruction - divergence,
            "reconstruction": reconstruction,
            "kl": divergence,
            "guess": guess,
        }
        return self._weight(step) * divergence - reconstruction + guess, terms
