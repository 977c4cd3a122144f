"""Discrete draws: a Bernoulli b has no derivative with respect to its probability θ, but E[f(b)] has.

First one bit. The cost is f(b) = (b - t)² with t = 0.45, so L(θ) = θ(1 - t)² + (1 - θ)t² and ∂L/∂θ = 1 - 2t = 0.1.
REINFORCE, with and without variance reduction, has that mean. Straight-through (Bengio et al. 2013) and Gumbel-softmax
(Jang et al. 2017; Maddison et al. 2017) do not: they are biased, whatever the number of draws.

Then the eight bits of a little VAE (`training/lecture/bars.py`) and the estimators that train the large one
(`training/score_function.py`): variance and bias against enumeration, before and after training, and what each learns.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from rich.progress import track
from torch import Tensor

from training.lecture import bars
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


NAMES = {
    "reinforce": "REINFORCE",
    "nvil": "NVIL",
    "leave-one-out": "leave-one-out",
    "vimco": "VIMCO",
    "disarm": "DisARM",
    "straight-through": "straight-through",
    "gumbel-softmax": "Gumbel-softmax",
}
"""How figure and findings call the estimators of the VAE."""
BIASED = ("straight-through", "gumbel-softmax")
TOY_COLORS = dict(zip(ESTIMATORS, ("C7", "C1", "C2", "C3", "C6"), strict=True))
COLORS = dict(zip(NAMES, ("C7", "C1", "C2", "C4", "C0", "C3", "C6"), strict=True))


def lesson(
    path: Path,
    *,
    draws: int = 100_000,
    steps: int = 1000,
    exact_steps: int = 500,
    count: int = 2000,
    images: int = 16,
) -> dict[str, float]:
    """One bit: means of `draws` estimates, θ from 0.1 to 0.9. Eight: `count` estimates for each of so many images."""
    thetas = torch.linspace(0.1, 0.9, 17).tolist()
    means = {name: [_mean(each, theta, draws) for theta in thetas] for name, each in ESTIMATORS.items()}
    data = bars.bars(images, seed=3)
    trained, exact_curve = bars.train_exactly(steps=exact_steps)
    before = bars.qualities(bars.learned(bars.fresh()), data, count=count)
    after = bars.qualities(trained, data, count=count)
    curves = {
        name: bars.train(bars.fresh(name, steps=steps), steps=steps)
        for name in track(NAMES, "estimators", transient=True)
    }
    with figure(path, columns=3, width=3.6, height=3.4) as (toy, spread, race):
        _draw_toy(toy, thetas, means)
        _draw_qualities(spread, before, after)
        _draw_race(race, curves, exact_curve)
    findings = {f"bias at θ = 0.9: {name}": each[-1] - exact_gradient() for name, each in means.items()}
    for name, label in NAMES.items():
        findings[f"nats², variance of the fresh VAE: {label}"] = before[name].variance
        findings[f"nats², variance of the trained VAE: {label}"] = after[name].variance
        findings[f"relative bias of the trained VAE: {label} (standard error {after[name].error:.4f})"] = after[
            name
        ].bias
        findings[f"nats, ELBO after {steps} steps: {label}"] = curves[name][-1]
    findings[f"nats, ELBO after {exact_steps} steps by the exact gradient"] = exact_curve[-1]
    findings["nats, minus the entropy of the data"] = -bars.entropy()
    return findings


def _mean(estimator: Estimator, theta: float, draws: int) -> float:
    return float(estimator(theta, torch.Generator().manual_seed(1), draws).mean())


def _draw_toy(axes: Any, thetas: list[float], means: dict[str, list[float]]) -> None:
    for name, values in means.items():
        axes.plot(thetas, values, color=TOY_COLORS[name], label=name, linestyle="--" if "biased" in name else "-")
    axes.axhline(exact_gradient(), color="black", linestyle=":", label="exact")
    axes.set(title="one bit", xlabel="θ", ylabel="mean of the estimates of ∂L/∂θ")
    axes.legend(fontsize=6.5)


def _draw_qualities(axes: Any, before: dict[str, bars.Quality], after: dict[str, bars.Quality]) -> None:
    """Two bars of variance each, and the bias of the trained network beside them."""
    for row, name in enumerate(NAMES):
        axes.barh(row - 0.19, before[name].variance, height=0.34, color=COLORS[name], alpha=0.4)
        axes.barh(row + 0.19, after[name].variance, height=0.34, color=COLORS[name])
        share = f"bias {100 * after[name].bias:.0f} %" if name in BIASED else "unbiased"
        axes.text(1.02, row, share, transform=axes.get_yaxis_transform(), va="center", fontsize=7)
    axes.set(title="eight bits", xscale="log", xlabel="variance in nats²  (pale: before training)")
    axes.set_yticks(range(len(NAMES)), NAMES.values())
    axes.invert_yaxis()


def _draw_race(axes: Any, curves: dict[str, list[float]], exact: list[float]) -> None:
    """In the colours of the bars, which name them."""
    for name, values in curves.items():
        axes.plot(_steps_of(values), values, color=COLORS[name], linestyle="--" if name in BIASED else "-")
    axes.plot(_steps_of(exact), exact, color="black", linewidth=1)
    axes.annotate("exact gradient", (_steps_of(exact)[-1], exact[-1]), (4, 0), textcoords="offset points", va="center")
    axes.axhline(-bars.entropy(), color="black", linestyle=":")
    axes.annotate("- entropy of the data", (0, -bars.entropy()), (0, 3), textcoords="offset points")
    axes.set(title="what each learns", xlabel="step", ylabel="exact ELBO in nats")


def _steps_of(curve: list[float]) -> list[int]:
    return [bars.EVERY * (index + 1) for index in range(len(curve))]


def _bits(theta: float, noise: torch.Generator, count: int) -> Tensor:
    return (torch.rand(count, generator=noise) < theta).float()


def _score(bits: Tensor, theta: float) -> Tensor:
    """∂ log p(b)/∂θ = b/θ - (1 - b)/(1 - θ)."""
    return bits / theta - (1 - bits) / (1 - theta)
