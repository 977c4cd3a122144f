"""A little world to train in: images of one bright square each, and the real data set where the machine has it."""

import os

import pytest
import torch

from training import data as datasets
from training import fashion_mnist
from training.data import ImageSet, Split


def squares(count: int, *, seed: int, size: int = 8) -> Split:
    """Grey images with a bright square in one of four corners; the corner is the label."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 4, (count,), generator=generator)
    images = torch.randint(0, 40, (count, 1, size, size), generator=generator, dtype=torch.uint8)
    half = size // 2
    for image, label in zip(images, labels.tolist(), strict=True):
        top, left = half * (label // 2), half * (label % 2)
        image[:, top : top + half, left : left + half] += 200
    return Split(images, labels)


@pytest.fixture(scope="session")
def little_world() -> ImageSet:
    """256 training, 64 validation and 64 test images of 8x8 pixels."""
    parts = (squares(256, seed=0), squares(64, seed=1), squares(64, seed=2))
    return ImageSet("squares", "none", "0" * 64, ("a", "b", "c", "d"), *parts)


@pytest.fixture(scope="session")
def fashion() -> ImageSet:
    """The real data; CI must have it, a stranger's machine may do without."""
    if fashion_mnist.find() is None and "CI" not in os.environ:
        pytest.skip("Fashion-MNIST is not on this machine: `python -m training data` brings it")
    return datasets.load("fashion-mnist", image_size=28, channels=1)
