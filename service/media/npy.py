"""Arrays <-> npy files. A file from outside is believed only as far as its own bytes go."""

import ast
import io
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from models_store.latents import Floats
from models_store.pixels import Bytes
from service.errors import InvalidParameter, MalformedRequest, shown

MAGIC = b"\x93NUMPY"
LENGTH_SIZES = {b"\x01\x00": 2, b"\x02\x00": 4}
"""Version -> bytes of the header's length."""
FLOATS = ("<f2", "<f4", "<f8")
LARGEST_HEADER = 1024
MOST_DIMENSIONS = 4
"""Of a batch of pictures; numpy itself stops at 64."""


def encode_npy(array: NDArray[Any]) -> bytes:
    """The file of an array, format 1.0, C order."""
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(array), allow_pickle=False)
    return file.getvalue()


def encode_pictures(pictures: Sequence[Bytes]) -> bytes:
    """As `encode_npy` of contiguous pictures of one shape, stacked, but copied once. Raises TypeError for others."""
    return b"".join([_header((len(pictures), *pictures[0].shape)), *cast("Sequence[bytes]", pictures)])


@lru_cache(maxsize=256)
def _header(shape: tuple[int, ...]) -> bytes:
    """Of bytes of that shape."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return file.getvalue()


def decode_floats(content: bytes) -> Floats:
    """A file of little-endian float16, float32 or float64 -> float32, every number finite."""
    with np.errstate(over="ignore"):
        array = _read(content, FLOATS).astype(np.float32)
    if not np.isfinite(array).all():
        raise InvalidParameter("the array holds NaN or infinity, or numbers that float32 cannot hold")
    return array


def decode_pixels(content: bytes) -> Bytes | Floats:
    """A file of bytes 0…255, or of floats in [0, 1]."""
    array = _read(content, ("|u1", *FLOATS))
    if array.dtype == np.uint8:
        return array.copy()
    floats = decode_floats(content)
    if floats.size and not (floats.min() >= 0 and floats.max() <= 1):
        raise InvalidParameter("the pixels are not within [0, 1]", allowed="uint8, or floats from 0 to 1")
    return floats


def _read(content: bytes, dtypes: tuple[str, ...]) -> NDArray[Any]:
    """A view of the bytes. Nothing is reserved before the header's claim is found to be true."""
    header, data = _split(content)
    kind, shape = header["descr"], header["shape"]
    if kind not in dtypes:
        allowed = [np.dtype(name).name for name in dtypes]
        raise InvalidParameter(f"the array's numbers are {shown(kind)}", allowed=allowed, hint="little-endian only")
    if header["fortran_order"] is not False:
        raise InvalidParameter("the array lies in Fortran order", hint="save numpy.ascontiguousarray(array)")
    sound = (
        isinstance(shape, tuple)
        and len(shape) <= MOST_DIMENSIONS
        and all(type(side) is int and 0 <= side <= len(content) for side in shape)
    )
    if not sound or math.prod(shape) * np.dtype(kind).itemsize != len(data):
        raise MalformedRequest(f"the npy header claims shape {shown(shape)}, and {len(data)} bytes follow it")
    return np.frombuffer(data, dtype=kind).reshape(shape)


def _split(content: bytes) -> tuple[dict[str, Any], bytes]:
    """The header and the bytes behind it. numpy's own reader also tries to repair headers; this one does not."""
    start = LENGTH_SIZES.get(content[6:8], 0) + 8
    length = int.from_bytes(content[8:start], "little")
    if not content.startswith(MAGIC) or not 0 < length <= LARGEST_HEADER or start + length > len(content):
        raise MalformedRequest("the body is no npy file of version 1.0 or 2.0", hint="save it with numpy.save")
    try:
        header = ast.literal_eval(content[start : start + length].decode("latin-1").strip())
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        header = None
    if not isinstance(header, dict) or header.keys() != {"descr", "fortran_order", "shape"}:
        raise MalformedRequest("the header of the npy file is broken")
    return header, content[start + length :]
