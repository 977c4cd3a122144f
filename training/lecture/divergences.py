"""The direction of the KL: one normal q fitted to a mixture p of two.

KL(p ‖ q), maximum likelihood, is large wherever p has mass and q has none: the fit covers both modes and the empty
middle. KL(q ‖ p) is large wherever q has mass and p has none: the fit keeps to one mode (*Deep Learning*, figure 3.6).
"""

import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from training.lecture.figure import figure

MEANS, SCALE = (-2.0, 2.0), 0.6
GRID = torch.linspace(-8, 8, 4001, dtype=torch.float64)
STEP = float(GRID[1] - GRID[0])


def log_mixture(points: Tensor) -> Tensor:
    """Log p at points: half the mass at each of two means."""
    modes = [torch.distributions.Normal(mean, SCALE).log_prob(points) for mean in MEANS]
    return torch.logaddexp(*modes) - math.log(2)


def forward_divergence(parameters: Tensor) -> Tensor:
    """KL(p ‖ q) on a grid; `parameters` are the mean and the log-scale of q."""
    log_p, log_q = log_mixture(GRID), _log_normal(parameters)
    return (log_p.exp() * (log_p - log_q)).sum() * STEP


def reverse_divergence(parameters: Tensor) -> Tensor:
    """KL(q ‖ p) on a grid."""
    log_p, log_q = log_mixture(GRID), _log_normal(parameters)
    return (log_q.exp() * (log_q - log_p)).sum() * STEP


def fit(divergence: Callable[[Tensor], Tensor], *, start: float = 1.5) -> tuple[float, float]:
    """Mean and scale of the q that minimizes it, by L-BFGS from a mean of `start` and a scale of 1."""
    parameters = torch.tensor([start, 0.0], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([parameters], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = divergence(parameters)
        loss.backward()
        return loss

    optimizer.step(closure)
    mean, log_scale = parameters.tolist()
    return mean, math.exp(log_scale)


def lesson(path: Path) -> dict[str, float]:
    """Both fits to the same mixture."""
    fits = {name: fit(divergence) for name, divergence in DIVERGENCES.items()}
    density = log_mixture(GRID).exp()
    with figure(path, columns=2, height=2.8) as panels:
        for axes, (name, (mean, scale)) in zip(panels, fits.items(), strict=True):
            fitted = torch.distributions.Normal(mean, scale).log_prob(GRID).exp()
            axes.fill_between(GRID, density, color="C0", alpha=0.25, linewidth=0, label="p, the data")
            axes.plot(GRID, fitted, color="C1", linewidth=2, label=f"q = N({round(mean, 2) + 0.0:.2f}, {scale:.2f}²)")
            nats = float(DIVERGENCES[name](torch.tensor([mean, math.log(scale)], dtype=torch.float64)))
            axes.set(title=f"least {name}: {nats:.2f} nats", xlabel="x", xlim=(-6, 6), ylim=(0, 0.75))
            axes.legend(loc="upper left")
        panels[0].set_ylabel("density")
    return {
        f"{part} of q, {name}": value
        for name, fitted in fits.items()
        for part, value in zip(PARTS, fitted, strict=True)
    }


PARTS = ("mean", "scale")
DIVERGENCES = {"KL(p ‖ q)": forward_divergence, "KL(q ‖ p)": reverse_divergence}


def _log_normal(parameters: Tensor) -> Tensor:
    mean, log_scale = parameters
    return -0.5 * ((GRID - mean) / log_scale.exp()).square() - log_scale - 0.5 * math.log(2 * math.pi)
