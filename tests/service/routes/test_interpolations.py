"""Interpolations and the pictures of a latent space over HTTP."""

import io

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.service.conftest import npy_array, pixels_of

pytestmark = pytest.mark.anyio
BASE = "/v1/models/plain-vae/interpolations"


async def test_a_path_begins_and_ends_at_its_seeds(client: httpx.AsyncClient) -> None:
    """Its key frames are the samples of the seeds, to the byte."""
    samples = npy_array((await client.get("/v1/models/plain-vae/samples/3,9,5.npy")).content)

    frames = npy_array((await client.get(f"{BASE}/3,9,5.npy?steps=4")).content)

    assert frames.shape == (9, 28, 28, 1)
    np.testing.assert_array_equal(frames[[0, 4, 8]], samples)


async def test_strip_animation_json_and_single_frames_agree(client: httpx.AsyncClient) -> None:
    """All forms show the same frames."""
    query = "?steps=4&loop=true"
    frames = npy_array((await client.get(f"{BASE}/3,9.npy{query}")).content)

    strip = pixels_of((await client.get(f"{BASE}/3,9.strip.png{query}")).content)
    animation = Image.open(io.BytesIO((await client.get(f"{BASE}/3,9.webp{query}&fps=10")).content))
    frame = pixels_of((await client.get(f"{BASE}/3,9.png{query}&at=0.25")).content)
    entries = (await client.get(f"{BASE}/3,9.json{query}")).json()["data"]

    assert frames.shape == (8, 28, 28, 1)
    np.testing.assert_array_equal(strip, np.concatenate(list(frames[..., 0]), axis=1))
    assert animation.n_frames == 8  # type: ignore[attr-defined]  # an animation has it
    np.testing.assert_array_equal(frame, frames[2, :, :, 0])
    assert [entry["t"] for entry in entries] == [number / 8 for number in range(8)]


async def test_points_of_the_caller_are_interpolated_too(client: httpx.AsyncClient) -> None:
    """A path between posted latents is the path between the seeds they came from."""
    entries = (await client.get("/v1/models/plain-vae/latents/3,9.json")).json()["data"]
    wanted = (await client.get(f"{BASE}/3,9.npy?steps=3&method=lerp")).content

    answers = [
        await client.post(BASE, json={**points, "steps": 3, "method": "lerp"}, headers={"Accept": "application/x-npy"})
        for points in ({"latents": [entry["latents"] for entry in entries]}, {"seeds": [3, 9]}, {"seeds": "3,9"})
    ]

    assert [answer.content for answer in answers] == [wanted] * 3


@pytest.mark.parametrize(
    "path",
    [
        "3.webp",
        f"{','.join('1' * 17)}.webp",
        "1,2.webp?steps=1",
        "1,2.webp?steps=257",
        "1,2.webp?method=cubic",
        "1,2.png?at=1.5",
        "1,2.png?at=nan",
        "1,2.webp?fps=0",
        "1,2,3.webp?steps=256&size=1024",
        "1,2.gif",
    ],
)
async def test_a_path_that_cannot_be_made_is_refused(client: httpx.AsyncClient, path: str) -> None:
    """Too few or many points, steps out of range, and what is allowed singly but costs too much together."""
    answer = await client.get(f"{BASE}/{path}")

    assert answer.status_code == 422
    assert answer.json()["code"] in ("invalid_parameter", "request_too_costly")


async def test_a_manifold_is_a_grid_of_quantiles(client: httpx.AsyncClient) -> None:
    """Its middle tile is the image of the origin."""
    grid = pixels_of((await client.get("/v1/models/plain-vae/manifold.png?n=3")).content)
    origin = pixels_of((await client.get("/v1/models/plain-vae/samples/1.png?temperature=0")).content)

    assert grid.shape == (84, 84)
    np.testing.assert_array_equal(grid[28:56, 28:56], origin)


async def test_a_traversal_has_a_row_a_dimension(client: httpx.AsyncClient) -> None:
    """No more rows than the model has dimensions."""
    picture = pixels_of((await client.get("/v1/models/tiny-dcgan/traversals/4.png?dimensions=8&steps=3&gap=0")).content)

    assert picture.shape == (5 * 28, 3 * 28)
