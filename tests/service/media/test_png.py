"""Our PNGs through readers that know nothing of us, by both writers."""

import io
import shutil
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from models_store.pixels import Bytes
from service.media import png
from service.media.png import encode_png

RECIPE = {"resource": "samples", "seed": 42, "model": "mañana"}


@pytest.fixture(params=["compiled", "zlib"])
def _writer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "zlib":
        monkeypatch.setattr(png, "writer", None)
    elif png.writer is None:
        pytest.skip("this machine has no C compiler")


def read(content: bytes) -> Bytes:
    """By Pillow, which checks each sum."""
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        assert image.info["latentserve"].startswith('{"resource":')
        pixels: Bytes = np.asarray(image)
    return pixels if pixels.ndim == 3 else pixels[:, :, None]


def pictures(count: int) -> list[Bytes]:
    """Noise, one colour, sparse dots, long tails, powers of two, enlarged blocks: what codes of every depth are for."""
    chance = np.random.default_rng(0)

    def picture(kind: int) -> NDArray[Any]:
        shape = (*chance.integers(1, 70, 2), int(chance.choice([1, 3])))
        noise = chance.random(shape)
        return (
            256 * noise,
            np.full(shape, chance.integers(256)),
            (noise < chance.random() ** 3) * chance.integers(1, 256),
            -np.log(noise) * chance.random() * 40,
            2.0 ** np.floor(9 * noise),
            (256 * noise).repeat(chance.integers(1, 9), 0).repeat(chance.integers(1, 60), 1),
        )[kind]

    return [np.minimum(255, picture(number % 6)).astype(np.uint8) for number in range(count)]


def skewed() -> NDArray[np.uint8]:
    """Counts like Fibonacci's numbers, whose best code is longer than deflate allows."""
    counts = [1, 1]
    while len(counts) < 22:
        counts.append(counts[-1] + counts[-2])
    levels = np.concatenate([np.full(count, 7 * level, dtype=np.uint8) for level, count in enumerate(counts)])
    return np.random.default_rng(1).permutation(levels)[: len(levels) // 100 * 100].reshape(-1, 100, 1)


@pytest.mark.usefixtures("_writer")
def test_every_picture_comes_back_as_it_went() -> None:
    """Six hundred, from one pixel up, grey and in colour, and one that takes several blocks."""
    many = np.random.default_rng(2).integers(0, 256, (300, 301, 3), dtype=np.uint8)
    for picture in [*pictures(600), skewed(), many, many[:, ::2], np.zeros((400, 400, 3), dtype=np.uint8)]:
        np.testing.assert_array_equal(read(encode_png(picture, RECIPE)), picture)


@pytest.mark.usefixtures("_writer")
def test_a_stream_is_one_that_strict_readers_take() -> None:
    """Chunks in order, each with its sum; the data end exactly where zlib's stream does."""
    content, kinds = encode_png(pictures(1)[0], RECIPE), []
    assert content[:8] == png.SIGNATURE
    place = 8
    while place < len(content):
        (length,) = struct.unpack_from(">I", content, place)
        kind, body = content[place + 4 : place + 8], content[place + 8 : place + 8 + length]
        assert struct.unpack_from(">I", content, place + 8 + length) == (zlib.crc32(kind + body),)
        if kind == b"IDAT":
            stream = zlib.decompressobj()
            stream.decompress(body)
            assert stream.eof
            assert not stream.unused_data
        kinds.append(kind)
        place += 12 + length
    assert kinds == [b"IHDR", b"iTXt", b"iTXt", b"IDAT", b"IEND"]


@pytest.mark.skipif(png.writer is None, reason="this machine has no C compiler")
def test_files_are_as_small_as_zlibs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all kinds of pictures together, by the same filters; only the code of the code may be a few bytes longer."""
    those = pictures(120)
    ours = sum(len(encode_png(picture, RECIPE)) for picture in those)
    monkeypatch.setattr(png, "writer", None)

    assert ours < 1.01 * sum(len(encode_png(picture, RECIPE)) for picture in those)


def test_where_there_is_a_compiler_there_is_a_writer() -> None:
    """Else it would be zlib's that is tested twice."""
    assert png.writer is not None or shutil.which("cc") is None


@pytest.mark.skipif(png.writer is None, reason="this machine has no C compiler")
@pytest.mark.parametrize(
    "shape", [(0, 4, 1), (4, 0, 1), (4, 4, 2), (4, 4, 4), (4, 5, 1), (-1, 4, 1), (2**32 + 4, 4, 1), (2**31, 1, 1)]
)
def test_what_is_no_picture_is_refused(shape: tuple[int, int, int]) -> None:
    """Nothing is read beyond an end."""
    assert png.writer is not None
    with pytest.raises(ValueError, match=r"no picture|a buffer"):
        png.writer.png(bytes(16), *shape, b"", b"")
