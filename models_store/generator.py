"""A DCGAN's generator by kernels of our own (`models_store/kernels/`): the same bits on every processor that they know.

They do what ONNX Runtime's do in two thirds of the time, by Winograd's way of multiplying. Batch norm is folded into
the weights in float64, so these, too, are the same everywhere.
"""

from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from models_store.base import LatentModel
from models_store.compiled import kernels
from models_store.dcgan import DCGAN
from models_store.latents import Floats
from models_store.pixels import Bytes

Layer = tuple[int, int, Floats, Floats]
"""Inputs, outputs, weight (in, out, height, width) and bias (out,)."""


class NoKernels(Exception):
    """Nothing was compiled for this network, or this processor; the message says which."""


class Generator:
    """Latents -> pictures, on any thread, and on as many as ask at one time."""

    has_levels = True

    def __init__(self, network: LatentModel, *, instructions: str | None = None) -> None:
        """By the best set of instructions, or a certain one. Raises NoKernels."""
        if not isinstance(network, DCGAN):
            raise NoKernels("there are kernels for a DCGAN's generator, and for nothing else")
        if kernels is None:
            raise NoKernels("the kernels were not compiled: there was no C compiler when the package was installed")
        wanted = instructions or next(iter(kernels.sets()), "none of those that they use")
        if wanted not in kernels.sets():
            raise NoKernels(f"instructions of this processor: {wanted}")
        self._kernels: ModuleType = kernels
        self._classes = network.classes
        self._shape = network.image_shape
        start = network.config.image_size // 2**network.config.doublings
        self._made = kernels.make(wanted, start, tuple(_layers(network.layers)))

    def run(self, columns: Sequence[Floats]) -> Floats:
        """Latents (B, D) -> pixels (B, C, H, W) in [0, 1]; not a number where the latents are too large."""
        latents = self._read(*columns)
        pixels = np.empty((len(latents), *self._shape), dtype=np.float32)
        self._kernels.run(self._made, len(latents), latents, pixels, None)
        return pixels

    def levels(self, columns: Sequence[Floats]) -> tuple[Bytes, bool]:
        """Latents (B, D) -> levels (B, H, W, C), and whether all pixels are finite."""
        latents = self._read(*columns)
        channels, height, width = self._shape
        levels = np.empty((len(latents), height, width, channels), dtype=np.uint8)
        finite = self._kernels.run(self._made, len(latents), latents, None, levels)
        return levels, finite

    def _read(self, latents: Floats) -> Floats:
        """As the first layer has them: the largest latent of the classes is 1 there, and the others are 0."""
        if not self._classes:
            return np.ascontiguousarray(latents)
        read = latents.copy()
        read[:, -self._classes :] = np.eye(self._classes, dtype=np.float32)[latents[:, -self._classes :].argmax(axis=1)]
        return read


def _layers(layers: nn.Sequential) -> Iterator[Layer]:
    """The convolutions with the batch norms behind them in themselves."""
    convolutions = [each for each in layers if isinstance(each, nn.ConvTranspose2d)]
    norms = [each for each in layers if isinstance(each, nn.BatchNorm2d)]
    for layer, norm in zip(convolutions, [*norms, None], strict=True):
        weight, bias = _numbers(layer.weight), np.zeros(layer.out_channels)
        if norm is not None:
            variance, mean = _numbers(cast("Tensor", norm.running_var)), _numbers(cast("Tensor", norm.running_mean))
            gain = _numbers(norm.weight) / np.sqrt(variance + norm.eps)
            weight, bias = weight * gain[:, None, None], _numbers(norm.bias) - mean * gain
        yield layer.in_channels, layer.out_channels, weight.astype(np.float32), bias.astype(np.float32)


def _numbers(parameter: Tensor) -> NDArray[np.float64]:
    return parameter.detach().numpy().astype(np.float64)
