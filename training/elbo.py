"""The objective of every autoencoder whose draws are differentiable: the ELBO of Kingma & Welling 2014 by one draw.

The gradient passes through z = f(ε; x): a VAE, DRAW and a flow differ in their networks, not here.
"""

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.optim import AdamW

from models_store.base import Autoencoder
from models_store.latents import normals
from models_store.likelihoods import to_domain
from training.config import ELBORun
from training.data import ImageSet, Split
from training.objective import (
    Objective,
    Pictures,
    averaged_copy,
    mixed_precision,
    noise_of,
    placed,
    set_learning_rate,
    update_average,
)

FINAL_RATE = 0.01
"""Of the peak learning rate, where the cosine ends."""


class ELBOObjective(Objective):
    """Maximizes the ELBO; a β below 1 in the first steps keeps the posterior from collapsing onto the prior."""

    def __init__(self, config: ELBORun, network: Autoencoder, device: torch.device) -> None:
        self.config = config
        self.device = device
        model = placed(network, device)
        self.modules = {"model": model}
        self.averages = {"model": averaged_copy(model)}
        self.optimizers = {"model": AdamW(model.parameters(), lr=config.learning_rate, fused=True)}

    def step(self, batch: Split, step: int, noise: torch.Generator) -> dict[str, Tensor]:
        model, optimizer = self.modules["model"], self.optimizers["model"]
        set_learning_rate(optimizer, self._learning_rate(step))
        with mixed_precision(self.config, self.device):
            loss, terms = self._loss_at(step, batch, noise)
        optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), self.config.clip)
        # One broken batch must not break the run: its gradient is dropped.
        if norm.isfinite():
            optimizer.step()
        update_average(self.averages["model"], model, decay=self.config.average, step=step)
        return terms | {"norm": norm}

    @torch.no_grad()
    def validate(self, data: ImageSet) -> dict[str, float]:
        total = torch.zeros(2, dtype=torch.float64)
        # The same bits and the same draws at every validation: only the weights differ.
        noise = noise_of(self.config.seed + 1, 0, self.device)
        for batch in data.validation.batches(500):
            model = self.averages["model"]
            terms = self._terms(model, self._data(batch, noise), noise)
            total += len(batch) * torch.stack(terms).double().cpu()
        reconstruction, divergence = (total / len(data.validation)).tolist()
        elbo = reconstruction - divergence
        return {"score": -elbo, "elbo": elbo, "reconstruction": reconstruction, "kl": divergence}

    def network(self) -> Autoencoder:
        return cast("Autoencoder", self.averages["model"])

    @torch.no_grad()
    def pictures(self, data: ImageSet) -> dict[str, Pictures]:
        """`samples` from 64 fixed latents; `reconstructions`: eight test images over what the model makes of them."""
        model = self.network()
        latents = torch.from_numpy(normals(0, range(64), model.latent_dim)).to(self.device)
        images = data.test.take(torch.arange(32, device=self.device) % len(data.test)).pixels()
        remade = model.decode(model.posterior(model.encode(images)).center)
        pairs = torch.stack([images.reshape(4, 8, *images.shape[1:]), remade.reshape(4, 8, *images.shape[1:])], 1)
        return {
            "samples": model.decode(latents).float().cpu().numpy(),
            "reconstructions": pairs.flatten(0, 2).float().cpu().numpy(),
        }

    def _data(self, batch: Split, noise: torch.Generator) -> Tensor:
        """The batch in the likelihood's domain: fresh bits at every presentation, or 256 levels."""
        images = batch.pixels()
        uniforms = torch.rand(images.shape, generator=noise, device=images.device)
        return to_domain(images, self.network().domain, uniforms)

    def _loss_at(self, step: int, batch: Split, noise: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """What that step minimizes, and the terms to report."""
        return self._loss(self._data(batch, noise), self._weight(step), noise)

    def _weight(self, step: int) -> float:
        """Of the KL, which counts less at the start."""
        return min(1.0, (step + 1) / self.config.kl_warm_up) if self.config.kl_warm_up else 1.0

    def _loss(self, data: Tensor, weight: float, noise: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """What a step minimizes, the KL taken by that weight, and the terms to report."""
        reconstruction, divergence = self._terms(self.modules["model"], data, noise)
        terms = {"elbo": reconstruction - divergence, "reconstruction": reconstruction, "kl": divergence}
        return weight * divergence - reconstruction, terms

    def _terms(self, model: nn.Module, data: Tensor, noise: torch.Generator) -> tuple[Tensor, Tensor]:
        """E[log p(x|z)] and the divergence, each from one draw an image, in nats, averaged over the batch."""
        model = cast("Autoencoder", model)
        draws = torch.randn((len(data), model.latent_dim), generator=noise, device=self.device)
        log_weights = model.log_weights(data, model.encode(data), draws).float()
        log_likelihood, log_prior, log_posterior = log_weights.mean(0)
        return log_likelihood, log_posterior - log_prior

    def _learning_rate(self, step: int) -> float:
        """A linear rise, then a cosine down to a hundredth."""
        config = self.config
        if step < config.warm_up:
            return config.learning_rate * (step + 1) / config.warm_up
        done = (step - config.warm_up) / max(1, config.steps - config.warm_up)
        return config.learning_rate * (FINAL_RATE + (1 - FINAL_RATE) * 0.5 * (1 + math.cos(math.pi * done)))
