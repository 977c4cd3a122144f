"""The path between points of a latent space: its frames at once, and files of it when they are asked for."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from latentserve.file import File
from latentserve.images import Image, Images
from latentserve.latents import Latents
from latentserve.messages import Call
from latentserve.png import write_png

FORMS = ("strip.png", "webp", "gif", "apng", "png", "zip", "npy", "json")
"""What the path can be made into; a file's name says which by its end."""
FileCall = Call[File]
Kind = TypeVar("Kind", bound="Frames")


@dataclass(frozen=True)
class Frames:
    """What is known of a path once its frames are there."""

    frames: Images
    make: Callable[[str, float | None], FileCall]

    @property
    def latents(self) -> Latents:
        """(frames, latent_dim), rounded to float16 as in addresses."""
        return self.frames.latents

    @property
    def times(self) -> tuple[float, ...]:
        """Where each frame lies on the path, 0 … 1."""
        return tuple(float(frame.facts["t"]) for frame in self.frames)

    @property
    def strip(self) -> Image:
        """All frames in a row."""
        return Image(write_png(self.frames.sheet(columns=len(self.frames), gap=0)), {})

    def __len__(self) -> int:
        return len(self.frames)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self)} frames>"

    def _repr_png_(self) -> bytes:
        return self.strip.png


@dataclass(frozen=True, repr=False)
class Animation(Frames):
    """The path as the blocking client gives it."""

    perform: Callable[[FileCall], File]

    def file(self, form: str = "webp", *, at: float | None = None) -> File:
        """The path as `webp`, `gif`, `apng`, `strip.png`, `png`, `zip` or `npy`; `at` (0-1) is one frame of it."""
        return self.perform(self.make(form, at))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes a file whose form follows from its name, as in `morph.webp` or `path.strip.png`."""
        return self.file(form_of(path)).save(path)


@dataclass(frozen=True, repr=False)
class AsyncAnimation(Frames):
    """The path as the asynchronous client gives it."""

    perform: Callable[[FileCall], Awaitable[File]]

    async def file(self, form: str = "webp", *, at: float | None = None) -> File:
        """The path as `webp`, `gif`, `apng`, `strip.png`, `png`, `zip` or `npy`; `at` (0-1) is one frame of it."""
        return await self.perform(self.make(form, at))

    async def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes a file whose form follows from its name, as in `morph.webp` or `path.strip.png`."""
        return (await self.file(form_of(path))).save(path)


def form_of(path: str | os.PathLike[str]) -> str:
    """Raises ValueError for a name whose end is none of the forms."""
    name = Path(path).name
    for form in FORMS:
        if name.endswith(f".{form}"):
            return form
    raise ValueError(f"{name!r} does not say what to make; let it end in .{', .'.join(FORMS)}")
