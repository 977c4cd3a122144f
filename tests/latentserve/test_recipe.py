"""Recipes in files, and the addresses that they mean."""

import io

import httpx
import numpy as np
import pytest
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo

from latentserve import Client, File, Model
from latentserve.cli.inspection import address
from latentserve.png import write_png
from latentserve.recipe import read_recipe


def files(vae: Model) -> dict[str, File]:
    """One of each resource that an address can name."""
    return {
        "sample": vae.sheet(42, size=56, temperature=0.5, index=3),
        "sheet": vae.sheet("0-3,9", columns=2),
        "webp": vae.sheet(42, "webp"),
        "frame": vae.interpolation("42,77", "png", at=0.25, method="lerp", loop=True),
        "strip": vae.interpolation("42,77", "strip.png", steps=3, easing="smooth"),
        "manifold": vae.manifold(n=3, size=56),
        "traversal": vae.traverse(42, dimensions=2, steps=3),
    }


def test_the_address_of_a_recipe_holds_the_same_picture(client: Client, vae: Model) -> None:
    """Read from the file, asked for again: the same pixels, for every resource with seeds."""
    for name, file in files(vae).items():
        recipe = read_recipe(file.content)
        assert recipe is not None, name
        again = httpx.get(client.base_url + str(address(dict(recipe))))
        assert again.status_code == 200, (name, again.text)
        assert np.array_equal(levels(again.content), levels(file.content)), name


def levels(content: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Of any picture, as RGB."""
    return np.asarray(Pillow.open(io.BytesIO(content)).convert("RGB"))


def test_latents_that_were_sent_have_no_address(vae: Model) -> None:
    """Their recipe has them, exactly; an address would round them."""
    recipe = read_recipe(vae.decode_sheet(vae.latents(3)).content)

    assert recipe is not None
    assert recipe["resource"] == "images"
    assert address(dict(recipe)) is None


def test_a_compressed_chunk_is_read_too() -> None:
    """As image editors write it."""
    info = PngInfo()
    info.add_itxt("latentserve", '{"resource": "samples", "seed": 1}', zip=True)
    file = io.BytesIO()
    Pillow.new("L", (2, 2)).save(file, "PNG", pnginfo=info)

    assert read_recipe(file.getvalue()) == {"resource": "samples", "seed": 1}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\xff\xff\xff\xffWEBPXMP \xff\xff\xff\x7f\xff",
        b'RIFF    WEBPXMP \x10\x00\x00\x00l:recipe="[1]"   ',
        write_png(np.zeros((2, 2, 1), np.uint8)),
        write_png(np.zeros((2, 2, 1), np.uint8))[:30],
    ],
)
def test_files_without_a_recipe_have_none(content: bytes) -> None:
    """However broken they are."""
    assert read_recipe(content) is None
