"""Pixels -> PNG, with the recipe of the picture inside.

Every line is stored as it is (filter 0) and deflated by ISA-L at its quickest: four times faster than Pillow at 28×28,
for files 3 % larger, and for large sheets twenty to sixty times faster, for files larger by a fifth to two fifths.
"""

import struct
import zlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from isal import isal_zlib
from PIL import Image

from models_store.pixels import Bytes
from service.media.recipes import RECIPE_KEY, XMP_KEY, mark, recipe_json

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOUR_TYPES = {1: 0, 3: 2}
"""By channels: grey, or red, green and blue (PNG specification, 11.2.1)."""
QUICKEST = 1


def encode_png(picture: Bytes, recipe: Mapping[str, Any]) -> bytes:
    """A picture (H, W, C) with one or three channels -> the file."""
    height, width, channels = picture.shape
    lines = np.zeros((height, 1 + width * channels), dtype=np.uint8)
    lines[:, 1:] = picture.reshape(height, width * channels)
    chunks = (
        _header(width, height, channels),
        _chunk(b"iTXt", RECIPE_HEAD + recipe_json(recipe)),
        MARK_CHUNK,
        _chunk(b"IDAT", isal_zlib.compress(lines, QUICKEST)),
        END_CHUNK,
    )
    return SIGNATURE + b"".join(chunks)


def to_image(picture: Bytes) -> Image.Image:
    """Levels (H, W, C) -> Pillow's image, grey or RGB."""
    return Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture)


@lru_cache(maxsize=256)
def _header(width: int, height: int, channels: int) -> bytes:
    return _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, COLOUR_TYPES[channels], 0, 0, 0))


def _chunk(kind: bytes, content: bytes) -> bytes:
    body = kind + content
    return b"".join((len(content).to_bytes(4), body, zlib.crc32(body).to_bytes(4)))


def _text(keyword: str, text: str) -> bytes:
    """Of an iTXt chunk: not compressed, in no language in particular."""
    return keyword.encode("latin-1") + b"\0\0\0\0\0" + text.encode()


RECIPE_HEAD = _text(RECIPE_KEY, "")
MARK_CHUNK = _chunk(b"iTXt", _text(XMP_KEY, mark()))
"""The mark stands alone there: a picture of 28×28 with both stays below a kilobyte."""
END_CHUNK = _chunk(b"IEND", b"")
