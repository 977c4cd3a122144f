"""What the loop asks of a kind of training, and the pieces that several kinds share."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from training.config import RunConfig
from training.data import ImageSet, Split

Pictures = NDArray[np.float32]
SEED_STRIDE = 0x9E3779B1
"""Between the noise of two seeds; 2³² over the golden ratio, so that no small multiple of it comes near another."""


class Objective(ABC):
    """Networks, their optimizers and the step that improves them; everything else about a run is the loop's."""

    modules: dict[str, nn.Module]
    """The networks that learn."""
    averages: dict[str, nn.Module]
    """Moving averages of some of them, by the same names: what is evaluated and exported."""
    optimizers: dict[str, Optimizer]

    @abstractmethod
    def step(self, batch: Split, step: int, noise: torch.Generator) -> dict[str, Tensor]:
        """Improves the networks by one batch; returns the terms of the loss as scalars."""

    @abstractmethod
    def validate(self, data: ImageSet) -> dict[str, float]:
        """Metrics on the validation part; `score` among them, if there is one: the smaller the better."""

    def failure(self, history: Sequence[Mapping[str, float | None]]) -> str | None:  # noqa: ARG002  # most never fail
        """Why to train on is in vain, and what to do, by the lines of statistics so far; None while it is not.

        A name without a value stands for what is no number.
        """
        return None

    @abstractmethod
    def network(self) -> nn.Module:
        """The network to export, in eval mode."""

    @abstractmethod
    def pictures(self, data: ImageSet) -> dict[str, Pictures]:
        """Name -> images (N, C, H, W) in [0, 1] in rows of eight, from fixed noise so that they can be compared."""


def noise_of(seed: int, step: int, device: torch.device) -> torch.Generator:
    """The noise of one step, a pure function of both numbers: a resumed run needs no saved generator."""
    # On the CPU torch reads no more than 32 bits of a seed, so that both numbers have to be in them.
    return torch.Generator(device).manual_seed((seed << 32) + (seed * SEED_STRIDE + step) % 2**32)


def placed(module: nn.Module, device: torch.device) -> nn.Module:
    """The module on the device, channels last: the layout in which convolutions are fastest."""
    return module.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's own stub


def averaged_copy(module: nn.Module) -> nn.Module:
    """A frozen copy to be moved by `update_average`."""
    return copy.deepcopy(module).requires_grad_(requires_grad=False).eval()


@torch.no_grad()
def update_average(average: nn.Module, module: nn.Module, *, decay: float, step: int) -> None:
    """Weights move towards the learning ones, faster in the first steps; buffers are taken over as they are."""
    # Early on, a constant decay would remember the random start for too long.
    weight = 1.0 - min(decay, (step + 1) / (step + 10))
    torch._foreach_lerp_(list(average.parameters()), list(module.parameters()), weight)
    for own, other in zip(average.buffers(), module.buffers(), strict=True):
        own.copy_(other)


def set_learning_rate(optimizer: Optimizer, rate: float) -> None:
    """For all parameter groups alike."""
    for group in optimizer.param_groups:
        group["lr"] = rate


@contextmanager
def mixed_precision(config: RunConfig, device: torch.device) -> Iterator[None]:
    """bf16 inside, where the run asks for it. Nothing cast is kept: a game moves D's weights between two uses."""
    with torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bf16", cache_enabled=False):
        yield
