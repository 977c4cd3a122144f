"""Discrete draws: a Bernoulli b has no derivative with respect to its probability θ, but E[f(b)] has.

The cost is f(b) = (b - t)² with t = 0.45, so L(θ) = θ(1 - t)² + (1 - θ)t² and ∂L/∂θ = 1 - 2t = 0.1. REINFORCE, with
and without variance reduction, has that mean. Straight-through (Bengio et al. 2013) and Gumbel-softmax (Jang et al.
2017; Maddison et al. 2017) do not: they are biased, whatever the number of draws.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from training.lecture.figure import figure

TARGET = 0.45
TEMPERATURE = 0.5

Estimator = Callable[[float, torch.Generator, int], Tensor]


def cost(bits: Tensor) -> Tensor:
    """f(b) = (b - t)²."""
    return (bits - TARGET).square()


def exact_gradient() -> float:
    """∂L/∂θ, by enumeration of both values of b."""
    return float(cost(torch.tensor(1.0)) - cost(torch.tensor(0.0)))


def plain(theta: float, noise: torch.Generator, draws: int) -> Tensor:
    """REINFORCE: f(b) ∂ log p(b)/∂θ, (draws,)."""
    bits = _bits(theta, noise, draws)
    return cost(bits) * _score(bits, theta)


def with_baseline(theta: float, noise: torch.Generator, draws: int) -> Tensor:
    """(f(b) - b̄) ∂ log p(b)/∂θ with b̄ = E[f] from draws of its own, as a moving average would have it, (draws,)."""
    bits = _bits(theta, noise, draws)
    return (cost(bits) - cost(_bits(theta, noise, draws)).mean()) * _score(bits, theta)


def leave_one_out(theta: float, noise: torch.Generator, draws: int, *, group: int = 4) -> Tensor:
    """Each of four draws has the mean of the other three as its baseline (Kool et al. 2019); (draws,) group means."""
    bits = _bits(theta, noise, draws * group).reshape(draws, group)
    costs = cost(bits)
    others = (costs.sum(1, keepdim=True) - costs) / (group - 1)
    return ((costs - others) * _score(bits, theta)).mean(1)


def straight_through(theta: float, noise: torch.Generator, draws: int) -> Tensor:
    """f'(b) as if ∂b/∂θ were 1, (draws,). Biased: its mean is 2(θ - t)."""
    return 2 * (_bits(theta, noise, draws) - TARGET)


def gumbel_softmax(theta: float, noise: torch.Generator, draws: int) -> Tensor:
    """The pathwise gradient of the relaxed bit σ((logit θ + logistic noise) / τ), (draws,). Biased."""
    uniforms = torch.rand(draws, generator=noise).clamp(1e-6, 1 - 1e-6)
    parameter = torch.full((draws,), theta, requires_grad=True)
    relaxed = torch.sigmoid((torch.logit(parameter) + torch.logit(uniforms)) / TEMPERATURE)
    (gradients,) = torch.autograd.grad(cost(relaxed).sum(), parameter)
    return gradients


ESTIMATORS: dict[str, Estimator] = {
    "REINFORCE": plain,
    "with mean baseline": with_baseline,
    "leave-one-out, 4 draws": leave_one_out,
    "straight-through (biased)": straight_through,
    "Gumbel-softmax (biased)": gumbel_softmax,
}


def lesson(path: Path) -> dict[str, float]:
    """Mean and spread of 100,000 estimates for θ from 0.1 to 0.9."""
    thetas = torch.linspace(0.1, 0.9, 17).tolist()
    found: dict[str, list[Tensor]] = {name: [] for name in ESTIMATORS}
    for name, estimator in ESTIMATORS.items():
        for theta in thetas:
            found[name].append(estimator(theta, torch.Generator().manual_seed(1), 100_000))
    with figure(path, columns=2) as (bias, spread):
        for name, estimates in found.items():
            bias.plot(thetas, [float(each.mean()) for each in estimates], label=name)
            spread.plot(thetas, [float(each.std()) for each in estimates], label=name)
        bias.axhline(exact_gradient(), color="black", linestyle=":", label="exact")
        bias.set(xlabel="θ", ylabel="mean of the estimates of ∂L/∂θ")
        spread.set(xlabel="θ", ylabel="standard deviation of one estimate")
        bias.legend(fontsize=6)
    return {f"bias at θ = 0.9: {name}": float(each[-1].mean()) - exact_gradient() for name, each in found.items()}


def _bits(theta: float, noise: torch.Generator, count: int) -> Tensor:
    return (torch.rand(count, generator=noise) < theta).float()


def _score(bits: Tensor, theta: float) -> Tensor:
    """∂ log p(b)/∂θ = b/θ - (1 - b)/(1 - θ)."""
    return bits / theta - (1 - bits) / (1 - theta)
