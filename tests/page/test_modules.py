"""The page's own arithmetic against the server's: one seed has one image on both sides."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.async_api import Browser

from models_store.latents import normals, with_label
from models_store.paths import slerp
from models_store.plane import blend, draw_at, neighbours
from service.media.tiles import map_columns
from service.routes.points import encode_z64

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def evaluate(browser: Browser, server: str) -> AsyncIterator[Any]:
    """Runs a function body in a page where the modules can be imported; `s` is that of spaces."""
    page = await browser.new_page()
    await page.goto(f"{server}/healthz")

    async def run(module: str, body: str, argument: Any = None) -> Any:
        script = f"async (given) => {{ const [m, s] = await Promise.all({[module, 'space']!r}.map("
        script += f"name => import(`/page/model/${{name}}.js`))); {body} }}"
        return await page.evaluate(script, argument)

    yield run
    await page.close()


@pytest.mark.parametrize(("seed", "index", "dim"), [(0, 0, 1), (42, 0, 40), (2**32 - 1, 7, 101), (77, 2**32 - 1, 784)])
async def test_the_page_draws_the_latents_of_a_seed_as_the_server_does(
    evaluate: Any, seed: int, index: int, dim: int
) -> None:
    """Philox bit for bit; sine and cosine of another library may differ in the last bit."""
    drawn = await evaluate("philox", "return [...m.latentsOf(given[0], given[1], given[2])]", [seed, dim, index])

    assert np.allclose(drawn, normals(seed, [index], dim)[0], rtol=0, atol=1e-6)


async def test_z64_of_the_page_is_that_of_the_server_and_reads_back(evaluate: Any) -> None:
    """Over all magnitudes of float16, subnormal ones and both zeros too."""
    values = np.concatenate([normals(3, [0], 200)[0], normals(4, [0], 100)[0] * np.float32(1e-7), [0, -0.0, 1000, -1]])
    given = [float(value) for value in values.astype(np.float32)]

    z64 = await evaluate("latents", "return m.encodeZ64(Float32Array.from(given))", given)
    back = await evaluate("latents", "return [...m.decodeZ64(given)]", z64)

    assert z64 == encode_z64(values.astype(np.float32))
    assert back == values.astype(np.float32).astype(np.float16).astype(float).tolist()


async def test_the_page_walks_the_same_great_circle(evaluate: Any) -> None:
    """Ends, middle and between."""
    start, end = normals(1, [0], 40)[0], normals(2, [0], 40)[0]
    fractions = np.array([0.0, 0.25, 0.5, 1.0])
    body = """const [a, b] = given.map(each => Float32Array.from(each));
      return [0, .25, .5, 1].map(t => [...m.slerp(a, b, t)]);"""
    walked = await evaluate("latents", body, [start.tolist(), end.tolist()])

    assert np.allclose(walked, slerp(start, end, fractions), atol=1e-5)


@pytest.mark.parametrize(("x", "y"), [(42.5, 0.5), (3.25, -1.0), (-0.75, 2.1), (7.0, 3.0)])
async def test_the_page_blends_the_seed_plane_as_the_tiles_do(evaluate: Any, x: float, y: float) -> None:
    """The point under the finger is the point of the picture on the map."""
    around = neighbours(x, y)
    rows = [normals(seed, [index], 12)[0] for seed, index in map(draw_at, around)]

    z64 = await evaluate("seed-plane", "return m.pointOn(given[0], given[1], new s.Space({ latent_dim: 12 }))", [x, y])

    there = np.frombuffer(_bytes(z64), dtype="<f2").astype(np.float32)
    assert np.allclose(there, blend(np.stack(rows), list(around.values())), atol=2e-3)


@pytest.mark.parametrize("side", [8, 28, 32, 33, 64, 100, 200, 300])
async def test_the_page_knows_how_many_images_lie_along_a_tile(evaluate: Any, side: int) -> None:
    """Of a model of any size."""
    card = {"image": {"width": side, "height": side}}

    assert await evaluate("seed-plane", "return new m.SeedPlane({ card: given }).images", card) == map_columns(
        side, side
    )


async def test_a_seed_on_the_plane_is_that_seed(evaluate: Any) -> None:
    """Row 0 is the seeds themselves, which are exact."""
    body = "const space = new s.Space({ latent_dim: 40 }); return [m.pointOn(42, 0, space), m.pointOn(0, 0, space)]"
    assert await evaluate("seed-plane", body) == [42, 0]


@pytest.mark.parametrize("label", range(3))
async def test_the_page_draws_a_seed_of_a_class_as_the_server_does(evaluate: Any, label: int) -> None:
    """The largest of the last latents goes to the class, by a swap; a name that is none changes nothing."""
    classes = ["Sneaker", "T-shirt/top", "アンクルブーツ"]
    body = """const card = { latent_dim: 12, labels: given[0] };
      return [...Array(20).keys()].flatMap(seed => given[1].map(name => [...new s.Space(card, name).draw(seed)]));"""
    drawn = await evaluate("space", body, [classes, [classes[label], "Sneeker"]])

    free = np.concatenate([normals(seed, [0], 12) for seed in range(20)])
    assert np.allclose(drawn[::2], with_label(free, label, 3), atol=1e-6)
    assert np.allclose(drawn[1::2], free, atol=1e-6)


async def test_the_page_finds_the_tiles_quantiles(evaluate: Any, server: str) -> None:
    """Columns of the map lie where the server puts them, so the dot lies on its picture."""
    quantiles = httpx.get(f"{server}/v1/models/fashion-vae-2d/manifold.json?n=16").json()["quantiles"]

    found = await evaluate("latents", "return Array.from({ length: 16 }, (_, i) => m.quantile((i + .5) / 16))")
    back = await evaluate("latents", "return given.map(m.share)", quantiles)

    assert np.allclose(found, quantiles, atol=1e-5)
    assert np.allclose(back, (np.arange(16) + 0.5) / 16, atol=1e-6)


async def test_an_address_of_the_page_reads_back_to_what_it_shows(evaluate: Any) -> None:
    """Every part of the state, changed, survives the way through the hash; what is usual is not said."""
    body = """
      const first = m.start("fashion-vae-2d");
      const changed = { model: "fashion-vae", label: "T-shirt/top & ＋",
        at: "0.4,-1.1", a: "7", b: "z.w7s1Mg", frame: 3, method: "lerp", from: 32,
        like: "9", plane: "directions", score: "4", hide: ["score", "why"] };
      return [changed, m.parse(m.format(changed, first), first), m.format(first, first)];"""

    changed, read, usual = await evaluate("state", body)

    assert read == changed
    assert usual == "#model=fashion-vae-2d"


@pytest.mark.parametrize("text", ["", "-1", "4294967296", "1e3", "z.!", "1,2,3", "<b>", "z.AHw"])
async def test_what_is_no_point_is_none(evaluate: Any, text: str) -> None:
    """Addresses are typed and sent by people; z.AHw is an infinity."""
    assert await evaluate("points", "return m.plain(given)", text) is None


def _bytes(z64: str) -> bytes:
    return base64.urlsafe_b64decode(z64 + "=" * (-len(z64) % 4))
