"""Pixels -> PNG, with the recipe of the picture inside."""

import io
from collections.abc import Mapping
from typing import Any

from PIL import Image

from models_store.pixels import Bytes
from service.media.recipes import png_text


def encode_png(picture: Bytes, recipe: Mapping[str, Any]) -> bytes:
    """A picture (H, W, C) with one or three channels -> the file."""
    file = io.BytesIO()
    to_image(picture).save(file, "PNG", pnginfo=png_text(recipe))
    return file.getvalue()


def to_image(picture: Bytes) -> Image.Image:
    """Levels (H, W, C) -> Pillow's image, grey or RGB."""
    return Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture)
