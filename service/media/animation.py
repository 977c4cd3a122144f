"""The animated forms and what each costs."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from models_store.pixels import Bytes
from service.media.apng import encode_apng
from service.media.gif import encode_gif
from service.media.webp import encode_webp

Form = Literal["webp", "apng", "gif"]


class Encoder(Protocol):
    """Frames (H, W, C) of one shape and their recipe -> the file of an endless animation."""

    def __call__(self, frames: Sequence[Bytes], recipe: Mapping[str, Any], *, fps: float) -> bytes:
        """The bytes of the file."""


ENCODERS: Mapping[str, Encoder] = {"webp": encode_webp, "apng": encode_apng, "gif": encode_gif}
"""All are lossless for grey pictures; frame i is what shows at the time i/fps."""
