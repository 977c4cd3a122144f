"""The three costs of the generator against D(G(z)), and their slopes, by the very functions that train the DCGAN.

Early in training D is sure of every fake. There the minimax cost is flat and teaches nothing, the non-saturating one is
steepest, and maximum likelihood draws nearly all of its gradient from the few samples that D takes for real
(Goodfellow 2014; *Deep Learning*, 20.10.4).

With data p = N(0, 1), a generator x = μ + σε and the best D there is, D* = p/(p + q), the gradient's mean and variance
are integrals over ε. The means are those of divergences: ∇JSD(p, q) for minimax, ½∇KL(p ‖ q) for maximum likelihood,
½∇KL(q ‖ p) - ∇JSD(p, q) for the non-saturating cost (Arjovsky & Bottou 2017, theorem 2.5).
"""

import math
from pathlib import Path

import torch
from torch import Tensor

from training.game import GENERATOR_COSTS
from training.lecture.figure import figure

COLOURS = {"maximum-likelihood": "tab:blue", "minimax": "tab:orange", "non-saturating": "tab:green"}


def curve(name: str, logits: Tensor) -> tuple[Tensor, Tensor]:
    """J(G) and dJ(G)/d logit at each logit, (N,) both; the slope by automatic differentiation."""
    points = logits.clone().requires_grad_()
    values = torch.stack([GENERATOR_COSTS[name](point[None]) for point in points])
    (slopes,) = torch.autograd.grad(values.sum(), points)
    return values.detach(), slopes


def best_logit(points: Tensor, *, mean: float, scale: float) -> Tensor:
    """The logit of D* = p/(p + q), log p(x)/q(x), for p = N(0, 1) and q = N(μ, σ²) at each point, (N,)."""
    return 0.5 * ((points - mean) / scale).square() - 0.5 * points.square() + math.log(scale)


def sample_gradients(name: str, noise: Tensor, *, mean: float, scale: float) -> Tensor:
    """∂J(G)/∂(μ, σ) by each sample x = μ + σε alone, D* being frozen: noise ε (N,) -> (N, 2)."""
    points = (mean + scale * noise).requires_grad_()
    total = len(noise) * GENERATOR_COSTS[name](best_logit(points, mean=mean, scale=scale))
    (slopes,) = torch.autograd.grad(total, points)
    return torch.stack([slopes, slopes * noise], dim=1)


def gradient_moments(name: str, *, mean: float, scale: float) -> tuple[Tensor, Tensor]:
    """Mean and variance over ε ~ N(0, 1) of `sample_gradients`, (2,) each, by quadrature in float64."""
    noise = torch.linspace(-16, 16, 8001, dtype=torch.float64)
    density = torch.exp(-0.5 * noise.square()) / math.sqrt(2 * math.pi)
    gradients = sample_gradients(name, noise, mean=mean, scale=scale)
    average = torch.trapezoid(density[:, None] * gradients, noise, dim=0)
    spread = torch.trapezoid(density[:, None] * (gradients - average).square(), noise, dim=0)
    return average, spread


def lesson(path: Path) -> dict[str, float]:
    """Logits from -5 to 5, and generators N(μ, 1) at distances μ from 0.1 to 4."""
    logits = torch.linspace(-5, 5, 201)
    distances = torch.linspace(0.1, 4, 40).tolist()
    curves = {name: curve(name, logits) for name in sorted(GENERATOR_COSTS)}
    moments = {name: [gradient_moments(name, mean=each, scale=1.0) for each in distances] for name in curves}
    with figure(path, columns=3, width=3.6) as (value, slope, spread):
        for index, (name, (values, slopes)) in enumerate(curves.items()):
            value.plot(logits.sigmoid(), values, label=name, color=COLOURS[name])
            slope.semilogy(logits.sigmoid(), slopes.abs(), color=COLOURS[name])
            means, variances = zip(*moments[name], strict=True)
            spread.semilogy(distances, [float(each[0].abs()) for each in means], color=COLOURS[name])
            # For σ = 1 two of the three deviations are the same: their dashes take turns.
            dashes = (4 * index, (4, 4))
            spread.semilogy(distances, [float(each[0].sqrt()) for each in variances], ls=dashes, color=COLOURS[name])
        value.set(xlabel="D(G(z))", ylabel="J(G)", ylim=(-12, 4))
        slope.set(xlabel="D(G(z))", ylabel="|dJ(G) / d logit|")
        spread.set(xlabel="distance μ of G from the data", ylabel="∂J(G)/∂μ with the best D", ylim=(1e-3, 1e4))
        spread.plot([], [], color="grey", label="mean")
        spread.plot([], [], "--", color="grey", label="standard deviation of one sample")
        spread.legend(fontsize=7, loc="upper left")
        value.legend()
    found = {f"slope at logit -5: {name}": float(slopes[0]) for name, (_, slopes) in curves.items()}
    for name in curves:
        average, variance = gradient_moments(name, mean=3.0, scale=1.0)
        found[f"mean of ∂J(G)/∂μ at distance 3: {name}"] = float(average[0])
        found[f"standard deviation of it: {name}"] = float(variance[0].sqrt())
    return found
