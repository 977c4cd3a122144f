"""npy files from outside: only what their own bytes prove."""

import io

import numpy as np
import pytest

from service.errors import InvalidParameter, MalformedRequest
from service.media.npy import decode_floats, decode_pixels, encode_npy, encode_pictures


def claimed(header: str, data: bytes = b"") -> bytes:
    """A file of format 1.0 with that header."""
    text = header.ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8"])
def test_floats_come_back_as_they_went(dtype: str) -> None:
    """Half, single and double precision are read as float32."""
    array = np.arange(6, dtype=dtype).reshape(2, 3)

    found = decode_floats(encode_npy(array))

    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("count", [1, 64])
def test_pictures_one_by_one_make_the_file_of_all(count: int) -> None:
    """Byte for byte; with gaps between its numbers a picture is refused, and not written as something else."""
    stacked = np.random.default_rng(0).integers(0, 256, (count, 28, 14, 3), dtype=np.uint8)

    assert encode_pictures([*stacked]) == encode_npy(stacked)
    with pytest.raises(TypeError):
        encode_pictures([picture[:, ::2] for picture in stacked])


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, -4), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '>f4', 'fortran_order': False, 'shape': (4,), }",
        "{'descr': '<f4', 'fortran_order': True, 'shape': (4,), }",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,), }",
        "{'descr': '<f4', 'shape': (4,), }",
        "__import__('os').system('true')",
        "(" * 100,
        "",
    ],
)
def test_a_header_that_lies_is_refused_before_anything_is_reserved(header: str) -> None:
    """4 GB claimed by 16 bytes, negative sides, pickles, foreign byte order, records, code: all refused."""
    with pytest.raises((MalformedRequest, InvalidParameter)):
        decode_floats(claimed(header, b"\0" * 16))


@pytest.mark.parametrize(
    "content", [b"", b"\x93NUMPY", b"PK\x03\x04", b"\x93NUMPY\x03\x00\x00\x00\x00\x00", b"\x80\x04."]
)
def test_what_is_no_npy_is_refused(content: bytes) -> None:
    """Nothing, a stump, a zip, an unknown version, a pickle."""
    with pytest.raises(MalformedRequest):
        decode_floats(content)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_numbers_that_are_not_finite_are_refused(value: float) -> None:
    """Also those that only float64 can hold."""
    with pytest.raises(InvalidParameter):
        decode_floats(encode_npy(np.array([[0.0, value]])))


def test_every_truncation_is_refused() -> None:
    """No prefix of a good file passes."""
    content = encode_npy(np.ones((2, 3), dtype=np.float32))

    for length in range(len(content)):
        with pytest.raises(MalformedRequest):
            decode_floats(content[:length])


def test_pixels_are_bytes_or_floats_within_their_range() -> None:
    """A float above 1 is a mistake, not a bright pixel."""
    assert decode_pixels(encode_npy(np.zeros((1, 2, 2, 1), dtype=np.uint8))).dtype == np.uint8
    assert decode_pixels(encode_npy(np.ones((1, 2, 2, 1)))).dtype == np.float32
    with pytest.raises(InvalidParameter):
        decode_pixels(encode_npy(np.full((1, 2, 2, 1), 2.0)))


def test_files_are_what_numpy_writes() -> None:
    """Any npy reader opens them."""
    array = np.arange(4, dtype=np.uint8)

    np.testing.assert_array_equal(np.load(io.BytesIO(encode_npy(array))), array)
