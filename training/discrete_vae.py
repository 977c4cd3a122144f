"""The objective of an autoencoder of bits: the decoder learns by its gradient, the encoder by an estimate of one.

log p(x|b) has to be estimated, draw by draw; the entropy of q(b|x) has a closed form and keeps its exact gradient.
"""

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.optim import AdamW

from models_store.discrete_vae import BernoulliPosterior, DiscreteVAE
from training.config import DiscreteVAERun
from training.data import Split
from training.elbo import ELBOObjective
from training.score_function import ESTIMATORS, Cost, LearnedBaseline, nvil, vimco


class DiscreteVAEObjective(ELBOObjective):
    """Maximizes the ELBO of the bits, or with VIMCO the bound of all draws together."""

    config: DiscreteVAERun

    def __init__(self, config: DiscreteVAERun, device: torch.device) -> None:
        network = DiscreteVAE(config.model)
        super().__init__(config, network, device)
        if config.estimator == "nvil":
            baseline = LearnedBaseline(math.prod(network.image_shape)).to(device)
            self.modules["baseline"] = baseline
            self.optimizers["baseline"] = AdamW(baseline.parameters(), lr=config.learning_rate, fused=True)

    def step(self, batch: Split, step: int, noise: torch.Generator) -> dict[str, Tensor]:
        terms = super().step(batch, step, noise)
        if "baseline" in self.modules:
            baseline, optimizer = self.modules["baseline"], self.optimizers["baseline"]
            if nn.utils.clip_grad_norm_(baseline.parameters(), self.config.clip).isfinite():
                optimizer.step()
            optimizer.zero_grad()
        return terms

    def _loss(self, data: Tensor, weight: float, noise: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        model = cast("DiscreteVAE", self.modules["model"])
        posterior = model.posterior(model.encode(data).float())
        observed: list[Tensor] = []

        def log_likelihood(bits: Tensor) -> Tensor:
            """Bits (K, B, D) -> log p(x|b), (K, B)."""
            likelihood = model.likelihood_of_bits(bits.flatten(0, 1))
            values = likelihood.log_prob(data.repeat(len(bits), 1, 1, 1)).float().unflatten(0, bits.shape[:2])
            observed.append(values.detach())
            return values

        match self.config.estimator:
            case "vimco":
                bound = self._vimco(posterior, log_likelihood, weight, noise)
            case "nvil":
                bound = self._nvil(data, posterior, log_likelihood, weight, noise)
            case name:
                estimate = ESTIMATORS[name](posterior.logits, log_likelihood, noise, self.config.draws)
                bound = estimate + weight * posterior.entropy
        reconstruction = torch.cat(observed).mean()
        divergence = (-model.log_prior_of_bits - posterior.entropy.detach()).mean()
        return -bound.mean(), {"elbo": reconstruction - divergence, "reconstruction": reconstruction, "kl": divergence}

    def _vimco(
        self, posterior: BernoulliPosterior, log_likelihood: Cost, weight: float, noise: torch.Generator
    ) -> Tensor:
        def log_joint(bits: Tensor) -> Tensor:
            """The log of p(x, b) up to a constant; below weight 1 it takes a part of log q(b|x) back."""
            return log_likelihood(bits) + (1 - weight) * posterior.log_prob(bits)

        return vimco(posterior.logits, log_joint, noise, self.config.draws)

    def _nvil(
        self,
        data: Tensor,
        posterior: BernoulliPosterior,
        log_likelihood: Cost,
        weight: float,
        noise: torch.Generator,
    ) -> Tensor:
        learned = cast("LearnedBaseline", self.modules["baseline"])
        baseline, scale = learned(data), learned.scale
        estimate = nvil(
            posterior.logits, log_likelihood, noise, self.config.draws, baseline=baseline.detach(), scale=scale
        )
        errors = (estimate.detach() - baseline) / scale
        learned.observe(errors.detach() * scale)
        # The whole gradient of the encoder is over the scale; the entropy reaches nothing else.
        return estimate + weight * posterior.entropy / scale - errors.square()
