"""Pictures on their way to the server: paths, bytes, Pillow's images, arrays and tensors alike."""

import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentserve.card import Card
from latentserve.file import File
from latentserve.images import Image
from latentserve.png import write_png

Pictures = Any
"""One of, or a sequence of: a path, a file's bytes, an `Image` or `File` of ours, a Pillow image, an array with the
channels last or a tensor with the channels first; arrays are uint8, or floats in [0, 1]."""


@dataclass(frozen=True)
class Upload:
    """The pictures of one request: files, or an npy when all are arrays of the model's own shape."""

    names: Sequence[str]
    files: Sequence[tuple[str, bytes]] = ()
    content: bytes | None = None

    def message(self) -> Mapping[str, Any]:
        """As keywords of a `Request`."""
        if self.content is None:
            return {"files": self.files}
        return {"content": self.content, "content_type": "application/x-npy"}


def uploads(pictures: Pictures, card: Card, *, rows_each: int = 1) -> list[Upload]:
    """As few requests as the limits in the card allow; `rows_each` goes through the network for each picture."""
    found = list(_listed(pictures))
    if not found:
        raise ValueError("no pictures; give at least one path, bytes, image or array")
    names = [_name(picture, number) for number, picture in enumerate(found)]
    most = max(1, int(card.limits["network_rows"]) // rows_each)
    if all(isinstance(picture, np.ndarray) and picture.shape == card.image_shape for picture in found):
        return [_as_npy(found[at : at + most], names[at : at + most]) for at in range(0, len(found), most)]
    files = [(name, file_of(picture)) for name, picture in zip(names, found, strict=True)]
    count = min(most, int(card.limits["files"]))
    return [_as_form(batch) for batch in _batches(files, count, int(card.limits["upload_bytes"]))]


def _as_npy(arrays: Sequence[NDArray[Any]], names: Sequence[str]) -> Upload:
    stacked = np.stack([array if array.dtype == np.uint8 else array.astype(np.float32) for array in arrays])
    return Upload(names, content=npy(stacked))


def npy(array: NDArray[Any]) -> bytes:
    """An array as a file."""
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(array), allow_pickle=False)
    return file.getvalue()


def _as_form(files: Sequence[tuple[str, bytes]]) -> Upload:
    return Upload([name for name, _ in files], files=files)


def _batches(files: Sequence[tuple[str, bytes]], count: int, size: int) -> Iterator[list[tuple[str, bytes]]]:
    """At most so many files, and so many bytes with a little room for the form around them."""
    batch: list[tuple[str, bytes]] = []
    for file in files:
        if batch and (len(batch) == count or sum(len(content) for _, content in batch) + len(file[1]) > 0.95 * size):
            yield batch
            batch = []
        batch.append(file)
    yield batch


def _listed(pictures: Pictures) -> Iterator[Any]:
    """One picture after the other; arrays come out as (H, W, C)."""
    if isinstance(pictures, str | os.PathLike | bytes | Image | File):
        yield pictures
    elif hasattr(pictures, "detach"):  # a torch tensor, without importing torch
        array = pictures.detach().cpu().numpy()
        yield from _of_array(np.moveaxis(array, -3, -1) if array.ndim > 2 else array)
    elif isinstance(pictures, np.ndarray):
        yield from _of_array(pictures)
    elif isinstance(pictures, Iterable):
        for picture in pictures:
            yield from _listed(picture)
    else:
        yield pictures


def _of_array(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """(H, W), (H, W, C), (n, H, W) or (n, H, W, C), where C is 1 or 3."""
    if array.ndim == 2:
        yield array[:, :, None]
    elif array.ndim == 3 and array.shape[2] in (1, 3):
        yield array
    elif array.ndim in (3, 4):
        for picture in array:
            yield from _of_array(picture)
    else:
        raise ValueError(f"an array of shape {array.shape} is no picture; want (H, W), (H, W, C) or a batch of them")


def _name(picture: Any, number: int) -> str:
    if isinstance(picture, str | os.PathLike):
        return Path(picture).name
    if isinstance(picture, File):
        return picture.name
    if isinstance(picture, Image) and picture.seed is not None:
        return f"seed {picture.seed}"
    return f"picture {number}"


def file_of(picture: Any) -> bytes:
    """The file of one picture."""
    if isinstance(picture, bytes):
        return picture
    if isinstance(picture, Image):
        return picture.png
    if isinstance(picture, File):
        return picture.content
    if isinstance(picture, str | os.PathLike):
        return Path(picture).read_bytes()
    if isinstance(picture, np.ndarray):
        return write_png(_levels(picture))
    if hasattr(picture, "save"):  # a Pillow image, without importing Pillow
        file = io.BytesIO()
        picture.save(file, "PNG")
        return file.getvalue()
    raise TypeError(f"{type(picture).__name__} is no picture; give a path, bytes, a Pillow image or an array")


def _levels(array: NDArray[Any]) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    if not (array.min() >= 0 and array.max() <= 1):
        raise ValueError(f"pixels from {array.min()} to {array.max()}; want uint8, or floats from 0 to 1")
    return np.rint(array * 255).astype(np.uint8)
