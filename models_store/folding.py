"""A network as it is best run, with the tensors it was trained with."""

import copy
from typing import TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from models_store.doubling import doubled, doubles

Layer = TypeVar("Layer", bound=nn.Module)


def folded(network: nn.Module) -> nn.Module:
    """A copy whose transposed convolutions have the batch norm and the ReLU behind them in themselves.

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
        first = rest.pop(0)
        if isinstance(first, nn.ConvTranspose2d):
            first = _FoldedConvolution(first, _next(rest, nn.BatchNorm2d), _next(rest, nn.ReLU))
        kept.append(first)
    del layers[:]
    layers.extend(kept)


def _next(rest: list[nn.Module], kind: type[Layer]) -> Layer | None:
    """Takes the first layer of the rest away if it is of that kind."""
    return cast("Layer", rest.pop(0)) if rest and isinstance(rest[0], kind) else None


class _FoldedConvolution(nn.Module):
    """Transposed convolution, batch norm in eval mode and ReLU as one, the latter two where there are any."""

    def __init__(
        self, convolution: nn.ConvTranspose2d, norm: nn.BatchNorm2d | None, activation: nn.ReLU | None
    ) -> None:
        super().__init__()
        self.convolution = convolution
        self.norm = norm
        self.activation = activation or nn.Identity()

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures (B, C, H, W) -> what the layers make of them."""
        layer, (weight, bias) = self.convolution, self._weight_and_bias()
        if doubles(layer):
            return doubled(pictures, weight, bias, self.activation)
        if pictures.shape[2:] == (1, 1) and layer.padding == (0, 0):
            return self.activation(_spread(pictures, weight, bias)).reshape(-1, *weight.shape[1:])
        sizes = (layer.stride, layer.padding, layer.output_padding, layer.dilation)
        stride, padding, more, dilation = (tuple(map(int, each)) for each in sizes)
        made = functional.conv_transpose2d(pictures, weight, bias, stride, padding, more, layer.groups, dilation)
        return self.activation(made)

    def _weight_and_bias(self) -> tuple[Tensor, Tensor | None]:
        """Of the convolution with the norm in it."""
        weight, bias, norm = self.convolution.weight, self.convolution.bias, self.norm
        if norm is None:
            return weight, bias
        gain, mean = gain_of(norm), cast("Tensor", norm.running_mean)
        shift = mean if bias is None else mean - bias
        return weight * gain[None, :, None, None], norm.bias - shift * gain


def _spread(pixels: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Pictures of one pixel (B, C, 1, 1) and weight (C, D, H, W) -> flat pictures (B, DHW), a plain matrix product."""
    spread = pixels.reshape(-1, len(weight)) @ weight.flatten(1)
    return spread if bias is None else spread + bias[:, None, None].expand(weight.shape[1:]).flatten()
