"""The objective of the energy prior: noise-contrastive estimation on the codes of a finished VAE.

The data are codes z ~ q(z|x) of training images, the noise is the VAE's own prior N(0, I), ν points a code. A logistic
classifier whose logit is h(z) + c - log ν tells them apart; at its optimum h + c is the log-ratio of the aggregated
posterior to the prior, and c = -log E[exp h(z)] over the prior (Gutmann & Hyvärinen 2012, JMLR 13, theorem 1; Aneja et
al. 2021). What the ELBO gains is then KL(aggregated posterior ‖ N(0, I)), and nothing where the VAE has a good prior.
"""

import math
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim import AdamW

from models_store.energy_vae import LARGEST_TILT, EnergyVAE
from models_store.estimators import ImportanceBound, importance_weighted
from models_store.likelihoods import to_domain
from models_store.vae import VAE
from training.base import require_shape_of
from training.config import EnergyRun
from training.data import ImageSet, Split
from training.objective import (
    Objective,
    Pictures,
    averaged_copy,
    noise_of,
    placed,
    set_learning_rate,
    update_average,
)

VALIDATION_NOISE = 100_000
PROPOSALS = 10_000
"""Prior draws at a time, of which rejection keeps some."""


def contrastive_cost(data_logits: Tensor, noise_logits: Tensor, *, ratio: float) -> Tensor:
    """Mean cost in nats of telling data from `ratio` times as much noise, by logits log p(x) - log p_noise(x).

    Gutmann & Hyvärinen 2012, eq. 8, divided by 1 + ν: guessing costs the entropy of the two shares, ln 2 for ν = 1.
    Both are (N,); the number of points may differ, `ratio` alone weighs them.
    """
    offset = math.log(ratio)
    missed = functional.softplus(offset - data_logits).mean()
    mistaken = functional.softplus(noise_logits - offset).mean()
    return (missed + ratio * mistaken) / (1 + ratio)


def tilted(base: VAE, run: EnergyRun) -> EnergyVAE:
    """The base under a fresh tilt of zero, only the tilt and its constant free to learn.

    Raises ValueError naming the first field in which the run's model is not the base's.
    """
    require_shape_of(base, run.base, run.model)
    model = EnergyVAE(run.model)
    model.load_state_dict(model.state_dict() | base.state_dict())
    model.requires_grad_(requires_grad=False)
    model.tilt.requires_grad_(requires_grad=True)
    model.constant.requires_grad = True
    return model


@torch.no_grad()
def log_normalizer(model: EnergyVAE, draws: Tensor) -> ImportanceBound:
    """Prior draws (K, D) -> log Z = log E[exp h(z)], its standard error and its effective sample size, each (1,)."""
    return importance_weighted(torch.cat([model.tilt(part) for part in draws.split(10_000)])[:, None])


@torch.no_grad()
def tilted_draws(model: EnergyVAE, noise: torch.Generator, count: int) -> Tensor:
    """(count, D) latents of the tilted prior by rejection: a prior draw stays with probability exp(h(z) - max h)."""
    device = model.constant.device
    kept = torch.empty((0, model.latent_dim), device=device)
    while len(kept) < count:
        proposals = torch.randn((PROPOSALS, model.latent_dim), generator=noise, device=device)
        uniforms = torch.rand(PROPOSALS, generator=noise, device=device)
        kept = torch.cat([kept, proposals[uniforms < (model.tilt(proposals) - LARGEST_TILT).exp()]])
    return kept[:count]


class EnergyObjective(Objective):
    """The base is frozen, its codes are drawn anew at every presentation: fresh bits, fresh z ~ q(z|x)."""

    def __init__(self, config: EnergyRun, base: VAE, device: torch.device) -> None:
        self.config = config
        self.device = device
        self.held_out: Tensor | None = None
        model = tilted(base, config)
        placed(model, device)
        self.modules = {"model": model}
        self.averages = {"model": averaged_copy(model)}
        # The constant is no weight: decay would pull it away from -log Z.
        groups: list[dict[str, Any]] = [
            {"params": list(model.tilt.parameters())},
            {"params": [model.constant], "weight_decay": 0.0},
        ]
        optimizer = AdamW(groups, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True)
        self.optimizers = {"model": optimizer}

    def step(self, batch: Split, step: int, noise: torch.Generator) -> dict[str, Tensor]:
        model, optimizer = cast("EnergyVAE", self.modules["model"]), self.optimizers["model"]
        set_learning_rate(optimizer, self.config.learning_rate * (1.0 - step / self.config.steps))
        codes = self.codes(batch, noise)
        others = self._prior(self.config.noise_ratio * len(codes), noise)
        cost = contrastive_cost(model.log_ratio(codes), model.log_ratio(others), ratio=self.config.noise_ratio)
        optimizer.zero_grad()
        cost.backward()
        optimizer.step()
        update_average(self.averages["model"], model, decay=self.config.average, step=step)
        return {"cost": cost, "constant": model.constant}

    @torch.no_grad()
    def validate(self, data: ImageSet) -> dict[str, float]:
        """`log_z_error` is c + log Z; `elbo_gain` what the tilt adds to the ELBO of these codes, its own Z divided out.

        One set of codes and one of prior draws for all validations: only the tilt differs.
        """
        model = self.network()
        noise = noise_of(self.config.seed + 1, 0, self.device)
        others = self._prior(VALIDATION_NOISE, noise)
        if self.held_out is None:
            self.held_out = torch.cat([self.codes(part, noise) for part in data.validation.batches(500)])
        log_z = float(log_normalizer(model, others).value)
        ratios, noise_ratios = model.log_ratio(self.held_out), model.log_ratio(others)
        constant = float(model.constant)
        return {
            "score": float(contrastive_cost(ratios, noise_ratios, ratio=self.config.noise_ratio)),
            "constant": constant,
            "log_z_error": constant + log_z,
            "elbo_gain": float(ratios.mean()) - constant - log_z,
        }

    def network(self) -> EnergyVAE:
        return cast("EnergyVAE", self.averages["model"])

    @torch.no_grad()
    def pictures(self, data: ImageSet) -> dict[str, Pictures]:  # noqa: ARG002  # the prior alone is shown
        """`samples`: 64 decoded draws of the tilted prior."""
        latents = tilted_draws(self.network(), noise_of(self.config.seed + 2, 0, self.device), 64)
        return {"samples": self.network().decode(latents).cpu().numpy()}

    @torch.no_grad()
    def codes(self, batch: Split, noise: torch.Generator) -> Tensor:
        """One draw z ~ q(z|x) for each image, (B, D)."""
        model = self.network()
        images = batch.pixels()
        uniforms = torch.rand(images.shape, generator=noise, device=self.device)
        statistics = model.encode(to_domain(images, model.domain, uniforms))
        return model.posterior(statistics).draw(self._prior(len(batch), noise))[0]

    def _prior(self, count: int, noise: torch.Generator) -> Tensor:
        """Draws z ~ N(0, I), (count, D)."""
        return torch.randn((count, self.network().latent_dim), generator=noise, device=self.device)
