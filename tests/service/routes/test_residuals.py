"""What decoding leaves of a picture, beside the latents that were found for it."""

import math

import httpx
import pytest

from tests.service.conftest import picture_file, pixels_of

pytestmark = pytest.mark.anyio


async def sample(client: httpx.AsyncClient, model: str) -> bytes:
    """A picture with its recipe."""
    return (await client.get(f"/v1/models/{model}/samples/4.png")).content


@pytest.mark.parametrize("model", ["tiny-vae", "plain-vae"])
async def test_the_residual_of_an_encoding_is_that_of_the_reconstruction(client: httpx.AsyncClient, model: str) -> None:
    """Root of its mean squared error, and the same in dB, for each of several pictures."""
    files = [("image", picture_file(255 - pixels_of(await sample(client, other)))) for other in ("tiny-vae", model)]

    found = (await client.post(f"/v1/models/{model}/latents", files=files)).json()["data"]
    remade = (await client.post(f"/v1/models/{model}/reconstructions", files=files)).json()["data"]

    assert len(found) == len(remade) == 2
    for entry, other in zip(found, remade, strict=True):
        residual = entry["residual"]
        assert residual["rmse"] ** 2 == pytest.approx(other["mse"], rel=1e-5)
        assert residual["psnr"] == pytest.approx(-20 * math.log10(residual["rmse"]))


@pytest.mark.parametrize("model", ["tiny-vae", "tiny-dcgan"])
async def test_a_recipe_leaves_no_more_than_the_rounding_to_bytes(client: httpx.AsyncClient, model: str) -> None:
    """At most half a level, whether the model has an encoder or not."""
    answer = await client.post(f"/v1/models/{model}/latents", files={"image": await sample(client, model)})

    entry = answer.json()["data"][0]
    assert entry["source"] == "recipe"
    assert entry["residual"]["rmse"] <= 0.5 / 255 + 1e-6


async def test_a_draw_has_a_residual_of_its_own(client: httpx.AsyncClient) -> None:
    """Not that of the mean."""
    url, files = "/v1/models/plain-vae/latents", {"image": picture_file(pixels_of(await sample(client, "plain-vae")))}

    mean, draw = [
        (await client.post(f"{url}?encode={encode}", files=files)).json()["data"][0]["residual"]
        for encode in ("mean", "sample")
    ]

    assert mean["rmse"] != draw["rmse"]
