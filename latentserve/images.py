"""Images that a model made, in the order in which they were asked for."""

import base64
import html
import importlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload
from urllib.parse import urljoin

import numpy as np

from latentserve.file import File, write_whole
from latentserve.latents import Latents
from latentserve.messages import Answer
from latentserve.png import Bytes, read_png, write_png
from latentserve.sheet import sheet

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

SHOWN_PIXELS = 84
"""The longer side of an image in a notebook: a thumbnail's, in whole multiples of its own size."""


@dataclass(frozen=True)
class Image:
    """One image: the PNG as the server made it, with its recipe inside, and what the server said of it."""

    png: bytes
    facts: Mapping[str, Any]

    @property
    def seed(self) -> int | None:
        """The seed it was made from, if it was made from one."""
        seed = self.facts.get("seed")
        return None if seed is None else int(seed)

    @property
    def url(self) -> str | None:
        """The address where it lies for ever."""
        return self.facts.get("url")

    @property
    def z64(self) -> str | None:
        """Its latents as an address carries them."""
        return self.facts.get("z64")

    def to_numpy(self) -> Bytes:
        """Levels (H, W, C)."""
        return read_png(self.png)

    def to_pil(self) -> "PILImage":
        """For Pillow, which must be installed."""
        return File(self.png, "image/png", "image.png", self.url or "").to_pil()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes the PNG, whole or not at all."""
        return write_whole(Path(path), self.png)

    def _repr_png_(self) -> bytes:
        return self.png

    def to_html(self) -> str:
        """An <img> that holds the picture itself."""
        height, width, _ = self.to_numpy().shape
        factor = max(1, SHOWN_PIXELS // max(height, width))
        data = base64.b64encode(self.png).decode()
        title = html.escape(" ".join(f"{name} {self.facts[name]}" for name in ("seed", "index") if name in self.facts))
        return (
            f'<img alt="{title}" title="{title}" width="{width * factor}" style="image-rendering:pixelated" '
            f'src="data:image/png;base64,{data}">'
        )

    def _repr_html_(self) -> str:
        return self.to_html()


class Images(Sequence[Image]):
    """A sequence of images; in a notebook it shows itself as a contact sheet."""

    def __init__(self, images: Sequence[Image], url: str | None = None) -> None:
        self._images = tuple(images)
        self.url = url
        """The request that made them; an address that may be shared if it was a GET."""

    @classmethod
    def of(cls, answer: Answer, images: str = "image") -> "Images":
        """Of the JSON with a PNG as base64 in each entry."""
        found = []
        for entry in answer.json()["data"]:
            facts = {name: value for name, value in entry.items() if name != images}
            if "url" in facts:
                facts["url"] = urljoin(answer.url, facts["url"])
            found.append(Image(base64.b64decode(entry[images]), facts))
        return cls(found, answer.url)

    @property
    def seeds(self) -> tuple[int | None, ...]:
        """The seed of each."""
        return tuple(image.seed for image in self)

    @property
    def urls(self) -> tuple[str | None, ...]:
        """The address of each."""
        return tuple(image.url for image in self)

    @property
    def latents(self) -> Latents:
        """(n, latent_dim), rounded to float16 as in addresses; `model.latents(seeds)` gives them exactly."""
        return Latents.from_z64([str(image.facts["z64"]) for image in self])

    @property
    def mean_squared_errors(self) -> tuple[float, ...]:
        """Of reconstructions: the mean squared difference to the input, in squared units of [0, 1]."""
        return tuple(float(image.facts["mse"]) for image in self)

    def to_numpy(self) -> Bytes:
        """Levels (n, H, W, C)."""
        return np.stack([image.to_numpy() for image in self])

    def to_pil(self) -> "list[PILImage]":
        """For Pillow, which must be installed."""
        return [image.to_pil() for image in self]

    def to_torch(self) -> Any:
        """Pixels (n, C, H, W) in [0, 1] as a float32 tensor of torch, which must be installed."""
        levels = np.ascontiguousarray(self.to_numpy().transpose(0, 3, 1, 2))
        return importlib.import_module("torch").from_numpy(levels).float() / 255

    def sheet(self, *, columns: int | None = None, gap: int = 2) -> Bytes:
        """All in one picture (H, W, C), by default as square as it can be."""
        return sheet(self.to_numpy(), columns=columns, gap=gap)

    def save(self, path: str | os.PathLike[str]) -> list[Path]:
        """Writes each under a name of its own: `{seed}`, `{index}` and `{number}` in the path are filled in.

        Raises ValueError for several images and one name; a sheet of them with its recipe is `model.sheet(seeds)`.
        """
        text = os.fspath(path)
        names = [text.format_map({"number": number, **image.facts}) for number, image in enumerate(self)]
        if len(set(names)) < len(names):
            raise ValueError(f"{text} names one file for {len(self)} images; put {{seed}} or {{number}} into it")
        return [image.save(name) for image, name in zip(self, names, strict=True)]

    @overload
    def __getitem__(self, key: int) -> Image: ...
    @overload
    def __getitem__(self, key: slice) -> "Images": ...
    def __getitem__(self, key: int | slice) -> "Image | Images":
        return Images(self._images[key]) if isinstance(key, slice) else self._images[key]

    def __len__(self) -> int:
        return len(self._images)

    def __iter__(self) -> Iterator[Image]:
        return iter(self._images)

    def __repr__(self) -> str:
        return f"<Images: {len(self)}, seeds {', '.join(map(str, self.seeds[:8]))}{' …' if len(self) > 8 else ''}>"

    def _repr_png_(self) -> bytes:
        return write_png(self.sheet())

    def _repr_html_(self) -> str:
        shown = "".join(image.to_html() for image in self)
        return f'<div style="display:flex;flex-wrap:wrap;gap:2px">{shown}</div>'
