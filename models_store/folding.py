"""A network as it is best run, with the tensors it was trained with."""

import copy
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional


def folded(network: nn.Module) -> nn.Module:
    """A copy whose transposed convolutions have the batch norm behind them in their own weights.

    Parameters and buffers are the network's own, and its forward pass computes the new weights from them: what runs the
    graph once and for all, as ONNX Runtime does, folds them away, and no second set of weights has to be kept.
    """
    made = copy.deepcopy(network)
    for module in made.modules():
        if isinstance(module, nn.Sequential):
            _fold(module)
    return made


def gain_of(norm: nn.BatchNorm2d) -> Tensor:
    """By which each channel is multiplied in eval mode, (C,)."""
    return norm.weight * torch.rsqrt(cast("Tensor", norm.running_var) + norm.eps)


def _fold(layers: nn.Sequential) -> None:
    rest = list(layers)
    kept: list[nn.Module] = []
    while rest:
        first, *rest = rest
        if isinstance(first, nn.ConvTranspose2d) and rest and isinstance(rest[0], nn.BatchNorm2d):
            first = _FoldedConvolution(first, rest.pop(0))  # type: ignore[arg-type]  # checked in the line above
        kept.append(first)
    del layers[:]
    layers.extend(kept)


class _FoldedConvolution(nn.Module):
    """Transposed convolution and batch norm in eval mode as one; on pictures of one pixel a plain matrix product."""

    def __init__(self, convolution: nn.ConvTranspose2d, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        self.convolution = convolution
        self.norm = norm

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures (B, C, H, W) -> what the norm makes of their convolution."""
        norm, convolution = self.norm, self.convolution
        gain = gain_of(norm)
        shift = norm.bias - cast("Tensor", norm.running_mean) * gain
        weight = convolution.weight * gain[None, :, None, None]
        if pictures.shape[2:] == (1, 1):
            spread = pictures.flatten(1) @ weight.flatten(1)
            return spread.unflatten(1, weight.shape[1:]) + shift[None, :, None, None]
        stride, padding = (tuple(map(int, each)) for each in (convolution.stride, convolution.padding))
        return functional.conv_transpose2d(pictures, weight, shift, stride, padding)
