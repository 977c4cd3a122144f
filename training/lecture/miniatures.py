"""Fashion-MNIST at 14 x 14 pixels, each the mean of four: enough to train on within seconds."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from models_store.likelihoods import binarize
from training import data as datasets
from training.data import Split

SIZE = 14


@dataclass(frozen=True)
class Miniatures:
    """Pixels (N, 1, 14, 14) in [0, 1] to train on and to test with."""

    train: Tensor
    test: Tensor

    def batch(self, size: int, noise: torch.Generator) -> Tensor:
        """Random training images with fresh bits, (size, 1, 14, 14)."""
        rows = torch.randint(0, len(self.train), (size,), generator=noise)
        return bits_of(self.train[rows], noise)


def load_miniatures() -> Miniatures:
    """Of the 50,000 training and the 10,000 test images; raises ValueError where the data set is missing."""
    whole = datasets.load("fashion-mnist", image_size=28, channels=1)
    return Miniatures(_shrunk(whole.train), _shrunk(whole.test))


def bits_of(pixels: Tensor, noise: torch.Generator) -> Tensor:
    """Pixels in [0, 1] -> bits 0.0 or 1.0 with P(1) = pixel, of the same shape."""
    return binarize(pixels, torch.rand(pixels.shape, generator=noise))


def _shrunk(split: Split) -> Tensor:
    return functional.avg_pool2d(split.pixels(), 2)
