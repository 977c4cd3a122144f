"""Paths through the latent space: legs between key points, and where one is at each part of the way.

A frame is a function of its time alone: the points of a path at many times are, to the bit, those at each of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models_store.latents import Floats

Method = Literal["slerp", "lerp"]
Easing = Literal["linear", "smooth"]
Fractions = NDArray[np.float64]

NEAR = 1e-9
"""So near to a key point a time means the key point: k/n·n need not be k."""


def lerp(start: Floats, end: Floats, fractions: Fractions) -> Floats:
    """The straight line between two latents (D,) at fractions (N,) in [0, 1] -> (N, D)."""
    weights = fractions[:, None]
    return ((1 - weights) * start.astype(np.float64) + weights * end).astype(np.float32)


def slerp(start: Floats, end: Floats, fractions: Fractions) -> Floats:
    """The great-circle path (Shoemake 1985; White 2016), which stays where the prior has its mass.

    Length is interpolated, too, so the ends are met exactly. Parallel, opposite or zero vectors have no single great
    circle: for them the path is the straight line.
    """
    a, b = start.astype(np.float64), end.astype(np.float64)
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    if min(lengths) < 1e-12:
        return lerp(start, end, fractions)
    cosine = np.clip(a @ b / (lengths[0] * lengths[1]), -1.0, 1.0)
    angle = np.arccos(cosine)
    if np.sin(angle) < 1e-6:
        return lerp(start, end, fractions)
    weights = fractions[:, None]
    direction = (np.sin((1 - weights) * angle) * a / lengths[0] + np.sin(weights * angle) * b / lengths[1]) / np.sin(
        angle
    )
    return (direction * ((1 - weights) * lengths[0] + weights * lengths[1])).astype(np.float32)


def smoothstep(fractions: Fractions) -> Fractions:
    """Fractions of a leg in [0, 1] -> 3f² - 2f³: it starts and stops gently, and passes the middle at the middle."""
    return fractions * fractions * (3 - 2 * fractions)


METHODS: dict[Method, Callable[[Floats, Floats, Fractions], Floats]] = {"slerp": slerp, "lerp": lerp}
EASINGS: dict[Easing, Callable[[Fractions], Fractions]] = {"linear": np.array, "smooth": smoothstep}


def count_legs(points: int, *, loop: bool) -> int:
    """A loop has a leg more: from its last key point back to the first."""
    return points if loop else points - 1


def frame_times(legs: int, steps: int, *, loop: bool) -> Fractions:
    """When each frame is shown, as parts of the whole way, (legs · steps,) in [0, 1].

    A leg has `steps` frames, from its start up to, not including, its end, with which the next leg begins. The last
    leg of an open path has no next one, so its end is its last frame.
    """
    fractions = np.tile(np.arange(steps) / steps, (legs, 1))
    if not loop:
        fractions[-1] = np.linspace(0, 1, steps)
    times: Fractions = (np.arange(legs)[:, None] + fractions).reshape(-1) / legs
    return times


@dataclass(frozen=True, eq=False)
class LatentPath:
    """The way through key points (P, D): at least two, or one that a loop stays at."""

    points: Floats
    method: Method = "slerp"
    easing: Easing = "linear"
    loop: bool = False

    @property
    def legs(self) -> int:
        """Stretches between neighbouring key points."""
        return count_legs(len(self.points), loop=self.loop)

    def at(self, times: Fractions) -> Floats:
        """The points at times (N,) in [0, 1], 0 the first key point and 1 the end -> (N, D)."""
        places = times * self.legs
        nearest = np.round(places)
        places = np.where(np.abs(places - nearest) < NEAR, nearest, places)
        legs = np.minimum(places.astype(int), self.legs - 1)
        found = np.empty((len(times), self.points.shape[1]), dtype=np.float32)
        for leg in np.unique(legs):
            chosen = legs == leg
            found[chosen] = self._on_leg(leg, places[chosen] - leg)
        return found

    def _on_leg(self, leg: int, fractions: Fractions) -> Floats:
        start, end = self.points[leg], self.points[(leg + 1) % len(self.points)]
        return METHODS[self.method](start, end, EASINGS[self.easing](fractions))
