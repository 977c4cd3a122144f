"""Data sets as whole byte tensors in memory: nothing here decodes an image twice, and no worker process is needed."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from training import binarized_mnist, emoji, fashion_mnist

PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}


@dataclass(frozen=True)
class Split:
    """Images (N, C, H, W) as bytes and, where the data set has them, labels (N,)."""

    images: Tensor
    labels: Tensor | None

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: torch.device) -> "Split":
        return Split(self.images.to(device), None if self.labels is None else self.labels.to(device))

    def take(self, rows: Tensor) -> "Split":
        return Split(self.images[rows], None if self.labels is None else self.labels[rows])

    def shuffled(self) -> "Split":
        """In an order that is always the same, and none of the data: some lie sorted, by class or by who wrote them."""
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(0))
        return self.take(order.to(self.images.device))

    def pixels(self) -> Tensor:
        """Pixels (N, C, H, W) in [0, 1]."""
        return self.images.float() / 255

    def batches(self, size: int) -> Iterator["Split"]:
        """The rows in order, the last batch smaller if need be."""
        for start in range(0, len(self), size):
            yield self.take(torch.arange(start, min(start + size, len(self)), device=self.images.device))


@dataclass(frozen=True)
class ImageSet:
    """A data set with its three parts and what a checkpoint's card says about it."""

    name: str
    licence: str
    digest: str
    """sha256 over the bytes of all images, in hex."""
    classes: tuple[str, ...]
    train: Split
    validation: Split
    test: Split

    def to(self, device: torch.device) -> "ImageSet":
        parts = (part.to(device) for part in (self.train, self.validation, self.test))
        return ImageSet(self.name, self.licence, self.digest, self.classes, *parts)

    def describe(self) -> dict[str, object]:
        """Plain JSON for the card."""
        return {
            "name": self.name,
            "licence": self.licence,
            "sha256": self.digest,
            "classes": list(self.classes),
            "border": round(border_level(self.train), 3),
            "split": {"train": len(self.train), "validation": len(self.validation), "test": len(self.test)},
        }


def load(source: str, *, image_size: int, channels: int) -> ImageSet:
    """A known data set, or the path of a folder of images, which are cropped to squares of that size.

    Raises ValueError when the source cannot give images of that shape.
    """
    if source in SOURCES:
        known = SOURCES[source]
        if (image_size, channels) != (known.image_size, known.channels):
            shape = f"{known.image_size} pixels and {known.channels} channel{'s' * (known.channels > 1)}"
            raise ValueError(f"{source} is {shape}, not {image_size} and {channels}")
        return known.read()
    return _folder(Path(source), image_size=image_size, channels=channels)


def border_level(split: Split) -> float:
    """Mean level of the outermost pixels, 0 for black to 1 for white: on what ground the pictures lie."""
    images = split.images
    edges = (images[..., 0, :], images[..., -1, :], images[..., :, 0], images[..., :, -1])
    return float(torch.cat([edge.flatten() for edge in edges]).double().mean()) / 255


def shuffled_rows(rows: int, batch: int, *, seed: int, step: int) -> Tensor:
    """The rows of batch `step` when every epoch is a permutation of its own: a pure function, so resume is exact."""
    per_epoch = rows // batch
    if not per_epoch:
        raise ValueError(f"batch size {batch} is larger than the {rows} training images")
    epoch, position = divmod(step, per_epoch)
    order = torch.randperm(rows, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))
    return order[position * batch : (position + 1) * batch]


def _fashion_mnist() -> ImageSet:
    """Training images 0…49,999 for training, the last 10,000 for validation, the 10,000 test images for the end."""
    arrays = fashion_mnist.read()
    train = Split(_channels_first(arrays.train_images), torch.from_numpy(arrays.train_labels).long())
    test = Split(_channels_first(arrays.test_images), torch.from_numpy(arrays.test_labels).long())
    rows = torch.arange(len(train))
    digest = _digest(train.images, test.images)
    parts = (train.take(rows[:50_000]), train.take(rows[50_000:]), test)
    return ImageSet("fashion-mnist", fashion_mnist.LICENCE, digest, fashion_mnist.CLASSES, *parts)


def _binarized_mnist() -> ImageSet:
    """The published 50,000, 10,000 and 10,000 pictures, each pixel black or white; they have no labels."""
    parts = {name: _channels_first(255 * bits) for name, bits in binarized_mnist.read().items()}
    splits = (Split(part, None) for part in parts.values())
    digest = _digest(parts["train"], parts["test"])
    return ImageSet("binarized-mnist", binarized_mnist.LICENCE, digest, (), *splits)


def _emoji() -> ImageSet:
    """Emoji of eight styles, which are their labels, split by what they show."""
    found = emoji.read()
    images = torch.from_numpy(found.images).permute(0, 3, 1, 2).contiguous()
    styles, parts = torch.from_numpy(found.styles).long(), torch.from_numpy(found.parts)
    splits = (Split(images[parts == part], styles[parts == part]) for part in range(3))
    return ImageSet("emoji64", emoji.LICENCE, _digest(images), tuple(emoji.STYLES), *splits)


@dataclass(frozen=True)
class Source:
    """A data set with a name: its shape is known before it is read."""

    read: Callable[[], ImageSet]
    image_size: int = 28
    channels: int = 1


SOURCES = {
    "fashion-mnist": Source(_fashion_mnist),
    "binarized-mnist": Source(_binarized_mnist),
    "emoji64": Source(_emoji, image_size=64, channels=3),
}
"""The data sets that have a name."""


def _channels_first(images: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Tensor:
    return torch.from_numpy(images)[:, None]


def _folder(folder: Path, *, image_size: int, channels: int) -> ImageSet:
    if not folder.is_dir():
        raise ValueError(f"--data {folder} is neither 'fashion-mnist' nor a folder")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
    if len(paths) < 10:
        raise ValueError(f"--data {folder} holds {len(paths)} images; at least 10 are needed to split them")
    images = torch.stack([_picture(path, image_size, channels) for path in paths])
    # By the digest of the content: the split does not move when files are renamed or added.
    draw = np.array([hashlib.sha256(image.numpy().tobytes()).digest()[0] for image in images])
    parts = [
        Split(images[torch.from_numpy(rows)], None) for rows in (draw >= 52, draw < 26, (draw >= 26) & (draw < 52))
    ]
    names = ("training", "validation", "test")
    for name, part in zip(names, parts, strict=True):
        if not len(part):
            raise ValueError(f"--data {folder}: none of its {len(paths)} images falls into the {name} part; add more")
    return ImageSet(folder.name, "unknown: of the images' owners", _digest(images), (), *parts)


def _picture(path: Path, size: int, channels: int) -> Tensor:
    with Image.open(path) as file:
        upright = ImageOps.exif_transpose(file).convert("L" if channels == 1 else "RGB")
    square = ImageOps.fit(upright, (size, size), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(square)).reshape(size, size, channels).permute(2, 0, 1).contiguous()


def _digest(*parts: Tensor) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.numpy().tobytes())
    return digest.hexdigest()
