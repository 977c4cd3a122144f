"""The points that a path goes through: seeds, latents, pictures, or a mixture of them."""

import base64
from collections.abc import Iterable
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from latentserve.latents import Latents
from latentserve.pictures import Pictures, file_of
from latentserve.seeds import Seeds, seeds_text

KeyPoints = Seeds | ArrayLike | Iterable[Pictures]
"""Seeds (42, "42,79", [42, 79]), latents (n, latent_dim), or a list that mixes seeds as integers, points (latent_dim,)
and pictures: a pathlib.Path, bytes, an image, a `File`."""


def address_or_body(points: KeyPoints) -> str | dict[str, Any]:
    """Seeds as the text of an address; all else as the part of a JSON body that names them."""
    if isinstance(points, str | int | range):
        return seeds_text(points)
    if isinstance(points, Latents) or (isinstance(points, np.ndarray) and points.ndim == 2):
        return {"latents": np.asarray(points, dtype=np.float32).tolist()}
    listed = list(cast("Iterable[Any]", points))
    if all(isinstance(point, str | int | np.integer) for point in listed):
        return seeds_text(listed)
    return {"points": [_point(point) for point in listed]}


def _point(point: Any) -> dict[str, Any]:
    if isinstance(point, int | np.integer):
        return {"seed": int(point)}
    if isinstance(point, str):
        raise TypeError(f"{point!r} among other points: write seeds as integers, and files as pathlib.Path")
    if isinstance(point, Latents) or np.ndim(point) == 1:
        return {"latents": np.asarray(point, dtype=np.float32).tolist()}
    return {"image": base64.b64encode(file_of(point)).decode()}
