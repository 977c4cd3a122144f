"""The pictures everyone expects of a latent space: the manifold, and traversals ranked by what they change."""

import asyncio
import base64
import io

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image

from service.engine.activity import probes, variances
from service.engine.engine import Engine
from tests.service.conftest import npy_array, pixels_of

pytestmark = pytest.mark.anyio
BASE = "/v1/models/plain-vae"


async def test_a_manifold_is_a_grid_of_quantiles(client: httpx.AsyncClient) -> None:
    """Its middle image is that of the origin, and WebP shows what PNG shows."""
    grid = pixels_of((await client.get(f"{BASE}/manifold.png?n=3")).content)
    webp = (await client.get(f"{BASE}/manifold.webp?n=3")).content
    origin = pixels_of((await client.get(f"{BASE}/samples/1.png?temperature=0")).content)

    assert grid.shape == (84, 84)
    np.testing.assert_array_equal(grid[28:56, 28:56], origin)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(webp)).convert("L")), grid)


async def test_the_json_of_a_manifold_says_where_its_images_lie(client: httpx.AsyncClient) -> None:
    """The quantiles are symmetric, and the first dimension goes to the right, the second up."""
    listed = (await client.get(f"{BASE}/manifold.json?n=16")).json()

    quantiles = np.array(listed["quantiles"])
    np.testing.assert_allclose(quantiles, -quantiles[::-1])
    assert [(each["row"], each["column"]) for each in listed["data"]] == [divmod(place, 16) for place in range(256)]
    right_top = (await client.get(listed["data"][15]["url"].replace(".png", ".json"))).json()
    assert right_top["data"][0]["z64"] == listed["data"][15]["z64"]
    point = np.frombuffer(decoded(listed["data"][15]["z64"]), dtype="<f2")
    np.testing.assert_allclose(point[:2], quantiles[[-1, -1]], rtol=1e-3)
    assert not point[2:].any()


def decoded(z64: str) -> bytes:
    """The bytes of a z64."""
    return base64.urlsafe_b64decode(z64 + "=" * (-len(z64) % 4))


async def test_a_traversal_has_a_row_a_dimension(client: httpx.AsyncClient) -> None:
    """No more rows than the model has dimensions."""
    picture = pixels_of((await client.get("/v1/models/tiny-dcgan/traversals/4.png?dimensions=8&steps=3&gap=0")).content)

    assert picture.shape == (5 * 28, 3 * 28)


async def test_the_rows_of_a_traversal_are_ranked_by_what_they_change(client: httpx.AsyncClient) -> None:
    """The variances fall, every dimension comes once, and each row is the seed's point with that one moved."""
    own = (await client.get(f"{BASE}/latents/4.json")).json()["data"][0]["latents"]

    rows = (await client.get(f"{BASE}/traversals/4.json?steps=7")).json()["data"]

    assert sorted(row["dimension"] for row in rows) == list(range(6))
    assert [row["variance"] for row in rows] == sorted((row["variance"] for row in rows), reverse=True)
    for row in rows:
        assert row["value"] == pytest.approx(own[row["dimension"]])
        assert [frame["value"] for frame in row["frames"]] == list(np.linspace(-3, 3, 7))
        for frame in row["frames"]:
            wanted = np.array(own)
            wanted[row["dimension"]] = frame["value"]
            point = np.frombuffer(decoded(frame["z64"]), dtype="<f2")
            np.testing.assert_allclose(point, wanted, rtol=2e-3, atol=1e-4)


async def test_picture_and_json_of_a_traversal_agree(client: httpx.AsyncClient) -> None:
    """The first row of the picture is the decoded points of the first entry."""
    picture = pixels_of((await client.get(f"{BASE}/traversals/4.png?steps=5&gap=0&dimensions=1")).content)
    row = (await client.get(f"{BASE}/traversals/4.json?steps=5&dimensions=1")).json()["data"][0]
    point = np.array((await client.get(f"{BASE}/latents/4.json")).json()["data"][0]["latents"])
    points = np.tile(point, (5, 1))
    points[:, row["dimension"]] = np.linspace(-3, 3, 5)

    answer = await client.post(
        f"{BASE}/images", json={"latents": points.tolist()}, headers={"Accept": "application/x-npy"}
    )

    np.testing.assert_array_equal(picture, np.concatenate(list(npy_array(answer.content)[..., 0]), axis=1))


@pytest.mark.parametrize(
    "path",
    [
        "traversals/4.png?dimensions=65",
        "traversals/4.png?steps=1",
        "traversals/1,2.png",
        "traversals/4.gif",
        "manifold.png?n=1",
        "manifold.gif",
        "manifold.webp?n=32&size=112",
    ],
)
async def test_what_would_be_no_map_is_refused(client: httpx.AsyncClient, path: str) -> None:
    """Out of range, of no such form, or too much together."""
    assert (await client.get(f"{BASE}/{path}")).status_code == 422


@pytest.mark.parametrize("dim", [1, 5, 300])
def test_activity_is_the_variance_that_a_latent_alone_makes(dim: int) -> None:
    """For a linear decoder that is the mean square of its column, to the rounding; an ignored latent has none."""
    weights = np.random.default_rng(dim).normal(size=(dim, 12)).astype(np.float32)
    weights[0] = 0

    images = (probes(dim) @ weights).reshape(-1, 3, 2, 2)

    np.testing.assert_allclose(variances(images, dim), np.square(weights).mean(axis=1), rtol=1e-3, atol=1e-9)


async def test_the_ranking_is_made_once_for_all_who_ask(app: FastAPI) -> None:
    """Two at once share it, and who leaves does not take it along."""
    engine: Engine = app.state.engine
    model = engine.catalog["tiny-dcgan"]
    engine._activities.clear()

    leaving = asyncio.ensure_future(engine.activity(model))
    await asyncio.sleep(0)
    staying = asyncio.ensure_future(engine.activity(model))
    await asyncio.sleep(0)
    leaving.cancel()

    assert (await staying).shape == (5,)
    assert await engine.activity(model) is await staying
    assert len(engine._activities) == 1
