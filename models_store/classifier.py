"""A small convolutional classifier: the judge in whose features samples are compared with real images."""

from dataclasses import dataclass

from torch import Tensor, nn

from models_store.bounds import require_whole_numbers


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig:
    """`features` is the width of the last layer before the logits, the space of the Fréchet distance."""

    image_size: int = 28
    channels: int = 1
    classes: int = 10
    widths: tuple[int, ...] = (32, 64, 128)
    features: int = 128

    def __post_init__(self) -> None:
        require_whole_numbers(self)
        if self.image_size < 2 ** len(self.widths):
            raise ValueError(f"image_size {self.image_size} cannot be halved {len(self.widths)} times (widths)")


class Classifier(nn.Module):
    """Pixels in [0, 1] -> features -> logits."""

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.config = config
        layers: list[nn.Module] = []
        channels, size = config.channels, config.image_size
        for width in config.widths:
            layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            layers += [nn.MaxPool2d(2)]
            channels, size = width, size // 2
        layers += [nn.Flatten(), nn.Linear(channels * size * size, config.features), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(config.features, config.classes)

    def features(self, images: Tensor) -> Tensor:
        """Pixels (B, C, H, W) in [0, 1] -> features (B, F), not negative."""
        return self.body(2.0 * images - 1.0)

    def forward(self, images: Tensor) -> Tensor:
        """Pixels (B, C, H, W) in [0, 1] -> class logits (B, classes)."""
        return self.head(self.features(images))
