"""Labels over HTTP: a conditional model gives the class that is asked for, and others say that they cannot."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from models_store import Card, write_checkpoint
from service.app import create_app
from service.settings import Settings
from tests.conftest import tiny_dcgan, tiny_vae
from tests.service.conftest import npy_array

pytestmark = pytest.mark.anyio
LABELS = ["Sneaker", "T-shirt/top", "アンクルブーツ"]
MODEL = "/v1/models/choosy"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A service of `choosy`, whose last three latents choose a class, `digits` with classes 1 and 0, and a VAE."""
    write_checkpoint(tmp_path, "choosy", tiny_dcgan(), Card(summary="conditional", labels=LABELS))
    write_checkpoint(tmp_path, "digits", tiny_dcgan(), Card(summary="conditional", labels=["1", "0"]))
    write_checkpoint(tmp_path, "free", tiny_vae(), Card(summary="unconditional"))
    app = create_app(Settings(store=tmp_path))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client,
    ):
        yield client


async def latents(client: httpx.AsyncClient, path: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return npy_array(answer.content)


@pytest.mark.parametrize("number", range(3))
async def test_every_seed_has_an_image_of_every_class(client: httpx.AsyncClient, number: int) -> None:
    """By name, by number and in any case: the same latents, a permutation of the seed's own, with that argmax."""
    by_number = await latents(client, f"{MODEL}/latents/0-99.npy?label={number}")
    for name in (LABELS[number], LABELS[number].upper()):
        np.testing.assert_array_equal(await latents(client, f"{MODEL}/latents/0-99.npy?label={name}"), by_number)
    free = await latents(client, f"{MODEL}/latents/0-99.npy")

    assert (by_number[:, -3:].argmax(axis=1) == number).all()
    np.testing.assert_array_equal(np.sort(by_number), np.sort(free))
    np.testing.assert_array_equal(by_number[:, :-3], free[:, :-3])


async def test_the_label_is_part_of_the_picture_its_address_its_etag_and_its_recipe(client: httpx.AsyncClient) -> None:
    """Number and name are one resource; another class is another; file -> latents is exact."""
    url = f"{MODEL}/samples/5"
    first, same, other = [await client.get(f"{url}.png?label={each}") for each in (0, "sneaker", 1)]
    listed = (await client.get(f"{url}.json?label=1")).json()["data"][0]
    posted = await client.post(f"{MODEL}/samples", json={"seed": 5, "label": 1}, headers={"Accept": "image/png"})
    read = (await client.post(f"{MODEL}/latents", files={"image": other.content})).json()["data"][0]

    assert first.headers["etag"] == same.headers["etag"]
    assert first.content == same.content
    assert len({each.headers["etag"] for each in (first, other, await client.get(f"{url}.png"))}) == 3
    assert (await client.get(listed["url"])).content == other.content == posted.content
    assert (read["exact"], read["recipe"]["label"]) == (True, "T-shirt/top")
    np.testing.assert_array_equal(
        np.array(read["latents"], dtype=np.float32), (await latents(client, f"{MODEL}/latents/5.npy?label=1"))[0]
    )


async def test_a_class_named_by_a_number_is_found_by_its_name_first(client: httpx.AsyncClient) -> None:
    """Of the classes "1" and "0", label=1 is the first."""
    found = await latents(client, "/v1/models/digits/latents/0-9.npy?label=1")

    assert (found[:, -2:].argmax(axis=1) == 0).all()


async def test_cards_show_labels(client: httpx.AsyncClient) -> None:
    """In order; none for a model without."""
    assert (await client.get(MODEL)).json()["labels"] == LABELS
    assert (await client.get("/v1/models/free")).json()["labels"] == []


@pytest.mark.parametrize(
    ("label", "hint"), [("Sneeker", "'Sneaker'"), ("3", "0 to 2"), ("-1", "0 to 2"), ("", "0 to 2")]
)
async def test_an_unknown_label_is_refused_with_those_that_are_known(
    client: httpx.AsyncClient, label: str, hint: str
) -> None:
    """The nearest, and the list."""
    for path in (f"{MODEL}/samples/1.png", f"{MODEL}/latents/1.json"):
        problem = (await client.get(path, params={"label": label})).json()
        assert (problem["status"], problem["code"]) == (422, "invalid_parameter")
        assert problem["allowed"] == LABELS
        assert hint in problem["hint"]


async def test_a_model_without_labels_names_those_that_have_them(client: httpx.AsyncClient) -> None:
    """422 capability_not_supported, by GET and by POST."""
    answers = [
        await client.get("/v1/models/free/samples/1.png?label=0"),
        await client.get("/v1/models/free/latents/1.json?label=0"),
        await client.post("/v1/models/free/samples", json={"label": "Sneaker"}),
    ]

    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (422, "capability_not_supported")
        assert answer.json()["supported_by"] == ["choosy", "digits"]


async def test_without_any_spread_there_is_no_class(client: httpx.AsyncClient) -> None:
    """At temperature 0 all coordinates are equal: the label is refused rather than ignored."""
    answer = await client.get(f"{MODEL}/samples/1.png?label=1&temperature=0")

    assert answer.status_code == 422
    assert "temperature 0" in answer.json()["detail"]
    assert (await client.get(f"{MODEL}/samples/1.png?label=1&temperature=0.01")).status_code == 200


@pytest.mark.parametrize("label", [True, 1.0, ["Sneaker"], {"name": "Sneaker"}, "x" * 300, 10**400])
async def test_a_label_of_another_type_is_refused(client: httpx.AsyncClient, label: object) -> None:
    """Only a text or a whole number is one."""
    content = json.dumps({"label": label})
    answer = await client.post(f"{MODEL}/samples", content=content, headers={"Content-Type": "application/json"})

    assert answer.status_code in (400, 422)


async def test_paths_and_tiles_stay_within_a_class(client: httpx.AsyncClient) -> None:
    """Between latents of one class lie latents of that class: number and name are one path and one tile."""
    for base in (f"{MODEL}/interpolations/1,2,3.{{}}", f"{MODEL}/tiles/4/3/-2.{{}}"):
        numbered, named = [await client.get(base.format("png") + f"?label={label}") for label in (2, LABELS[2])]
        free = await client.get(base.format("png"))
        assert numbered.content == named.content != free.content
        assert numbered.headers["etag"] == named.headers["etag"] != free.headers["etag"]
        for entry in (await client.get(base.format("json") + "?label=2")).json()["data"]:
            text = entry["z64"]
            point = np.frombuffer(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), dtype="<f2")
            assert point[-3:].argmax() == 2
    posted = await client.post(
        f"{MODEL}/interpolations", json={"seeds": [1, 2, 3], "label": 2}, headers={"Accept": "application/x-npy"}
    )
    assert posted.content == (await client.get(f"{MODEL}/interpolations/1,2,3.npy?label=2")).content
    frame = (await client.get(f"{MODEL}/interpolations/1,2,3.png?label=2&at=0.4")).content
    found = (await client.post(f"{MODEL}/latents", files={"image": frame})).json()["data"][0]
    assert found["exact"]
