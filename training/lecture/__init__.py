"""The ideas of the lecture (*Deep Learning*, 20.9 and 20.10), each as a small experiment with a figure.

A lesson is a function that does the experiment, draws its figure and returns what it found.
"""

from collections.abc import Callable
from pathlib import Path

from training.lecture import (
    ablations,
    blur,
    bound,
    costs,
    discreteness,
    divergences,
    draw,
    energy,
    estimation,
    flow,
    game,
    games,
    gap,
    manifold,
    reinforce,
    reparametrization,
    steps,
)

Findings = dict[str, float]
Lesson = Callable[[Path], Findings]

LESSONS: dict[str, Lesson] = {
    "reparametrization": reparametrization.lesson,
    "reinforce": reinforce.lesson,
    "discreteness": discreteness.lesson,
    "bound": bound.lesson,
    "gap": gap.lesson,
    "divergences": divergences.lesson,
    "costs": costs.lesson,
    "game": game.lesson,
    "games": games.lesson,
    "steps": steps.lesson,
    "ablations": ablations.lesson,
    "estimation": estimation.lesson,
    "energy": energy.lesson,
    "flow": flow.lesson,
    "blur": blur.lesson,
    "manifold": manifold.lesson,
    "draw": draw.lesson,
}
