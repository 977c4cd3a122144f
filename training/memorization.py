"""Whether a model repeats its training images: how near its samples come to them, beside how near new images come."""

from dataclasses import dataclass

import torch
from torch import Tensor

from training.metrics import nearest

SHOWN = 64
"""Samples that are shown above their neighbours."""
COLUMNS = 8
CLOSEST = 0.01


@dataclass(frozen=True)
class Memorization:
    """Median distances to the nearest training image, in the features of a judge."""

    of_samples: float
    of_test_images: float
    closest: float
    """Share of the samples that are nearer to a training image than all but 1 % of the test images are."""

    @property
    def ratio(self) -> float | None:
        """0 for a model that repeats training images, about 1 for fresh draws of what the data were drawn from.

        Samples from the middle of the data alone have less than 1, too: only near 0 it says copies. None where half of
        the test images are training images themselves.
        """
        return self.of_samples / self.of_test_images if self.of_test_images else None


def memorization(made: Tensor, test: Tensor, train: Tensor) -> Memorization:
    """From features of samples, test images and training images (N, F)."""
    near, expected = (nearest(points, train).distances for points in (made, test))
    return Memorization(
        of_samples=float(near.median()),
        of_test_images=float(expected.median()),
        closest=float((near < expected.quantile(CLOSEST)).double().mean()),
    )


def beside_neighbours(samples: Tensor, neighbours: Tensor) -> Tensor:
    """Pictures (N, C, H, W) and the nearest of each -> both in turn, a row of eight above its neighbours."""
    pairs = zip(samples.split(COLUMNS), neighbours.split(COLUMNS), strict=True)
    return torch.cat([row for pair in pairs for row in pair])
