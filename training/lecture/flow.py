"""Exact density by change of variables: log p(x) = log N(f(x); 0, I) + log |det ∂f/∂x| (*Deep Learning*, 20.9).

A RealNVP learns two crescents whose density is known, so that KL(data ‖ flow) is a number and not a picture. A
continuous bijection moves and stretches, but it cannot tear: the two crescents stay joined by a thread.
"""

import copy
import math
from pathlib import Path
from typing import Any

import torch
from rich.progress import track
from torch import Tensor

from models_store.flow import RealNVP
from training.lecture.figure import figure

CENTRES = torch.tensor([[-0.5, -0.25], [0.5, 0.25]])
DIRECTIONS = torch.tensor([0.5, -0.5]) * math.pi
RADIUS, THICKNESS, SPREAD = 1.0, 0.1, 0.6
"""A crescent: the radius is normal about 1, the angle about the crescent's direction."""
REACH, CELLS = 3.5, 420
"""The square of the quadrature goes from -REACH to REACH, cut into CELLS by CELLS."""
STEPS, BATCH, RATE = 1500, 512, 4e-3
THREAD = 1e-3
"""Density below which a place counts as empty; inside the crescents it is of the order of 1."""


def draw(count: int, generator: torch.Generator) -> Tensor:
    """Points of the data (count, 2)."""
    which = torch.randint(0, 2, (count,), generator=generator)
    normal = torch.randn(2, count, generator=generator)
    radius, angle = RADIUS + THICKNESS * normal[0], DIRECTIONS[which] + SPREAD * normal[1]
    return CENTRES[which] + radius[:, None] * torch.stack([angle.cos(), angle.sin()], 1)


def log_truth(points: Tensor) -> Tensor:
    """Points (N, 2) -> log-density of the data, (N,): p(r, θ) / r for each crescent, each with half the mass."""
    crescents = []
    for centre, direction in zip(CENTRES.to(points), DIRECTIONS.tolist(), strict=True):
        offset = points - centre
        radius = offset.norm(dim=1).clamp(min=1e-12)
        # Measured from the crescent's middle, so that the cut of the angle lies where there is no mass.
        sine, cosine = math.sin(direction), math.cos(direction)
        angle = torch.atan2(cosine * offset[:, 1] - sine * offset[:, 0], cosine * offset[:, 0] + sine * offset[:, 1])
        exponent = ((radius - RADIUS) / THICKNESS).square() + (angle / SPREAD).square()
        crescents.append(-0.5 * exponent - radius.log() - math.log(2 * math.pi * THICKNESS * SPREAD))
    return torch.logaddexp(*crescents) - math.log(2)


def log_density(flow: RealNVP, points: Tensor) -> Tensor:
    """Points (N, 2) -> log-density of the flow, (N,), by change of variables."""
    base, log_determinant = flow.inverse(points)
    return -0.5 * base.square().sum(1) - math.log(2 * math.pi) + log_determinant


def fit(*, steps: int = STEPS, couplings: int = 10, hidden: int = 48, seed: int = 0) -> RealNVP:
    """A flow of greatest likelihood: the mean of `log_density` over fresh data is all that is maximized."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    flow = RealNVP(2, couplings=couplings, hidden=hidden)
    optimizer = torch.optim.Adam(flow.parameters(), lr=RATE)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in track(range(steps), "flow", transient=True):
        optimizer.zero_grad()
        loss = -log_density(flow, draw(BATCH, generator)).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(flow.parameters(), 10.0)
        optimizer.step()
        scheduler.step()
    return flow.requires_grad_(requires_grad=False)


def cells(*, reach: float = REACH, count: int = CELLS) -> tuple[Tensor, float]:
    """Midpoints (count², 2) of the cells of a square in float64, x first, and the area of one."""
    width = 2 * reach / count
    axis = -reach + width * (torch.arange(count, dtype=torch.float64) + 0.5)
    return torch.cartesian_prod(axis, axis), width**2


@torch.no_grad()
def measure(flow: RealNVP, *, reach: float = REACH, count: int = CELLS) -> dict[str, float]:
    """By quadrature: the mass of both densities, the entropy of the data and KL(data ‖ flow), the mass in the void."""
    points, area = cells(reach=reach, count=count)
    truth, model = log_truth(points), log_density(copy.deepcopy(flow).double(), points)
    mass = truth.exp() * area
    entropy = -float((mass * truth).sum())
    divergence = float((mass * (truth - model)).sum())
    return {
        "mass of the flow's density": float(model.exp().sum()) * area,
        "mass of the data's density": float(mass.sum()),
        "entropy of the data, nats": entropy,
        "negative log-likelihood of the flow, nats": entropy + divergence,
        "KL(data ‖ flow), nats": divergence,
        "mass of the flow where the data have none": float(model.exp()[truth < math.log(THREAD)].sum()) * area,
    }


def lesson(path: Path) -> dict[str, float]:
    """Data, samples, log-density, and what becomes of a square grid over the base."""
    flow = fit()
    generator = torch.Generator().manual_seed(1)
    with figure(path, columns=4, width=2.6, height=2.7) as panels:
        _scatter(panels[0], draw(4000, generator), "data")
        _scatter(panels[1], flow(torch.randn(4000, 2, generator=generator)), "samples x = g(z)")
        _heat(panels[2], flow)
        _lines(panels[3], flow)
        for axes in panels:
            axes.set(xlim=(-2.2, 2.2), ylim=(-2.0, 2.0), aspect="equal", xticks=[-2, 0, 2], yticks=[-2, 0, 2])
    return measure(flow)


def _scatter(axes: Any, points: Tensor, title: str) -> None:
    axes.scatter(*points.T, s=1, alpha=0.35, linewidths=0, color="tab:blue")
    axes.set_title(title)


def _heat(axes: Any, flow: RealNVP) -> None:
    points, _ = cells(reach=2.2, count=220)
    density = log_density(flow, points.float()).reshape(220, 220).T
    image = axes.imshow(density.numpy(), origin="lower", extent=(-2.2, 2.2, -2.2, 2.2), vmin=-12, vmax=1, cmap="magma")
    axes.figure.colorbar(image, ax=axes, shrink=0.6, pad=0.02)
    axes.set_title("log p(x) of the flow, nats")


def _lines(axes: Any, flow: RealNVP) -> None:
    """Lines of the base, equally far apart, where the flow carries them."""
    along = torch.linspace(-3, 3, 1201)
    for value in torch.linspace(-3, 3, 25):
        across = value.expand_as(along)
        for line, colour in (((across, along), "tab:orange"), ((along, across), "tab:blue")):
            axes.plot(*flow(torch.stack(line, 1)).T, color=colour, linewidth=0.4)
    axes.set_title("a grid of z, carried by g")
