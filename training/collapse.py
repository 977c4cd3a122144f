"""Signs that a GAN's game is lost: a discriminator that cannot be fooled, samples all alike, classes that are gone.

Each reads the lines of a run's statistics, so that a resumed run comes to the same verdict, at the same step. A young
generator is poor in everything: what it makes is held against it only once it does not get better.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

Line = Mapping[str, float | None]
"""What was measured at a `step`; None stands for what is no number."""
GRACE = 1000
"""Steps in which a game may still be finding its balance."""
STEPS = 500
LEAST_COST = 0.05
"""Of the discriminator; a fourteenth of ln 2, where it can only guess."""
LEAST_DIVERSITY = 0.4
LARGEST_DIVERGENCE = 0.5
"""Nats; three of ten equal classes gone make 0.36, four 0.51."""
COMPARED = 500
"""Samples, and real images, that `diversity` is asked about at a validation."""
REMEDY = "try a lower --learning-rate or --preset beyond; to go on all the same, resume with --on-collapse ignore"


def sign_of_collapse(history: Sequence[Line]) -> str | None:
    """The first sign in the newest lines: what, its value, the limit and what to do. None while there is hope."""
    if not history:
        return None
    found = _no_number(history)
    if found is None and _step(history[-1]) >= GRACE:
        found = _unbeaten(history) or _alike(history) or _missing_classes(history)
    return f"{found}; {REMEDY}" if found else None


def diversity(made: Tensor, real: Tensor) -> float:
    """How far two samples lie apart on average, as a share of what two real images do.

    Of pixels (N, C, H, W) in [0, 1] each, by Euclidean distance: about 1 for fresh images, 0 for one image repeated.
    All pairs are looked at: some hundred pictures will do.
    """
    spreads = [torch.pdist(pictures.flatten(1)).mean() for pictures in (made, real)]
    return float(spreads[0] / spreads[1])


def divergence(made: Tensor, real: Tensor) -> float:
    """KL(made ‖ real) in nats of shares of classes (K,): 0 where they are equal, ln 10 where one of ten is left."""
    # What the judge never sees in real images it may yet see in samples: a large figure, and a finite one.
    return float((torch.xlogy(made, made) - torch.xlogy(made, real.clamp(min=1e-6))).sum())


def _no_number(history: Sequence[Line]) -> str | None:
    gone = [name for name, value in history[-1].items() if value is None]
    return f"{gone[0]} is no number any more" if gone else None


def _unbeaten(history: Sequence[Line]) -> str | None:
    """By the means of the discriminator's cost over the last steps, each of a part of them."""
    lines = [line for line in history if "discriminator" in line]
    if not lines or _step(lines[-1]) < GRACE + STEPS:
        return None
    costs = [line["discriminator"] for line in lines if _step(line) > _step(lines[-1]) - STEPS]
    if any(cost is None or cost >= LEAST_COST for cost in costs):
        return None
    return (
        f"the discriminator's cost was below {LEAST_COST} for {STEPS} steps, at last {costs[-1]:.2g}: "
        "it tells every sample from the images, and the generator learns nothing more"
    )


def _alike(history: Sequence[Line]) -> str | None:
    before, value = _last_two(history, "validation/diversity")
    if before is None or value is None or value >= LEAST_DIVERSITY or value > before:
        return None
    return (
        f"samples lie {100 * value:.1f} % as far apart as real images, less than {100 * LEAST_DIVERSITY:.0f} %, "
        f"and before {100 * before:.1f} %: the generator makes the same few over and over"
    )


def _missing_classes(history: Sequence[Line]) -> str | None:
    before, value = _last_two(history, "validation/class_divergence")
    if before is None or value is None or value <= LARGEST_DIVERGENCE or value < before:
        return None
    return (
        f"the classes of the samples are {value:.2f} nats from those of the images, more than {LARGEST_DIVERGENCE}, "
        f"and were {before:.2f}: some are hardly made any more"
    )


def _last_two(history: Sequence[Line], name: str) -> tuple[float | None, float | None]:
    """The value before that of the newest line, and that; None for what there is not."""
    values = [line[name] for line in history if name in line]
    return (values[-2], values[-1]) if len(values) > 1 and name in history[-1] else (None, None)


def _step(line: Line) -> float:
    return line["step"] or 0
