"""Noise-contrastive estimation (Gutmann & Hyvärinen 2010): the normalizer of an energy model as one more parameter.

The model is log p(x) = -½ xᵀAx + c with A and c free. A classifier that tells data from noise by
log p(x) - log p_noise(x) is best when c = -log Z. Noise far from the data is told apart without learning much, and c
wanders; the self-contrastive form draws its noise from a copy of the model made a while ago, which moves to the data by
itself (Goodfellow 2014, arXiv 1412.6515).

How far c wanders is known: in one dimension, where log p(x) = -½ a x² + c makes the classifier a logistic regression on
(-½ x², 1), the spread of many fits is held against the asymptotic one.
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
SCALES = (0.5, 0.7, 1.0, 1.4, 2.0, 4.0, 8.0)
RATIOS = (1, 4, 16)
POINTS = 400
"""Data of one fit."""
ONE_DIMENSION = -0.5 * math.log(2 * math.pi)
"""-log Z of exp(-½ x²)."""


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


def fitted_constants(scale: float, *, ratio: int, fits: int = 200, seed: int = 0) -> Tensor:
    """Many fits to 400 points of N(0, 1) and `ratio` times as many of N(0, scale²) -> the c of each, (fits,).

    Newton's method on the contrastive loss, which is convex in (a, c): from the truth it needs few steps.
    """
    noise = torch.Generator().manual_seed(seed)
    data = torch.randn((fits, POINTS), generator=noise, dtype=torch.float64)
    others = scale * torch.randn((fits, ratio * POINTS), generator=noise, dtype=torch.float64)
    points = torch.cat([data, others], dim=1)
    label = torch.cat([torch.ones_like(data), torch.zeros_like(others)], dim=1)
    features = torch.stack([-0.5 * points.square(), torch.ones_like(points)], dim=2)
    offset = math.log(ratio) + _log_normal(points, scale)
    parameters = torch.tensor([1.0, ONE_DIMENSION], dtype=torch.float64).repeat(fits, 1)
    for _ in range(8):
        share = torch.sigmoid(torch.einsum("fnk,fk->fn", features, parameters) - offset)
        slope = torch.einsum("fn,fnk->fk", label - share, features)
        curvature = torch.einsum("fn,fnk,fnl->fkl", share * (1 - share), features, features)
        parameters = parameters + torch.linalg.solve(curvature, slope)
    return parameters[:, 1]


def predicted_deviation(scale: float, *, ratio: int) -> float:
    """The standard deviation of c for the same setting: Gutmann & Hyvärinen 2012, theorem 3, by quadrature."""
    points = torch.linspace(-40, 40, 80_001, dtype=torch.float64)
    data = _log_normal(points, 1.0)
    # The probability of being noise, in the classifier's eyes, at the truth.
    share = torch.sigmoid(math.log(ratio) + _log_normal(points, scale) - data)
    weights = share * data.exp() * (points[1] - points[0])
    features = torch.stack([-0.5 * points.square(), torch.ones_like(points)], dim=1)
    information = features.T @ (weights[:, None] * features)
    mean = weights @ features
    inverse = torch.linalg.inv(information)
    covariance = inverse - (1 + 1 / ratio) * torch.outer(inverse @ mean, inverse @ mean)
    return math.sqrt(float(covariance[1, 1]) / POINTS)


def lesson(path: Path) -> dict[str, float]:
    """Noise near the data, far from it, and refreshed by the model; then the spread of c over many fits."""
    runs = {
        "noise near the data": estimate(1.0)[1],
        "noise far away": estimate(6.0)[1],
        "far noise, refreshed by the model": estimate(6.0, refresh=100)[1],
    }
    spreads = {ratio: [float(fitted_constants(scale, ratio=ratio).std()) for scale in SCALES] for ratio in RATIOS}
    with figure(path, columns=2, width=4.4) as (axes, spread):
        for name, constants in runs.items():
            axes.plot(constants, label=name, linewidth=1)
        axes.axhline(true_constant(), color="black", linestyle=":", label="-log Z")
        axes.set(xlabel="step", ylabel="c")
        axes.legend(fontsize=7)
        scales = torch.logspace(math.log10(SCALES[0]), math.log10(SCALES[-1]), 40).tolist()
        for color, (ratio, measured) in zip(("tab:blue", "tab:orange", "tab:green"), spreads.items(), strict=True):
            predicted = [predicted_deviation(scale, ratio=ratio) for scale in scales]
            spread.plot(scales, predicted, color=color, linewidth=1, label=f"ν = {ratio}, predicted")
            spread.plot(SCALES, measured, "o", color=color, markersize=4, label=f"ν = {ratio}, 200 fits")
        spread.set(xscale="log", yscale="log", xlabel="scale of the noise (data: 1)", ylabel="standard deviation of c")
        spread.set_xticks(SCALES, [f"{scale:g}" for scale in SCALES], minor=False)
        spread.set_yticks([0.03, 0.05, 0.1, 0.15], ["0.03", "0.05", "0.1", "0.15"])
        spread.minorticks_off()
        spread.legend(fontsize=7)
    ends = {f"c + log Z at the end: {name}": constants[-1] - true_constant() for name, constants in runs.items()}
    return ends | {
        f"deviation of c, noise scale {scale:g}, ν = {ratio}": spreads[ratio][SCALES.index(scale)]
        for ratio in RATIOS
        for scale in (1.4, 8.0)
    }


def _log_normal(points: Tensor, scale: float) -> Tensor:
    """Log N(x; 0, scale²)."""
    return -0.5 * (points / scale).square() - math.log(scale) + ONE_DIMENSION
