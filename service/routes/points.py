"""Points of the latent space in requests: arrays in JSON or npy, and `z64` in an address."""

import base64
import binascii
from collections.abc import Sequence

import numpy as np

from models_store.latents import Floats
from service.errors import InvalidParameter, MalformedRequest, shown
from service.limits import Limits


def encode_z64(latents: Floats) -> str:
    """Latents (D,) -> base64url of little-endian float16, without padding: a rounded point with its own image."""
    with np.errstate(over="ignore"):
        content = latents.astype("<f2").tobytes()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def decode_z64(text: str, dim: int, limits: Limits) -> Floats:
    """The inverse of `encode_z64`, (1, D). Raises MalformedRequest or InvalidParameter."""
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise MalformedRequest(f"{shown(text)!r} is not base64url", hint="take z64 from a JSON answer") from None
    if len(content) != 2 * dim:
        raise InvalidParameter(f"z64 holds {len(content)} bytes, the model wants {2 * dim}: {dim} times float16")
    return checked(np.frombuffer(content, dtype="<f2").astype(np.float32)[None], dim, limits)


def points_of(rows: Sequence[Sequence[float]], dim: int, limits: Limits, *, place: str = "/body/latents") -> Floats:
    """Rows of a JSON body -> (N, D). Raises InvalidParameter that names the first bad row, counted from `place`."""
    for number, row in enumerate(rows):
        if len(row) != dim:
            detail = f"{place}/{number}: {len(row)} numbers, the model has {dim} dimensions"
            raise InvalidParameter(detail, allowed=dim, hint="GET /v1/models shows latent_dim of each")
    with np.errstate(over="ignore"):
        return checked(np.array(rows, dtype=np.float64).astype(np.float32), dim, limits)


def checked(latents: Floats, dim: int, limits: Limits) -> Floats:
    """The latents themselves if they are (N, D), N ≥ 1, and within the limit. Raises InvalidParameter."""
    if latents.ndim != 2 or latents.shape[1] != dim or not len(latents):
        raise InvalidParameter(f"latents of shape {latents.shape}", allowed=f"(n, {dim}), n at least 1")
    if not (np.abs(latents) <= limits.latent_value).all():
        raise InvalidParameter(
            "a latent is not finite or too far out", limit=limits.latent_value, hint="a standard normal stays within ±8"
        )
    return latents
