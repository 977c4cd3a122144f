"""A file as the server made it: pictures with their recipe inside, animations, arrays, archives."""

import base64
import io
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from latentserve.messages import Answer
from latentserve.png import read_png

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


@dataclass(frozen=True)
class File:
    """Its bytes, what they are, and how the server calls it."""

    content: bytes
    media_type: str
    name: str
    url: str
    """Where it came from; for a GET of a pinned model the file lies there for ever."""

    @classmethod
    def of(cls, answers: Sequence[Answer]) -> "File":
        """The body of the only answer."""
        (answer,) = answers
        named = re.search(r'filename="([^"]+)"', answer.headers.get("content-disposition", ""))
        media_type = answer.headers.get("content-type", "application/octet-stream").partition(";")[0]
        return cls(answer.content, media_type, named[1] if named else "answer", answer.url)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes it, whole or not at all, and makes the folder if there is none."""
        return write_whole(Path(path), self.content)

    def to_pil(self) -> "PILImage":
        """The picture for Pillow, which must be installed."""
        from PIL import Image  # noqa: PLC0415  # optional: only whoever asks for it needs it

        return Image.open(io.BytesIO(self.content))

    def to_numpy(self) -> NDArray[Any]:
        """An npy file's array, or a PNG's levels (H, W, C). Raises ValueError for other files."""
        if self.media_type == "application/x-npy":
            array: NDArray[Any] = np.load(io.BytesIO(self.content), allow_pickle=False)
            return array
        return read_png(self.content)

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.content).decode()
        if self.media_type.startswith("image/"):
            return (
                f'<img alt="{self.name}" style="image-rendering:pixelated" src="data:{self.media_type};base64,{data}">'
            )
        return f'<a download="{self.name}" href="data:{self.media_type};base64,{data}">{self.name}</a>'


def write_whole(path: Path, content: bytes) -> Path:
    """Under a temporary name first: a reader never sees half a file, and a failure leaves none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
