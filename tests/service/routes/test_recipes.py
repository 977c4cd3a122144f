"""Recipes read back: a picture made here gives its exact latents, and no edited or foreign one is believed."""

import base64
import io
import json
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from models_store.latents import normals
from tests.service.conftest import npy_array, pixels_of

pytestmark = pytest.mark.anyio
MODELS = {"plain-vae": 6, "tiny-vae": 6, "tiny-dcgan": 5}
NPY = {"Accept": "application/x-npy"}


async def encoded(client: httpx.AsyncClient, model: str, *files: bytes, query: str = "") -> list[dict[str, Any]]:
    answer = await client.post(f"/v1/models/{model}/latents{query}", files=[("image", file) for file in files])
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


def with_recipe(picture: bytes, text: str) -> bytes:
    """The picture with another recipe."""
    info, file = PngInfo(), io.BytesIO()
    info.add_itxt("latentserve", text)
    Image.open(io.BytesIO(picture)).save(file, "PNG", pnginfo=info)
    return file.getvalue()


@pytest.mark.parametrize(("model", "dim"), MODELS.items())
@pytest.mark.parametrize(
    "place",
    ["42.png", "42.webp", "42.png?size=56", "42.webp?size=45", "42.png?size=20", "42.png?index=3&temperature=0.7"],
)
async def test_a_sample_gives_back_its_exact_latents(
    client: httpx.AsyncClient, model: str, dim: int, place: str
) -> None:
    """File -> latents -> file, bit for bit, at every size and for a model without an encoder, too."""
    file = (await client.get(f"/v1/models/{model}/samples/{place}")).content
    index, temperature = (3, 0.7) if "index" in place else (0, 1.0)

    entry = (await encoded(client, model, file))[0]

    assert (entry["source"], entry["exact"], entry["reason"]) == ("recipe", True, None)
    expected = normals(42, [index], dim)[0] * np.float32(temperature)
    np.testing.assert_array_equal(np.array(entry["latents"], dtype=np.float32), expected)
    assert (entry["recipe"]["seed"], entry["recipe"]["index"]) == (42, index)


@pytest.mark.parametrize("model", MODELS)
async def test_a_decoded_point_gives_back_itself(client: httpx.AsyncClient, model: str) -> None:
    """By POST the float32 that were sent, by z64 the rounded ones."""
    url, point = f"/v1/models/{model}/images", normals(1, [0], MODELS[model])
    posted = await client.post(url, json={"latents": point.tolist()}, headers={"Accept": "image/webp"})
    z64 = (await client.post(url, json={"latents": point.tolist()})).json()["data"][0]["z64"]
    fetched = await client.get(f"{url}/{z64}.webp")

    exact, rounded = await encoded(client, model, posted.content, fetched.content)

    np.testing.assert_array_equal(np.array(exact["latents"], dtype=np.float32), point[0])
    np.testing.assert_array_equal(np.array(rounded["latents"], dtype=np.float32), point[0].astype(np.float16))
    assert exact["exact"]
    assert rounded["exact"]


@pytest.mark.parametrize("model", MODELS)
async def test_a_downloaded_sample_comes_back_through_npy_as_the_same_pixels(
    client: httpx.AsyncClient, model: str
) -> None:
    """Sample -> file -> latents as npy -> picture."""
    file = (await client.get(f"/v1/models/{model}/samples/42.png")).content
    latents = await client.post(f"/v1/models/{model}/latents", files={"image": file}, headers=NPY)

    back = await client.post(
        f"/v1/models/{model}/images",
        content=latents.content,
        headers={"Content-Type": "application/x-npy", "Accept": "image/png"},
    )

    np.testing.assert_array_equal(pixels_of(back.content), pixels_of(file))


async def test_pictures_with_and_without_recipes_go_together(client: httpx.AsyncClient) -> None:
    """Each row says where it came from; the encoder sees only those that need it, and gives what it gives alone."""
    made = (await client.get("/v1/models/tiny-vae/samples/1.png")).content
    bare = with_recipe((await client.get("/v1/models/tiny-vae/samples/2.png")).content, "")

    together = await encoded(client, "tiny-vae", bare, made, bare)

    assert [entry["source"] for entry in together] == ["posterior", "recipe", "posterior"]
    alone = (await encoded(client, "tiny-vae", bare))[0]
    assert together[0] == together[2] == alone
    array = await client.post("/v1/models/tiny-vae/latents", files=[("image", bare), ("image", made)], headers=NPY)
    np.testing.assert_array_equal(
        npy_array(array.content), np.array([each["latents"] for each in together[:2]], dtype=np.float32)
    )


async def test_who_wants_the_encoder_gets_it(client: httpx.AsyncClient) -> None:
    """recipe=ignore, a draw, or the negative: none of these is what the recipe holds."""
    made = (await client.get("/v1/models/tiny-vae/samples/1.png")).content
    for query in ("?recipe=ignore", "?encode=sample", "?invert=true"):
        entry = (await encoded(client, "tiny-vae", made, query=query))[0]
        assert (entry["source"], entry["exact"]) == ("posterior", False)
        assert entry["recipe"] is None


