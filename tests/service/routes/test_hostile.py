"""What an adversary found once, and must not find again: every case answered in words, and soon."""

import asyncio
import io
import struct
import time
import zlib
from collections.abc import Callable

import httpx
import numpy as np
import pytest
from PIL import Image

from service.errors import DeadlineExceeded, QueueFull
from service.media.pool import MediaPool
from tests.service.conftest import picture_file

pytestmark = pytest.mark.anyio

MODEL = "/v1/models/tiny-vae"
GREY = np.arange(28 * 28, dtype=np.uint32).reshape(28, 28).astype(np.uint8)


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunk(before: bytes, kind: bytes, data: bytes) -> bytes:
    """A grey PNG with one chunk more, in front of that one."""
    file = picture_file(GREY)
    place = file.index(before) - 4
    return file[:place] + chunk(kind, data) + file[place:]


def palette_with_long_transparency() -> bytes:
    """A palette picture whose tRNS has more entries than a palette may have."""
    file = io.BytesIO()
    Image.fromarray(GREY).convert("P").save(file, "PNG")
    content = file.getvalue()
    place = content.index(b"IDAT") - 4
    return content[:place] + chunk(b"tRNS", bytes(300)) + content[place:]


def jpeg_with_odd_exif() -> bytes:
    """Turned by its EXIF, which also has a resolution written as text."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "a maker"
    file = io.BytesIO()
    Image.fromarray(GREY).save(file, "JPEG", exif=exif)
    # The maker's tag becomes that of the resolution, whose values ought to be fractions.
    return file.getvalue().replace(b"\x01\x0f", b"\x01\x1a", 1).replace(b"\x0f\x01", b"\x1a\x01", 1)


@pytest.mark.parametrize("name", ["a" * 257, "a" + "\u0301" * 40_000 + "\u0316" * 40_000], ids=["long", "marks"])
async def test_a_long_name_is_refused_before_it_is_normalized(name: str, client: httpx.AsyncClient) -> None:
    """Normalizing a run of combining marks takes time quadratic in its length."""
    answer = await client.post(f"{MODEL}/samples", json={"seeds": name})

    assert answer.status_code == 422
    assert answer.json()["limit"] == 256


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("scores", b'{"images":[' + b"[]," * 200_000 + b"[]]}"),
        ("images", b'{"latents":[[' + b'"",' * 100_000 + b'""]]}'),
        ("samples", b'{"seeds":[' + b"[]," * 50_000 + b"[]]}"),
    ],
)
async def test_a_body_of_many_small_things_costs_little(path: str, body: bytes, client: httpx.AsyncClient) -> None:
    """Refused with one short answer instead of an error for each of them."""
    answer = await client.post(f"{MODEL}/{path}", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code in (400, 422)
    assert len(answer.content) < 2000


@pytest.mark.parametrize("query", ["size=256&columns=64", "size=1024"])
async def test_a_webp_too_wide_or_too_large_is_refused(query: str, client: httpx.AsyncClient) -> None:
    """The format ends at 16,383 pixels, and lossless compression of millions takes seconds."""
    answer = await client.get(f"{MODEL}/samples/0-63.webp?{query}")

    assert answer.status_code == 422
    assert "PNG" in answer.json()["hint"]


@pytest.mark.parametrize(
    "content",
    [palette_with_long_transparency(), with_chunk(b"IEND", b"iCCP", b""), with_chunk(b"IEND", b"iCCP", b"a\0")],
    ids=["tRNS", "empty iCCP", "short iCCP"],
)
async def test_a_damaged_picture_is_read_or_refused(content: bytes, client: httpx.AsyncClient) -> None:
    """Whatever Pillow raises."""
    answer = await client.post(f"{MODEL}/scores", files={"image": content})

    assert answer.status_code in (200, 422)


async def test_an_odd_tag_in_the_exif_does_not_cost_the_picture(client: httpx.AsyncClient) -> None:
    """Phones write such things; the orientation beside it still counts."""
    answer = await client.post(f"{MODEL}/reconstructions", files={"image": jpeg_with_odd_exif()})

    assert answer.status_code == 200


async def test_an_npy_of_too_many_dimensions_is_refused(client: httpx.AsyncClient) -> None:
    """Numpy itself stops at 64."""
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({'1, ' * 65}), }}".encode()
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + b"\0"

    answer = await client.post(f"{MODEL}/scores", content=content, headers={"Content-Type": "application/x-npy"})

    assert answer.status_code == 400


@pytest.mark.parametrize("name", ["what%3F", "a%23b", "a%5Cb", "a%09b", "%E3%82%A2"])
async def test_content_location_names_the_same_picture(name: str, client: httpx.AsyncClient) -> None:
    """Quoted exactly once, whatever the name is made of."""
    first = await client.get(f"{MODEL}/samples/{name}.png")

    again = await client.get(first.headers["content-location"])

    assert again.content == first.content


@pytest.mark.parametrize("path", ["/", "/docs", "/page/page.js", f"{MODEL}/samples/1.png"])
async def test_ranges_are_ignored(path: str, client: httpx.AsyncClient) -> None:
    """As RFC 9110 allows; an odd one is no error."""
    answer = await client.get(path, headers={"Range": "bytes=99999999-"})

    assert answer.status_code == 200


async def test_file_work_is_bounded_and_has_a_deadline() -> None:
    """What would wait too long is refused at once; what takes too long is given up, and counted until it has ended."""
    pool = MediaPool(max_pixels=1_000_000, timeout_s=0.05)

    slow = asyncio.ensure_future(pool.run(sleeper(0.3), pixels=900_000))
    await asyncio.sleep(0)
    with pytest.raises(QueueFull):
        await pool.run(sleeper(0), pixels=200_000)
    with pytest.raises(DeadlineExceeded):
        await slow
    await asyncio.sleep(0.4)

    await pool.run(sleeper(0), pixels=200_000)
    pool.close()


def sleeper(seconds: float) -> Callable[[], None]:
    """Work that takes so long."""
    return lambda: time.sleep(seconds)
