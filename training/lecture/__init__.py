"""The ideas of the lecture (*Deep Learning*, 20.9 and 20.10), each as a small experiment with a figure.

A lesson is a function that does the experiment, draws its figure and returns what it found.
"""

from collections.abc import Callable
from pathlib import Path

from training.lecture import costs, divergences, estimation, game, reinforce, reparametrization

Findings = dict[str, float]
Lesson = Callable[[Path], Findings]

LESSONS: dict[str, Lesson] = {
    "reparametrization": reparametrization.lesson,
    "reinforce": reinforce.lesson,
    "divergences": divergences.lesson,
    "costs": costs.lesson,
    "game": game.lesson,
    "estimation": estimation.lesson,
}
