"""Pixels <-> PNG with numpy and zlib alone: what this project's server writes, and what it reads."""

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3}
"""Colour type -> channels: grey and RGB."""


def chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The (type, data) of each chunk. Raises ValueError for what is no PNG or is cut off."""
    if not content.startswith(SIGNATURE):
        raise ValueError("the file is no PNG")
    position = len(SIGNATURE)
    while position + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, position)
        if position + 12 + length > len(content):
            break
        yield kind, content[position + 8 : position + 8 + length]
        if kind == b"IEND":
            return
        position += 12 + length
    raise ValueError("the PNG is cut off")


def read_png(content: bytes) -> Bytes:
    """A file with 8 bits a channel, grey or RGB, not interlaced -> its levels (H, W, C). Raises ValueError."""
    found = list(chunks(content))
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", found[0][1])
    if depth != 8 or colour not in CHANNELS or interlaced:
        raise ValueError(f"a PNG of colour type {colour} with {depth} bits: only grey and RGB with 8 are read here")
    channels = CHANNELS[colour]
    filtered = zlib.decompress(b"".join(data for kind, data in found if kind == b"IDAT"))
    lines = np.frombuffer(filtered, dtype=np.uint8).reshape(height, 1 + width * channels)
    return _unfiltered(lines[:, 0], lines[:, 1:].reshape(height, width, channels))


def write_png(levels: Bytes) -> bytes:
    """Levels (H, W, C) with one or three channels -> the file."""
    height, width, channels = levels.shape
    colour = next(kind for kind, count in CHANNELS.items() if count == channels)
    lines = np.concatenate([np.zeros((height, 1), np.uint8), levels.reshape(height, -1)], axis=1)
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(lines.tobytes())), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _unfiltered(filters: Bytes, lines: Bytes) -> Bytes:
    """Undoes the filter of each line (H, W, C); PNG specification, section 9."""
    levels = np.zeros_like(lines)
    above = np.zeros_like(lines[0])
    for row, kind in enumerate(filters):
        levels[row] = above = _line(int(kind), lines[row], above)
    return levels


def _line(kind: int, line: Bytes, above: Bytes) -> Bytes:
    if kind == 0:
        return line
    if kind == 1:
        return np.cumsum(line, axis=0, dtype=np.uint8)
    if kind == 2:
        return line + above
    predict = {3: _average, 4: _paeth}.get(kind)
    if predict is None:
        raise ValueError(f"a PNG line has the filter {kind}; there are five, 0 to 4")
    found = np.empty_like(line)
    for channel in range(line.shape[1]):
        left = upper_left = 0
        values = []
        for value, upper in zip(line[:, channel].tolist(), above[:, channel].tolist(), strict=True):
            left = (value + predict(left, upper, upper_left)) & 255
            upper_left = upper
            values.append(left)
        found[:, channel] = values
    return found


def _average(left: int, upper: int, _upper_left: int) -> int:
    return (left + upper) // 2


def _paeth(left: int, upper: int, upper_left: int) -> int:
    """The neighbour nearest to left + upper - upper left; ties go in that order."""
    estimate = left + upper - upper_left
    return min((left, upper, upper_left), key=lambda neighbour: abs(estimate - neighbour))
