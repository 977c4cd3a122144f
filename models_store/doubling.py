"""Transposed convolutions that double a picture, taken apart into what a CPU has fast kernels for.

With kernel 4, stride 2 and padding 1 each number of the result has four of the sixteen taps of the kernel. Which four
says its phase, an even or odd row of an even or odd column.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

FEWEST_CHANNELS = 16
"""For which phases pay: ONNX Runtime computes so many channels at a time, and fewer would cost as much."""

Activation = Callable[[Tensor], Tensor]
"""Of each number by itself."""


def doubles(layer: nn.ConvTranspose2d) -> bool:
    """Whether the layer is of that shape and nothing more."""
    shape = (layer.kernel_size, layer.stride, layer.padding)
    more = (layer.output_padding, layer.dilation, layer.groups)
    return (*shape, *more) == ((4, 4), (2, 2), (1, 1), (0, 0), (1, 1), 1)


def doubled(pictures: Tensor, weight: Tensor, bias: Tensor | None, activation: Activation) -> Tensor:
    """Pictures (B, C, H, W), weight (C, D, 4, 4) and bias (D,) -> (B, D, 2H, 2W)."""
    form = _in_phases if weight.shape[1] >= FEWEST_CHANNELS else _by_taps
    return form(pictures, weight, bias, activation)


def _in_phases(pictures: Tensor, weight: Tensor, bias: Tensor | None, activation: Activation) -> Tensor:
    """Each phase is a convolution with a kernel of 2x2; a common one has the runtime's best kernels."""
    height, width, channels = *pictures.shape[2:], weight.shape[1]
    kernels = weight.flip(2, 3).transpose(0, 1)
    rows = []
    for row in (0, 1):
        columns = []
        for column in (0, 1):
            padded = functional.pad(pictures, (1 - column, column, 1 - row, row))
            phase = functional.conv2d(padded, kernels[:, :, row::2, column::2], bias)
            columns.append(activation(phase).permute(0, 2, 3, 1))
        # Channels last, and rows flat: so the phases are put together by copying whole rows, not pixel by pixel.
        rows.append(torch.cat(columns, 3).reshape(-1, height, 2 * width * channels))
    return torch.cat(rows, 2).reshape(-1, 2 * height, 2 * width, channels).permute(0, 3, 1, 2)


def _by_taps(pictures: Tensor, weight: Tensor, bias: Tensor | None, activation: Activation) -> Tensor:
    """What each pixel gives to the sixteen around it by one matrix product, added up where they overlap."""
    height, width = pictures.shape[2:]
    taps = pictures.permute(0, 2, 3, 1) @ weight.flatten(1)
    columns = taps.permute(0, 3, 1, 2).contiguous().reshape(-1, taps.shape[3], height * width)
    made = functional.fold(columns, (2 * height, 2 * width), kernel_size=4, stride=2, padding=1)
    return activation(made if bias is None else made + bias[:, None, None])
