"""L-BFGS for many small problems side by side, each row a problem of its own (Nocedal & Wright 2006, algorithm 7.4).

No line search: every row would want another. A step that does not lower the value is taken back, and what it taught of
the curvature is kept; so values never rise, and all rows ask for as many evaluations. Nothing is summed over rows.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Objective = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Points (B, D) -> values (B,) and gradients (B, D), row by row."""

MEMORY = 8
"""Pairs of steps and changes of the gradient that are remembered."""
FIRST_STEP = 0.3
"""The longest that the first step may be, in units of the points."""
LONGEST_STEP = 2.0
"""And any other."""


def minimize(objective: Objective, start: Tensor, *, evaluations: int) -> Tensor:
    """The best points found from (B, D) on, by so many evaluations of the objective, that of the start among them."""
    point, (value, gradient) = start, objective(start)
    radius = torch.full_like(start[:, :1], FIRST_STEP)
    pairs: list[tuple[Tensor, Tensor, Tensor]] = []
    for _ in range(evaluations - 1):
        direction = _direction(gradient, pairs)
        step = direction * (radius / _length(direction)).clamp(max=1.0)
        next_value, next_gradient = objective(point + step)
        pairs = [*pairs[1 - MEMORY :], _pair(step, next_gradient - gradient)]
        better = (next_value < value)[:, None]
        radius = torch.where(better, (2 * _length(step)).clamp(FIRST_STEP, LONGEST_STEP), _length(step) / 4)
        point = torch.where(better, point + step, point)
        gradient = torch.where(better, next_gradient, gradient)
        value = torch.where(better[:, 0], next_value, value)
    return point


def _direction(gradient: Tensor, pairs: list[tuple[Tensor, Tensor, Tensor]]) -> Tensor:
    """Minus the gradient times the inverse Hessian that the pairs, oldest first, speak for."""
    direction, shares = -gradient, []
    for step, change, weight in reversed(pairs):
        shares.append(weight * _dot(step, direction))
        direction = direction - shares[-1] * change
    if pairs:
        _, change, weight = pairs[-1]
        scale = weight * _dot(change, change)
        direction = direction / torch.where(scale > 0, scale, 1.0)
    for (step, change, weight), share in zip(pairs, reversed(shares), strict=True):
        direction = direction + (share - weight * _dot(change, direction)) * step
    return direction


def _pair(step: Tensor, change: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A step, the change of the gradient along it, and 1 / their product; 0 where the curvature is not positive."""
    curvature = _dot(step, change)
    known = curvature > 1e-6 * _dot(step, step)
    return step, torch.where(known, change, 0.0), torch.where(known, 1 / curvature, 0.0)


def _dot(left: Tensor, right: Tensor) -> Tensor:
    """Row by row, (B, 1)."""
    return (left * right).sum(1, keepdim=True)


def _length(rows: Tensor) -> Tensor:
    """Of each row, (B, 1), never 0."""
    return _dot(rows, rows).sqrt().clamp_min(1e-12)
