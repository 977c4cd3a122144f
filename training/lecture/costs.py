"""The three costs of the generator against D(G(z)), and their slopes, by the very functions that train the DCGAN.

Early in training D is sure of every fake. There the minimax cost is flat and teaches nothing, the non-saturating one is
steepest, and maximum likelihood draws nearly all of its gradient from the few samples that D takes for real
(Goodfellow 2014; *Deep Learning*, 20.10.4).
"""

from pathlib import Path

import torch
from torch import Tensor

from training.dcgan import GENERATOR_COSTS
from training.lecture.figure import figure


def curve(name: str, logits: Tensor) -> tuple[Tensor, Tensor]:
    """J(G) and dJ(G)/d logit at each logit, (N,) both; the slope by automatic differentiation."""
    points = logits.clone().requires_grad_()
    values = torch.stack([GENERATOR_COSTS[name](point[None]) for point in points])
    (slopes,) = torch.autograd.grad(values.sum(), points)
    return values.detach(), slopes


def lesson(path: Path) -> dict[str, float]:
    """Logits from -5 to 5."""
    logits = torch.linspace(-5, 5, 201)
    curves = {name: curve(name, logits) for name in sorted(GENERATOR_COSTS)}
    with figure(path, columns=2) as (value, slope):
        for name, (values, slopes) in curves.items():
            value.plot(logits.sigmoid(), values, label=name)
            slope.semilogy(logits.sigmoid(), slopes.abs(), label=name)
        value.set(xlabel="D(G(z))", ylabel="J(G)", ylim=(-12, 4))
        slope.set(xlabel="D(G(z))", ylabel="|dJ(G) / d logit|")
        value.legend()
    return {f"slope at logit -5: {name}": float(slopes[0]) for name, (_, slopes) in curves.items()}
