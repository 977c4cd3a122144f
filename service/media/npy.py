"""Arrays <-> npy files. A file from outside is believed only as far as its own bytes go."""

import io
import math
from typing import Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from models_store.latents import Floats
from models_store.pixels import Bytes
from service.errors import InvalidParameter, MalformedRequest, shown

FLOATS = ("<f2", "<f4", "<f8")
LARGEST_HEADER = 1024


def encode_npy(array: NDArray[Any]) -> bytes:
    """The file of an array, format 1.0, C order."""
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(array), allow_pickle=False)
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
    file = io.BytesIO(content)
    shape, fortran, dtype = _header(file)
    if dtype.str not in dtypes:
        raise InvalidParameter(f"the array holds {shown(dtype)}", allowed=[np.dtype(name).name for name in dtypes])
    if fortran:
        raise InvalidParameter("the array lies in Fortran order", hint="save numpy.ascontiguousarray(array)")
    data = content[file.tell() :]
    if any(side < 0 for side in shape) or math.prod(shape) * dtype.itemsize != len(data):
        raise MalformedRequest(f"the npy header claims shape {shown(shape)}, and {len(data)} bytes follow it")
    return np.frombuffer(data, dtype=dtype).reshape(shape)


def _header(file: io.BytesIO) -> tuple[tuple[int, ...], bool, "np.dtype[Any]"]:
    try:
        version = npy_format.read_magic(file)
        if version == (1, 0):
            return npy_format.read_array_header_1_0(file, max_header_size=LARGEST_HEADER)
        if version == (2, 0):
            return npy_format.read_array_header_2_0(file, max_header_size=LARGEST_HEADER)
    except (ValueError, TypeError, SyntaxError, EOFError, MemoryError, RecursionError):
        raise MalformedRequest("the body is no npy file, or its header is broken") from None
    raise MalformedRequest("the npy file is of a version other than 1.0 and 2.0", hint="save it with numpy.save")
