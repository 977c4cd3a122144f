"""Samples over HTTP: one seed, one image, in every form and under load."""

import asyncio
import base64
import io
import json
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from models_store.latents import normals
from service.app import create_app
from service.routes.points import encode_z64
from service.settings import Settings
from tests.service.conftest import npy_array, pixels_of

pytestmark = pytest.mark.anyio
MODELS = ("plain-vae", "tiny-vae", "tiny-dcgan")


@pytest.mark.parametrize("model", MODELS)
async def test_a_seed_has_the_same_image_alone_in_a_sheet_and_in_npy(client: httpx.AsyncClient, model: str) -> None:
    """The pixels of seed 5 are those of seed 5 wherever it is shown."""
    base = f"/v1/models/{model}/samples"
    alone = pixels_of((await client.get(f"{base}/5.png")).content)

    sheet = pixels_of((await client.get(f"{base}/3-6.png?gap=2&columns=2")).content)
    array = npy_array((await client.get(f"{base}/0-63.npy")).content)
    webp = pixels_of((await client.get(f"{base}/5.webp")).content)

    assert alone.shape == (28, 28)
    assert sheet.shape == (58, 58)
    np.testing.assert_array_equal(sheet[30:, :28], alone)
    assert array.shape == (64, 28, 28, 1)
    np.testing.assert_array_equal(array[5, :, :, 0], alone)
    np.testing.assert_array_equal(webp[..., 0], alone)


async def test_the_bytes_are_the_same_under_load_and_after_a_restart(
    client: httpx.AsyncClient, tiny_store: Path
) -> None:
    """32 mixed requests at once, then a fresh service: not a byte changes."""
    paths = [
        path
        for model in MODELS
        for path in (
            f"/v1/models/{model}/samples/7.png",
            f"/v1/models/{model}/samples/1-20.png",
            f"/v1/models/{model}/samples/0-40.npy",
            f"/v1/models/{model}/interpolations/1,2.strip.png",
            f"/v1/models/{model}/manifold.png?n=5",
        )
    ]
    one_by_one = {path: (await client.get(path)).content for path in paths}

    at_once = await asyncio.gather(*(client.get(paths[turn % len(paths)]) for turn in range(32)))

    assert [answer.content for answer in at_once] == [one_by_one[paths[turn % len(paths)]] for turn in range(32)]
    app = create_app(Settings(store=tiny_store, max_batch=16))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as restarted,
    ):
        for path in paths:
            assert (await restarted.get(path)).content == one_by_one[path]


async def test_n_images_of_a_seed_are_its_indices(client: httpx.AsyncClient) -> None:
    """POST n=4 gives index 0 … 3, each also at its own address."""
    answer = await client.post("/v1/models/plain-vae/samples", json={"n": 4, "seed": 9, "images": "base64"})

    data = answer.json()["data"]
    assert [(entry["seed"], entry["index"]) for entry in data] == [(9, 0), (9, 1), (9, 2), (9, 3)]
    for entry in data:
        single = await client.get(entry["url"])
        np.testing.assert_array_equal(pixels_of(single.content), pixels_of(base64.b64decode(entry["image"])))
        assert entry["z64"] == encode_z64(normals(9, [entry["index"]], 6)[0])


async def test_without_a_seed_the_server_draws_one_and_says_which(client: httpx.AsyncClient) -> None:
    """The answer can be had again."""
    answer = await client.post("/v1/models/plain-vae/samples", json={}, headers={"Accept": "image/png"})
    seed = json.loads(recipe_of(answer.content))["seed"]

    again = await client.get(f"/v1/models/plain-vae/samples/{seed}.png")

    np.testing.assert_array_equal(pixels_of(again.content), pixels_of(answer.content))


async def test_random_redirects_to_a_seed(client: httpx.AsyncClient) -> None:
    """The address that comes back holds the seed and the query, and is never cached."""
    answer = await client.get("/v1/models/plain-vae@x/samples/random.png")
    assert answer.status_code == 404

    answer = await client.get("/v1/models/plain-vae/samples/random.png?size=56")

    assert answer.status_code == 302
    assert answer.headers["cache-control"] == "no-store"
    assert (await client.get(answer.headers["location"])).status_code == 200
    assert answer.headers["location"].endswith(".png?size=56")


async def test_a_picture_carries_its_recipe(client: httpx.AsyncClient) -> None:
    """Who has the file knows the model, its digest, the seed and the temperature."""
    answer = await client.get("/v1/models/plain-vae/samples/42.png?temperature=0.5&index=3")

    recipe = json.loads(recipe_of(answer.content))

    assert recipe["model"] == "plain-vae"
    assert recipe["digest"] == answer.headers["model-version"]
    assert (recipe["seed"], recipe["index"], recipe["temperature"]) == (42, 3, 0.5)


async def test_size_scales_whole_pixels_and_temperature_zero_is_the_mean(client: httpx.AsyncClient) -> None:
    """A double size repeats pixels; at temperature 0 all seeds are one."""
    base = "/v1/models/plain-vae/samples"
    small, large, odd = [
        pixels_of((await client.get(f"{base}/1.png{q}")).content) for q in ("", "?size=56", "?size=40")
    ]

    np.testing.assert_array_equal(large, small.repeat(2, 0).repeat(2, 1))
    assert odd.shape == (40, 40)
    cold = [pixels_of((await client.get(f"{base}/{seed}.png?temperature=0")).content) for seed in (1, 2)]
    np.testing.assert_array_equal(cold[0], cold[1])


async def test_a_known_etag_costs_nothing(client: httpx.AsyncClient) -> None:
    """304 without a forward pass; a pinned address is for ever, an alias names the pinned one."""
    alias = await client.get("/v1/models/plain-vae/samples/8.png")
    pinned = await client.get(alias.headers["content-location"])

    unchanged = await client.get(
        "/v1/models/plain-vae/samples/8.png", headers={"If-None-Match": f'"other", {alias.headers["etag"]}'}
    )

    assert unchanged.status_code == 304
    assert unchanged.content == b""
    assert "model;dur=0.000" in unchanged.headers["server-timing"]
    assert alias.headers["cache-control"] == "max-age=300"
    assert "immutable" in pinned.headers["cache-control"]
    assert pinned.content == alias.content
    assert pinned.headers["etag"] == alias.headers["etag"]
    other = await client.get("/v1/models/plain-vae/samples/8.png?temperature=0.9")
    assert other.headers["etag"] != alias.headers["etag"]


async def test_head_is_get_without_its_body(client: httpx.AsyncClient) -> None:
    """Same headers, same length, no bytes."""
    path = "/v1/models/plain-vae/samples/8.png"
    get, head = await client.get(path), await client.head(path)

    assert head.status_code == 200
    assert head.content == b""
    for name in ("content-length", "etag", "content-type"):
        assert head.headers[name] == get.headers[name]


def recipe_of(content: bytes) -> str:
    """The iTXt chunk of a PNG."""
    text: str = Image.open(io.BytesIO(content)).text["latentserve"]  # type: ignore[attr-defined]  # a PNG has it
    return text