async def edited(client: httpx.AsyncClient) -> dict[str, bytes]:
    """Pictures that carry a recipe of tiny-vae and are not what it makes."""
    sample = (await client.get("/v1/models/tiny-vae/samples/1.png?size=56")).content
    other = (await client.get("/v1/models/tiny-vae/samples/2.png?size=56")).content
    recipe = Image.open(io.BytesIO(sample)).info["latentserve"]
    levels = pixels_of(sample).copy()
    touched = levels.copy()
    touched[3, 5] ^= 1
    tinted = np.stack([levels, levels, levels], axis=2)
    # Blue moves by one level: the grey that it converts to stays the same.
    tinted[..., 2] ^= 1
    files = {"touched": touched, "tinted": tinted, "cropped": levels[:55], "turned": levels[::-1]}
    pictures = {}
    for name, pixels in files.items():
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        pictures[name] = with_recipe(file.getvalue(), recipe)
    return {**pictures, "swapped": with_recipe(other, recipe)}


async def test_an_edited_picture_is_not_believed(client: httpx.AsyncClient) -> None:
    """One level of one pixel, a tint that greys alike, a crop, a turn, or another picture under the recipe."""
    for name, file in (await edited(client)).items():
        entry = (await encoded(client, "tiny-vae", file))[0]
        assert (entry["source"], entry["exact"]) == ("posterior", False), name
        assert "pixels" in entry["reason"]
        refused = await client.post("/v1/models/tiny-dcgan/latents", files={"image": file})
        assert refused.status_code == 422


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/v1/models/plain-vae/samples/1.png", "plain-vae@"),
        ("/v1/models/tiny-vae/samples/1-4.png", "not of one image"),
        ("/v1/models/tiny-vae/manifold.png?n=2", "manifold"),
        ("/v1/models/tiny-vae/interpolations/1,2.strip.png", "interpolations"),
    ],
)
async def test_a_recipe_of_something_else_says_what_it_is_of(client: httpx.AsyncClient, path: str, reason: str) -> None:
    """Another model, or more than one image: the encoder looks at the pixels."""
    entry = (await encoded(client, "tiny-vae", (await client.get(path)).content))[0]

    assert (entry["source"], entry["exact"]) == ("posterior", False)
    assert reason in entry["reason"]


async def test_a_model_without_an_encoder_says_why_the_recipe_would_not_do(client: httpx.AsyncClient) -> None:
    """422 with the picture, the reason, the remedy and the models that can encode."""
    made = (await client.get("/v1/models/tiny-dcgan/samples/1.png")).content
    foreign = (await client.get("/v1/models/plain-vae/samples/1.png")).content

    answer = await client.post("/v1/models/tiny-dcgan/latents", files=[("image", made), ("image", foreign)])

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "capability_not_supported")
    assert "picture 1: its recipe is of plain-vae@" in problem["detail"]
    assert "tiny-dcgan@" in problem["hint"]
    assert problem["supported_by"] == ["plain-vae", "tiny-vae"]
    ignored = await client.post("/v1/models/tiny-dcgan/latents?recipe=ignore", files={"image": made})
    assert ignored.status_code == 422


async def test_hostile_recipes_never_fail_the_server(client: httpx.AsyncClient) -> None:
    """Whatever the text says, the pixels are encoded and the reason given; a true recipe is read all the same."""
    sample = (await client.get("/v1/models/tiny-vae/samples/1.png")).content
    digest = json.loads(Image.open(io.BytesIO(sample)).info["latentserve"])["digest"]
    ours = {"resource": "samples", "model": "tiny-vae", "digest": digest, "seed": 1, "index": 0, "temperature": 1.0}
    point = {"resource": "images", "model": "tiny-vae", "digest": digest}
    far, endless = np.full(6, 999, "<f4").tobytes(), np.full(6, np.inf, "<f4").tobytes()
    changes: list[dict[str, Any]] = [
        {"seed": -1}, {"seed": 2**32}, {"seed": "1"}, {"seed": True}, {"seed": None}, {"index": 2**32},
        {"temperature": 1e300}, {"temperature": -1}, {"size": 10**9}, {"size": 7}, {"label": "x"}, {"label": 3},
        {"resource": ["samples"]}, {"resource": {}}, {"resource": "images"}, {"digest": [digest]}, {"more": 1},
        {"resource": "interpolations", "at": 0.5}, {"draws": [[1, 0]]}, {"model": 5}, {"digest": digest[:8]},
    ]  # fmt: skip
    texts = [
        "", "{", "[]", "null", '{"a":' * 5000, '{"digest": 1, "digest": 1}', "x" * 70_000, '"\\ud800"',
        *(json.dumps({**ours, **change}) for change in changes),
        *(json.dumps({**point, "latents": text}) for text in (
            "", "!", "AAAA", "A" * 60_000, base64.b64encode(endless).decode(), base64.b64encode(far).decode(), 5, None,
        )),
    ]  # fmt: skip
    for text in texts:
        file = with_recipe(sample, text)
        entry = (await encoded(client, "tiny-vae", file))[0]
        assert (entry["source"], entry["exact"]) == ("posterior", False), text[:80]
        assert entry["reason"]
        assert len(entry["reason"]) < 300
        assert (await client.post("/v1/models/tiny-dcgan/latents", files={"image": file})).status_code == 422
    assert (await encoded(client, "tiny-vae", with_recipe(sample, json.dumps(ours))))[0]["exact"]


async def test_scores_and_reconstructions_are_about_pixels(client: httpx.AsyncClient) -> None:
    """A recipe changes nothing there."""
    made = (await client.get("/v1/models/tiny-vae/samples/1.png")).content
    bare = with_recipe(made, "")
    for resource in ("scores", "reconstructions"):
        answers = [
            (await client.post(f"/v1/models/tiny-vae/{resource}", files={"image": file})).json()["data"]
            for file in (made, bare)
        ]
        assert answers[0] == answers[1]
