"""The tiles of the seed plane: one point, one image, whichever tile shows it."""

from typing import Any

import httpx
import numpy as np
import pytest

from service.routes.points import encode_z64
from tests.service.conftest import pixels_of

pytestmark = pytest.mark.anyio
BASE = "/v1/models/plain-vae"
CELL, MARGIN = 32, 2
"""Images of 28 pixels stand in the middle of cells of 32."""


async def tile_of(
    client: httpx.AsyncClient, zoom: int, x: int, y: int, query: str = ""
) -> dict[tuple[float, float], Any]:
    """The images of a tile by their places on the plane: levels (28, 28), and what JSON says of each."""
    picture = pixels_of((await client.get(f"{BASE}/tiles/{zoom}/{x}/{y}.png{query}")).content)
    listed = (await client.get(f"{BASE}/tiles/{zoom}/{x}/{y}.json{query}")).json()
    assert picture.shape == (256, 256)
    found = {}
    for entry in listed["data"]:
        top, left = entry["row"] * CELL + MARGIN, entry["column"] * CELL + MARGIN
        found[entry["x"], entry["y"]] = (picture[top : top + 28, left : left + 28], entry)
    return found


async def test_at_zoom_0_a_tile_shows_seeds(client: httpx.AsyncClient) -> None:
    """Column i, row j: image j of seed i, to the byte; left of and above the origin the last of them."""
    tiles = {**await tile_of(client, 0, 0, 0), **await tile_of(client, 0, -1, -1)}

    assert len(tiles) == 128
    for (x, y), seed, index in (((3, 0), 3, 0), ((7, 5), 7, 5), ((-1, -8), 2**32 - 1, 2**32 - 8)):
        levels, entry = tiles[x, y]
        sample = await client.get(f"{BASE}/samples/{seed}.png?index={index}")
        np.testing.assert_array_equal(levels, pixels_of(sample.content))
        assert (entry["seed"], entry["index"]) == (seed, index)
        assert (await client.get(entry["url"])).content == sample.content
        latents = (await client.get(f"{BASE}/latents/{seed}.json?index={index}")).json()["data"][0]
        assert entry["z64"] == latents["z64"]


@pytest.mark.parametrize("query", ["", "?temperature=0.5"])
async def test_the_same_point_has_the_same_image_in_every_tile(client: httpx.AsyncClient, query: str) -> None:
    """Tiles of all zooms around the lattice point (0, 0) and the blend (-½, 0), wherever they overlap."""
    seen: dict[tuple[float, float], Any] = {}
    shared = 0
    for zoom in range(7):
        for x, y in ((0, 0), (-1, 0)):
            for place, (levels, entry) in (await tile_of(client, zoom, x, y, query)).items():
                if place in seen:
                    np.testing.assert_array_equal(levels, seen[place][0], err_msg=f"{place} at zoom {zoom}")
                    assert entry["z64"] == seen[place][1]["z64"]
                    shared += 1
                seen[place] = (levels, entry)
    assert {(0.0, 0.0), (-0.5, 0.0)} <= seen.keys()
    assert shared > 100


async def test_between_lattice_points_neighbours_are_blended(client: httpx.AsyncClient) -> None:
    """In the middle of a cell the mean of four latents, made twice as long."""
    _, entry = (await tile_of(client, 3, 4, 2))[4.5, 2.5]
    around = [
        (await client.get(f"{BASE}/latents/{seed}.json?index={index}")).json() for seed in (4, 5) for index in (2, 3)
    ]

    middle = np.sum([each["data"][0]["latents"] for each in around], axis=0) / 2

    assert entry["z64"] == encode_z64(middle.astype(np.float32))
    assert "seed" not in entry


async def test_images_of_neighbouring_tiles_lie_side_by_side(client: httpx.AsyncClient) -> None:
    """A tile ends where the next begins, and each zoom halves what a tile spans."""
    for zoom, span in ((0, 8), (3, 1), (6, 0.125)):
        columns = sorted({x for x, _ in [*await tile_of(client, zoom, 5, 0), *await tile_of(client, zoom, 6, 0)]})
        np.testing.assert_array_equal(columns, 5 * span + np.arange(16) * span / 8)


async def test_a_tile_is_a_file_that_may_be_kept(client: httpx.AsyncClient) -> None:
    """Immutable where pinned; 304 for who has it; HEAD has no body."""
    pinned = (await client.get(BASE)).json()["pinned"]
    address = f"/v1/models/{pinned}/tiles/2/-3/1.png"

    answer = await client.get(address)

    assert "immutable" in answer.headers["cache-control"]
    assert (await client.get(address, headers={"If-None-Match": answer.headers["etag"]})).status_code == 304
    head = await client.head(address)
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", answer.headers["etag"])
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("0/131071/-131072.json", 200),
        ("6/8388607/-8388608.json", 200),
        ("0/131072/0.png", 422),
        ("0/0/-131073.png", 422),
        ("6/8388608/0.png", 422),
        ("7/0/0.png", 422),
        ("-1/0/0.png", 422),
        ("0/x/0.png", 422),
        ("0/0.5/0.png", 422),
        (f"0/{'9' * 5000}/0.png", 422),
        ("0/0/0.webp", 422),
        ("0/0/0.png?temperature=3", 422),
        ("0/0/0.png?label=1", 422),
        ("0/0/0.png?size=56", 422),
    ],
)
async def test_the_plane_has_an_end_and_says_where(client: httpx.AsyncClient, path: str, status: int) -> None:
    """2^20 lattice points to each side; nothing beyond them is made."""
    answer = await client.get(f"{BASE}/tiles/{path}")

    assert answer.status_code == status
    assert len(answer.content) < 30_000
