"""Calls about points of the latent space: decoding, and their density under the prior."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentserve.calls.base import JSON, MEDIA_TYPES, NPY, Addressed
from latentserve.file import File
from latentserve.images import Images
from latentserve.messages import Answer, Call, Request
from latentserve.pictures import npy


class PointCalls(Addressed):
    """Builds them."""

    def decode(
        self, latents: ArrayLike, *, size: int | None = None, columns: int | None = None, gap: int | None = None
    ) -> Call[Images]:
        """The images of points, (n, latent_dim) or (latent_dim,)."""
        request = self._decoding(latents, "json", {"size": size, "columns": columns, "gap": gap})
        return Call([request], lambda answers: Images.of(answers[0]))

    def decode_sheet(
        self,
        latents: ArrayLike,
        form: str = "png",
        *,
        size: int | None = None,
        columns: int | None = None,
        gap: int | None = None,
    ) -> Call[File]:
        """The images of `decode` in one file."""
        return Call([self._decoding(latents, form, {"size": size, "columns": columns, "gap": gap})], File.of)

    def image(self, z64: str, form: str = "png", *, size: int | None = None) -> Call[File]:
        """The image of a point as addresses carry it; its `.url` may be shared."""
        return Call([self._get(f"images/{quote(z64, safe='-_')}.{form}", size=size)], File.of)

    def log_prior(self, latents: ArrayLike) -> Call[NDArray[np.float64]]:
        """Log p(z) of points under the model's prior, in nats, (n,)."""
        body = {"latents": np.atleast_2d(np.asarray(latents, dtype=np.float32)).tolist()}
        return Call([Request("POST", self._path("scores"), body=body, accept=JSON)], _log_prior)

    def _decoding(self, latents: ArrayLike, form: str, query: dict[str, Any]) -> Request:
        content = npy(np.atleast_2d(np.asarray(latents, dtype=np.float32)))
        return Request("POST", self._path("images"), query, MEDIA_TYPES[form], None, content, NPY)


def _log_prior(answers: Sequence[Answer]) -> NDArray[np.float64]:
    return np.array([entry["log_prior"] for entry in answers[0].json()["data"]], dtype=np.float64)
