"""v(a, b) = ab: one player minimizes over a, the other maximizes over b, and neither ever arrives.

The saddle at 0 is the equilibrium. Simultaneous gradient steps multiply the distance to it by √(1 + η²) each time;
alternating steps go round on an ellipse; extragradient (Korpelevich 1976) looks ahead and arrives. The Dirac-GAN
(Mescheder et al. 2018) is the same game with a real discriminator, and R1 its cure: a penalty on D's slope at the data.
"""

import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from training.lecture.figure import figure

Point = tuple[float, float]
Update = Callable[[Point, float], Point]


def simultaneous(point: Point, rate: float) -> Point:
    """Both move from the same point: the radius grows by √(1 + η²)."""
    a, b = point
    return a - rate * b, b + rate * a


def alternating(point: Point, rate: float) -> Point:
    """The second player sees the first one's move: a map of determinant 1, so orbits stay bounded for η < 2."""
    a, b = point
    a = a - rate * b
    return a, b + rate * a


def extragradient(point: Point, rate: float) -> Point:
    """A step by the gradient at the point that the plain step would lead to: the radius shrinks for η < 1."""
    a, b = point
    ahead_a, ahead_b = simultaneous(point, rate)
    return a - rate * ahead_b, b + rate * ahead_a


UPDATES: dict[str, Update] = {
    "simultaneous": simultaneous,
    "alternating": alternating,
    "extragradient": extragradient,
}


def orbit(update: Update, *, rate: float, steps: int, start: Point = (1.0, 0.0)) -> list[Point]:
    """The points from start on, steps + 1 of them."""
    points = [start]
    for _ in range(steps):
        points.append(update(points[-1], rate))
    return points


def dirac_gan(*, rate: float, steps: int, penalty: float, start: Point = (1.0, 0.0)) -> list[Point]:
    """(θ, ψ) of a generator that always says θ and a discriminator D(x) = ψx, the data being 0; R1 costs γ/2 · ψ².

    Simultaneous steps on v = log σ(0) + log σ(-ψθ), gradients by automatic differentiation.
    """
    points = [start]
    for _ in range(steps):
        theta, psi = (torch.tensor(each, dtype=torch.float64, requires_grad=True) for each in points[-1])
        value = torch.nn.functional.logsigmoid(-psi * theta)
        regularized: Tensor = value - 0.5 * penalty * psi.square()
        (theta_slope,) = torch.autograd.grad(value, theta, retain_graph=True)
        (psi_slope,) = torch.autograd.grad(regularized, psi)
        points.append((float(theta.detach() - rate * theta_slope), float(psi.detach() + rate * psi_slope)))
    return points


def radius(point: Point) -> float:
    """Distance to the equilibrium."""
    return math.hypot(*point)


def lesson(path: Path) -> dict[str, float]:
    """A hundred steps of η = 0.1, and five hundred of the Dirac-GAN with and without R1."""
    orbits = {name: orbit(update, rate=0.1, steps=100) for name, update in UPDATES.items()}
    dirac = {f"γ = {penalty:g}": dirac_gan(rate=0.2, steps=500, penalty=penalty) for penalty in (0.0, 0.3)}
    with figure(path, columns=2, height=3.6) as (game, gan):
        for axes, paths in ((game, orbits), (gan, dirac)):
            for name, points in paths.items():
                axes.plot(*zip(*points, strict=True), label=name, linewidth=1)
            axes.plot(0, 0, "k+")
            axes.set_aspect("equal")
            axes.legend(fontsize=7)
        game.set(title="v(a, b) = ab", xlabel="a", ylabel="b")
        gan.set(title="Dirac-GAN, with R1 and without", xlabel="θ", ylabel="ψ")
    last = {name: radius(points[-1]) for name, points in (orbits | dirac).items()}
    return {f"radius at the end: {name}": value for name, value in last.items()}
