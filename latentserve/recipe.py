"""The recipe that every picture of a server carries: what fixes it, as JSON inside the file."""

import html
import json
import re
import struct
import zlib
from collections.abc import Mapping
from typing import Any

from latentserve.png import SIGNATURE, chunks

KEYWORD = b"latentserve"
LARGEST = 1 << 20
"""Bytes of a recipe; one of a thousand latents has less."""
XMP_RECIPE = re.compile(r"""\w+:recipe=(?:"([^"]*)"|'([^']*)')""")


def read_recipe(content: bytes) -> Mapping[str, Any] | None:
    """The recipe in a PNG, APNG or WebP file, or None if it carries none that can be read."""
    try:
        text = _from_png(content) if content.startswith(SIGNATURE) else _from_xmp(content)
        found = json.loads(text) if text is not None else None
    except (ValueError, zlib.error, RecursionError):
        return None
    return found if isinstance(found, dict) and "resource" in found else None


def _from_png(content: bytes) -> str | None:
    for kind, data in chunks(content):
        keyword, _, rest = data.partition(b"\0")
        if kind == b"iTXt" and keyword == KEYWORD and len(rest) >= 2:
            text = rest[2:].split(b"\0", 2)[2]
            return (_inflated(text) if rest[0] else text).decode()
    return None


def _inflated(text: bytes) -> bytes:
    return zlib.decompressobj().decompress(text, LARGEST)


def _from_xmp(content: bytes) -> str | None:
    """WebP has no text chunks; the recipe is an attribute in its XMP."""
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP":
        return None
    position = 12
    while position + 8 <= len(content):
        kind, length = struct.unpack_from("<4sI", content, position)
        if kind == b"XMP ":
            found = XMP_RECIPE.search(content[position + 8 : position + 8 + length].decode())
            return html.unescape(found[1] or found[2]) if found else None
        position += 8 + length + length % 2
    return None
