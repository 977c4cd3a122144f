"""Pixels -> PNG, with the recipe of the picture inside.

Lines are stored as they are, but for those that repeat the one above, and deflated by runs and Huffman codes alone: for
pictures as small as a network's that gives as small files as a search for longer repetitions, in half of the time
(`service/media/writer/`). Where that was not compiled, zlib does the same, and its files differ by a few bytes.
"""

import struct
import zlib
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np
from PIL import Image

from models_store.pixels import Bytes
from service.media.recipes import RECIPE_KEY, XMP_KEY, mark, recipe_json

writer: ModuleType | None
try:
    from service.media import _writer
except ImportError:
    writer = None
else:
    writer = _writer

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOUR_TYPES = {1: 0, 3: 2}
"""By channels: grey, or red, green and blue (PNG specification, 11.2.1)."""
UP = 2
"""The filter that leaves the difference to the line above (9.2)."""


def encode_png(picture: Bytes, recipe: Mapping[str, Any]) -> bytes:
    """A picture (H, W, C) with one or three channels -> the file."""
    return png_of(picture, recipe_json(recipe))


def png_of(picture: Bytes, recipe: bytes) -> bytes:
    """As `encode_png`, with the recipe as JSON."""
    text = RECIPE_HEAD + recipe
    if writer is None:
        return _by_zlib(picture, text)
    return writer.png(np.ascontiguousarray(picture), *picture.shape, text, MARK_CHUNK)


def _by_zlib(picture: Bytes, text: bytes) -> bytes:
    height, width, channels = picture.shape
    lines = np.zeros((height, 1 + width * channels), dtype=np.uint8)
    lines[:, 1:] = picture.reshape(height, width * channels)
    repeats = 1 + np.flatnonzero((lines[1:] == lines[:-1]).all(axis=1) & (lines[1:, 1:] != lines[1:, 1:2]).any(axis=1))
    lines[repeats] = 0
    lines[repeats, 0] = UP
    runs = zlib.compressobj(strategy=zlib.Z_RLE)
    chunks = (
        _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, COLOUR_TYPES[channels], 0, 0, 0)),
        _chunk(b"iTXt", text),
        MARK_CHUNK,
        _chunk(b"IDAT", runs.compress(lines.tobytes()) + runs.flush()),
        _chunk(b"IEND", b""),
    )
    return SIGNATURE + b"".join(chunks)


def to_image(picture: Bytes) -> Image.Image:
    """Levels (H, W, C) -> Pillow's image, grey or RGB."""
    return Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture)


def _chunk(kind: bytes, content: bytes) -> bytes:
    body = kind + content
    return b"".join((len(content).to_bytes(4), body, zlib.crc32(body).to_bytes(4)))


def _text(keyword: str, text: str) -> bytes:
    """Of an iTXt chunk: not compressed, in no language in particular."""
    return keyword.encode("latin-1") + b"\0\0\0\0\0" + text.encode()


RECIPE_HEAD = _text(RECIPE_KEY, "")
MARK_CHUNK = _chunk(b"iTXt", _text(XMP_KEY, mark()))
"""The mark stands alone there: a picture of 28×28 with both stays below a kilobyte."""
