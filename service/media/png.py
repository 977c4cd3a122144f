"""Pixels -> PNG, with the recipe of the picture inside."""

import io
import json
from collections.abc import Mapping
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from models_store.pixels import Bytes

RECIPE_KEY = "latentserve"
"""The keyword of the iTXt chunk that holds the recipe as JSON."""


def encode_png(picture: Bytes, recipe: Mapping[str, Any]) -> bytes:
    """A picture (H, W, C) with one or three channels -> the file."""
    info = PngInfo()
    info.add_itxt(RECIPE_KEY, json.dumps(recipe))
    file = io.BytesIO()
    to_image(picture).save(file, "PNG", pnginfo=info)
    return file.getvalue()


def to_image(picture: Bytes) -> Image.Image:
    """Levels (H, W, C) -> Pillow's image, grey or RGB."""
    return Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture)
