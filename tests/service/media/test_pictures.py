"""Uploaded pictures: what is let in, and what becomes of it."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from service.errors import ImageTooLarge, ImageUndecodable, UnsupportedImageFormat
from service.limits import Limits
from service.media.pictures import Fit, Invert, Picture, open_picture, read_picture
from tests.service.conftest import picture_file

GREY = (1, 28, 28)


def read(
    content: bytes, *, shape: tuple[int, int, int] = GREY, fit: Fit = "contain", invert: Invert = "auto"
) -> Picture:
    return read_picture(open_picture(content, Limits()), shape, fit=fit, invert=invert)


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims a size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    data = b"IDAT" + zlib.compress(b"\0" * 100)
    return start + struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))


def test_a_picture_of_the_models_shape_is_taken_as_it_is() -> None:
    """Our own pictures come back unchanged, bright border or not."""
    levels = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)

    picture = read(picture_file(levels))

    np.testing.assert_array_equal(np.rint(picture.pixels[0] * 255).astype(np.uint8), levels)
    assert picture.steps == ()


def test_dark_ink_on_white_paper_is_inverted_and_said_so() -> None:
    """The models know bright objects on black."""
    paper = np.full((200, 200), 250, dtype=np.uint8)
    paper[80:120, 80:120] = 10

    picture = read(picture_file(paper, "JPEG"))

    assert picture.pixels[0, 0, 0] < 0.1
    assert picture.pixels[0, 14, 14] > 0.9
    assert "inverted" in picture.steps
    assert read(picture_file(paper), invert=False).pixels[0, 0, 0] > 0.9


@pytest.mark.parametrize(("fit", "corner"), [("contain", 0.0), ("cover", 0.5), ("stretch", 0.5)])
def test_a_picture_of_another_shape_is_brought_to_the_models(fit: Fit, corner: float) -> None:
    """Contain leaves black around, cover and stretch fill the frame."""
    wide = np.full((20, 90), 127, dtype=np.uint8)

    picture = read(picture_file(wide), fit=fit)

    assert picture.pixels.shape == GREY
    assert picture.pixels[0, 0, 0] == pytest.approx(corner, abs=0.01)
    assert picture.pixels[0, 14, 14] == pytest.approx(0.5, abs=0.01)


def test_colour_and_grey_are_converted_to_what_the_model_has() -> None:
    """One channel from three, and three from one."""
    red = np.zeros((28, 28, 3), dtype=np.uint8)
    red[..., 0] = 255

    assert read(picture_file(red), invert=False).pixels.shape == (1, 28, 28)
    assert read(picture_file(red[..., 0]), shape=(3, 28, 28)).pixels.shape == (3, 28, 28)


def test_sixteen_bits_are_scaled_and_transparency_lies_on_white() -> None:
    """Neither is clipped to nonsense."""
    deep = Image.fromarray(np.full((28, 28), 32896, dtype=np.uint16))
    clear = Image.new("RGBA", (28, 28), (0, 0, 0, 0))

    for image, value in ((deep, 128 / 255), (clear, 1.0)):
        file = io.BytesIO()
        image.save(file, "PNG")
        assert read(file.getvalue(), invert=False).pixels[0, 5, 5] == pytest.approx(value, abs=0.01)


@pytest.mark.parametrize(("width", "height"), [(20_000, 20_000), (5000, 5000), (1, 65_535), (2**31 - 1, 2**31 - 1)])
def test_a_bomb_is_refused_before_it_is_decoded(width: int, height: int) -> None:
    """Its header is enough."""
    with pytest.raises((ImageTooLarge, ImageUndecodable)):
        open_picture(bomb(width, height), Limits())


@pytest.mark.parametrize("content", [b"", b"hello", b"GIF89a" + b"\0" * 50, b"RIFF\0\0\0\0WAVE", b"BM" + b"\0" * 60])
def test_only_three_formats_are_read(content: bytes) -> None:
    """The first bytes decide, whatever the file is called."""
    with pytest.raises(UnsupportedImageFormat):
        open_picture(content, Limits())


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_damaged_pictures_are_refused_as_such(form: str) -> None:
    """Every prefix either decodes or is refused by name; nothing else is ever raised."""
    content = picture_file(np.random.default_rng(1).integers(0, 256, (40, 40), dtype=np.uint8), form)
    generator = np.random.default_rng(2)

    for _ in range(200):
        damaged = bytearray(content[: int(generator.integers(12, len(content)))])
        damaged[int(generator.integers(0, len(damaged)))] ^= int(generator.integers(1, 256))
        try:
            read(bytes(damaged))
        except (ImageUndecodable, UnsupportedImageFormat, ImageTooLarge):
            continue


def test_of_an_animation_the_first_frame_is_taken_and_said_so() -> None:
    """A black frame and then a white one: black, and the steps tell that there was more."""
    file = io.BytesIO()
    Image.new("L", (28, 28), 0).save(file, "PNG", save_all=True, append_images=[Image.new("L", (28, 28), 255)])

    picture = read_picture(open_picture(file.getvalue(), Limits()), (1, 28, 28), fit="contain", invert="auto")

    assert (picture.pixels == 0).all()
    assert picture.steps == ("first of 2 frames",)


def test_a_model_of_light_pictures_gets_them_as_they_are() -> None:
    """Ink on paper stays so, with paper around it; white ink on black is what is inverted there."""
    paper = np.full((40, 20), 255, dtype=np.uint8)
    paper[18:22, 8:12] = 0
    files = [picture_file(paper), picture_file(255 - paper)]

    read = [
        read_picture(open_picture(file, Limits()), (1, 28, 28), fit="contain", invert="auto", light=True)
        for file in files
    ]

    assert ["inverted" in picture.steps for picture in read] == [False, True]
    np.testing.assert_array_equal(read[0].pixels, read[1].pixels)
    assert (read[0].pixels[0, :, 0] == 1).all()
