"""Samples over HTTP: one seed, one image, in every form and under load."""

import asyncio
import base64
import hashlib
import io
import json
import zipfile
from pathlib import Path
from xml.etree import ElementTree as ET

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


async def test_a_picture_says_that_a_model_made_it(client: httpx.AsyncClient) -> None:
    """PNG and WebP carry IPTC's mark as XMP, which Pillow finds like every reader of metadata."""
    for extension in ("png", "webp"):
        file = (await client.get(f"/v1/models/plain-vae/samples/42.{extension}")).content

        packet: bytes = Image.open(io.BytesIO(file)).info["xmp"]

        root = ET.fromstring(packet)
        marks = [value for each in root.iter() for name, value in each.items() if name.endswith("DigitalSourceType")]
        assert marks == ["http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"]


@pytest.mark.parametrize("model", MODELS)
async def test_a_zip_holds_the_files_of_its_seeds_and_says_what_they_are(client: httpx.AsyncClient, model: str) -> None:
    """Each file is, to the byte, what its own address gives; the archive is the same by GET and by POST."""
    url = f"/v1/models/{model}/samples"
    answer = await client.get(f"{url}/0-9.zip?size=56&temperature=0.5")
    posted = await client.post(
        url, json={"seeds": "0-9", "size": 56, "temperature": 0.5}, headers={"Accept": "application/zip"}
    )

    assert answer.headers["content-type"] == "application/zip"
    assert posted.content == answer.content
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        assert manifest["digest"] == answer.headers["model-version"]
        assert [entry["seed"] for entry in manifest["data"]] == list(range(10))
        for entry in manifest["data"]:
            content = archive.read(entry["file"])
            assert content == (await client.get(entry["url"])).content
            assert hashlib.sha256(content).hexdigest() == entry["sha256"]


async def test_ranges_link_to_the_next_until_the_seeds_end(client: httpx.AsyncClient) -> None:
    """Following `next` from 0-3 gives every seed once; the last range is shorter, and nothing follows it."""
    first = await client.get("/v1/models/plain-vae/samples/0-3.json?temperature=0.5")
    following = first.json()["next"]
    second = await client.get(following)
    end = await client.get("/v1/models/plain-vae/samples/4294967290-4294967293.json")
    last = await client.get(end.json()["next"])

    assert first.headers["link"] == f'<{following}>; rel="next"'
    assert "@" in following
    assert [entry["seed"] for entry in second.json()["data"]] == [4, 5, 6, 7]
    assert second.json()["data"][0]["url"].endswith("/samples/4.png?temperature=0.5")
    assert [entry["seed"] for entry in last.json()["data"]] == [4294967294, 4294967295]
    assert "next" not in last.json()
    assert "link" not in last.headers
    for seeds in ("7", "1,2", "1-2,3", "alice"):
        assert "next" not in (await client.get(f"/v1/models/plain-vae/samples/{seeds}.json")).json()


async def test_an_answer_about_one_seed_says_which_in_a_header_that_pages_may_read(client: httpx.AsyncClient) -> None:
    """A name is resolved, a redirect is followed, a 304 still says it; a sheet has no one seed."""
    alice = await client.get("/v1/models/plain-vae/samples/alice.png")
    seed = alice.headers["latent-seed"]
    again = await client.get(f"/v1/models/plain-vae/samples/{seed}.png")
    known = await client.get("/v1/models/plain-vae/samples/alice.png", headers={"If-None-Match": alice.headers["etag"]})
    drawn = await client.get("/v1/models/plain-vae/samples/random.png", follow_redirects=True)

    assert again.content == alice.content
    assert (known.status_code, known.headers["latent-seed"]) == (304, seed)
    assert f'filename="plain-vae-seed{drawn.headers["latent-seed"]}.png"' in drawn.headers["content-disposition"]
    assert "Latent-Seed" in alice.headers["access-control-expose-headers"]
    assert "latent-seed" not in (await client.get("/v1/models/plain-vae/samples/1,2.png")).headers
    assert (await client.get("/v1/models/plain-vae/latents/5.json")).headers["latent-seed"] == "5"
    posted = await client.post("/v1/models/plain-vae/samples", json={"seed": 9, "n": 3})
    assert posted.headers["latent-seed"] == "9"


@pytest.mark.parametrize(
    "path",
    ["samples/8.png", "samples/8.webp", "samples/1-4.zip", "samples/1-4.json", "latents/8.npy", "manifest.png?n=3"],
)
async def test_every_picture_may_be_shown_and_timed_by_any_page_and_asked_for_by_head(
    client: httpx.AsyncClient, path: str
) -> None:
    """The same headers without a body, but for the time that it took."""
    get, head = [await client.request(method, f"/v1/models/plain-vae/{path}") for method in ("GET", "HEAD")]

    assert head.content == b""
    own = ("x-request-id", "server-timing")
    assert {k: v for k, v in head.headers.items() if k not in own} == {
        k: v for k, v in get.headers.items() if k not in own
    }
    assert get.headers["access-control-allow-origin"] == "*"
    assert get.headers["timing-allow-origin"] == "*"
    assert get.headers["cross-origin-resource-policy"] == "cross-origin"
    assert get.headers["x-content-type-options"] == "nosniff"


async def test_the_shortest_address_is_the_default_models_sample(client: httpx.AsyncClient, tiny_store: Path) -> None:
    """`/42.png` is the first VAE's, whose pinned address it names; a setting names another model, and must be right."""
    for path in ("/42.png", "/alice.webp?size=56"):
        short, long = await client.get(path), await client.get(f"/v1/models/plain-vae/samples{path}")
        assert short.content == long.content
        for name in ("etag", "content-location", "cache-control", "content-disposition", "latent-seed"):
            assert short.headers[name] == long.headers[name]
    drawn = await client.get("/random.png")
    assert (drawn.status_code, (await client.get(drawn.headers["location"])).status_code) == (302, 200)
    for name, status in (("tiny-dcgan", 200), ("tiny-gan", 404)):
        app = create_app(Settings(store=tiny_store, default_model=name))
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as other,
        ):
            answer = await other.get("/42.png")
            assert answer.status_code == status
            assert status == 404 or "/tiny-dcgan@" in answer.headers["content-location"]


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
