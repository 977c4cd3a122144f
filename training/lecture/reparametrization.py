"""Reparametrization: write z ~ N(μ, σ²) as z = μ + σε with ε ~ N(0, 1), and gradients pass through the draw.

For L(μ, σ) = E[(z - t)²] = (μ - t)² + σ² the gradient is known: ∂L/∂μ = 2(μ - t), ∂L/∂σ = 2σ. Two estimators have it
as their mean. The pathwise one differentiates through the draw. The score-function one (REINFORCE, Williams 1992) uses
∇L = E[(z - t)² ∇ log p(z)] and needs no derivative of the cost, at the price of a far larger variance.

Nothing in this is about normals: y = f(z; ω) with noise z of a fixed distribution will do. The second example is a
waiting time, y = -ln(u) / λ with u uniform, whose cost (y - t)² has the mean 2/λ² - 2t/λ + t².
"""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from training.lecture.figure import figure

TARGET = 3.0


def exact_gradient(mean: float, scale: float) -> Tensor:
    """(∂L/∂μ, ∂L/∂σ), (2,)."""
    return torch.tensor([2 * (mean - TARGET), 2 * scale])


def pathwise_gradients(mean: float, scale: float, noise: Tensor) -> Tensor:
    """One estimate a draw by automatic differentiation through z = μ + σε, (draws, 2)."""
    parameters = torch.tensor([mean, scale]).expand(len(noise), 2).clone().requires_grad_()
    draws = parameters[:, 0] + parameters[:, 1] * noise
    (gradients,) = torch.autograd.grad((draws - TARGET).square().sum(), parameters)
    return gradients


def score_gradients(mean: float, scale: float, noise: Tensor, *, baseline: float = 0.0) -> Tensor:
    """One estimate a draw, ((z - t)² - b) ∇ log N(z; μ, σ²), (draws, 2); any constant b leaves the mean as it is."""
    parameters = torch.tensor([mean, scale]).expand(len(noise), 2).clone().requires_grad_()
    draws = (parameters[:, 0] + parameters[:, 1] * noise).detach()
    log_density = torch.distributions.Normal(parameters[:, 0], parameters[:, 1]).log_prob(draws)
    cost = (draws - TARGET).square() - baseline
    (gradients,) = torch.autograd.grad((cost * log_density).sum(), parameters)
    return gradients


def exact_waiting_gradient(rate: float) -> float:
    """∂/∂λ of 2/λ² - 2t/λ + t²."""
    return -4 / rate**3 + 2 * TARGET / rate**2


def pathwise_waiting_gradients(rate: float, uniforms: Tensor) -> Tensor:
    """One estimate a draw by automatic differentiation through y = -ln(u) / λ, (draws,)."""
    rates = torch.full_like(uniforms, rate).requires_grad_()
    (gradients,) = torch.autograd.grad((-uniforms.log() / rates - TARGET).square().sum(), rates)
    return gradients


def score_waiting_gradients(rate: float, uniforms: Tensor) -> Tensor:
    """One estimate a draw, (y - t)² ∂ log(λ exp(-λy)) / ∂λ, (draws,)."""
    times = -uniforms.log() / rate
    return (times - TARGET).square() * (1 / rate - times)


def lesson(path: Path) -> dict[str, float]:
    """Variance of ∂L/∂μ for μ from -3 to 3 at σ = 1, and of ∂L/∂λ for λ from ¼ to 4, each from 20,000 draws."""
    noise = torch.randn(20_000, generator=torch.Generator().manual_seed(0))
    means = torch.linspace(-3, 3, 25).tolist()
    estimators: dict[str, Callable[[float], Tensor]] = {
        "pathwise, z = μ + σε": lambda mean: pathwise_gradients(mean, 1.0, noise),
        "score function": lambda mean: score_gradients(mean, 1.0, noise),
        "score function, best constant baseline": lambda mean: score_gradients(
            mean, 1.0, noise, baseline=best_baseline(mean, 1.0)
        ),
    }
    variances = {name: [float(of(mean)[:, 0].var()) for mean in means] for name, of in estimators.items()}
    uniforms = torch.rand(20_000, generator=torch.Generator().manual_seed(1)).clamp(min=1e-7)
    rates = torch.logspace(-2, 2, 25, base=2).tolist()
    waiting = {
        "pathwise, y = -ln(u)/λ": [float(pathwise_waiting_gradients(rate, uniforms).var()) for rate in rates],
        "score function": [float(score_waiting_gradients(rate, uniforms).var()) for rate in rates],
    }
    with figure(path, columns=2, width=4.4) as (normal, exponential):
        for name, values in variances.items():
            normal.semilogy(means, values, label=name)
        for name, values in waiting.items():
            exponential.semilogy(rates, values, label=name)
        normal.set(xlabel="μ (the target is 3, σ is 1)", ylabel="variance of one estimate of ∂L/∂μ")
        exponential.set_xscale("log", base=2)
        exponential.set(xlabel="λ (the target is 3)", ylabel="variance of one estimate of ∂L/∂λ")
        normal.legend(fontsize=7)
        exponential.legend(fontsize=7)
    return {f"variance at μ = 0: {name}": values[12] for name, values in variances.items()} | {
        f"variance at λ = 1: {name}": values[12] for name, values in waiting.items()
    }


def best_baseline(mean: float, scale: float) -> float:
    """The b of least variance for ∂L/∂μ, E[f ε²] / E[ε²] with f = (z - t)²: in closed form (μ - t)² + 3σ²."""
    return (mean - TARGET) ** 2 + 3 * scale**2
