"""Noise-contrastive estimation (Gutmann & Hyvärinen 2010): the normalizer of an energy model as one more parameter.

The model is log p(x) = -½ xᵀAx + c with A and c free. A classifier that tells data from noise by
log p(x) - log p_noise(x) is best when c = -log Z. Noise far from the data is told apart without learning much, and c
wanders; the self-contrastive form draws its noise from a copy of the model made a while ago, which moves to the data by
itself (Goodfellow 2014, arXiv 1412.6515).
"""

import math
from pathlib import Path

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal
from torch.nn import functional

from training.lecture.figure import figure

COVARIANCE = torch.tensor([[1.0, 0.6], [0.6, 0.8]])
STEPS, BATCH, RATE = 1500, 512, 0.02


def data_distribution() -> MultivariateNormal:
    """A correlated normal in two dimensions: every answer is known."""
    return MultivariateNormal(torch.zeros(2), COVARIANCE)


def true_constant() -> float:
    """-log Z of exp(-½ xᵀΣ⁻¹x): -log 2π - ½ log |Σ|."""
    return -math.log(2 * math.pi) - 0.5 * float(torch.logdet(COVARIANCE))


class EnergyModel(torch.nn.Module):
    """log p(x) = -½ |Lᵀx|² + c; L is lower triangular, so A = LLᵀ is never indefinite."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = torch.nn.Parameter(torch.eye(2))
        self.constant = torch.nn.Parameter(torch.zeros(()))

    def forward(self, points: Tensor) -> Tensor:
        """Points (N, 2) -> log p, not normalized unless c is right, (N,)."""
        return -0.5 * (points @ self.factor.tril()).square().sum(1) + self.constant

    def as_distribution(self) -> MultivariateNormal:
        """What the model would be if its c were right: for drawing from it."""
        factor = self.factor.detach().tril()
        return MultivariateNormal(torch.zeros(2), precision_matrix=factor @ factor.T + 1e-6 * torch.eye(2))


def contrastive_loss(model: EnergyModel, noise: MultivariateNormal, real: Tensor, fake: Tensor) -> Tensor:
    """The logistic loss of telling real from fake by the log-ratio of model and noise density."""
    logits = [model(points) - noise.log_prob(points) for points in (real, fake)]
    return functional.softplus(-logits[0]).mean() + functional.softplus(logits[1]).mean()


def estimate(noise_scale: float, *, refresh: int = 0, seed: int = 0) -> tuple[EnergyModel, list[float]]:
    """The fitted model and its c after each step; with `refresh` the noise becomes the model every so many steps."""
    torch.manual_seed(seed)
    model, data = EnergyModel(), data_distribution()
    noise = MultivariateNormal(torch.zeros(2), noise_scale**2 * torch.eye(2))
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    constants = []
    for step in range(STEPS):
        if refresh and step and step % refresh == 0:
            noise = model.as_distribution()
        optimizer.zero_grad()
        contrastive_loss(model, noise, data.sample((BATCH,)), noise.sample((BATCH,))).backward()
        optimizer.step()
        scheduler.step()
        constants.append(float(model.constant.detach()))
    return model, constants


def lesson(path: Path) -> dict[str, float]:
    """Noise of scale 1 near the data, 6 far from it, and far noise that is refreshed by the model itself."""
    runs = {
        "noise near the data": estimate(1.0)[1],
        "noise far away": estimate(6.0)[1],
        "far noise, refreshed by the model": estimate(6.0, refresh=100)[1],
    }
    with figure(path, width=5.0) as (axes,):
        for name, constants in runs.items():
            axes.plot(constants, label=name, linewidth=1)
        axes.axhline(true_constant(), color="black", linestyle=":", label="-log Z")
        axes.set(xlabel="step", ylabel="c")
        axes.legend()
    return {f"c + log Z at the end: {name}": constants[-1] - true_constant() for name, constants in runs.items()}
