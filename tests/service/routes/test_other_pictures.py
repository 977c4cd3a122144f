"""Models of colour and of pictures on white: nothing in the service is made for grey clothes on black alone."""

from pathlib import Path

import httpx
import numpy as np
import pytest

from models_store import Card, write_checkpoint
from service.app import create_app
from service.settings import Settings
from tests.conftest import tiny_vae
from tests.service.conftest import npy_array, picture_file, pixels_of

pytestmark = pytest.mark.anyio
MODEL = "/v1/models/colour"


async def test_a_colour_model_is_served_like_any_other(tmp_path: Path) -> None:
    """RGB pictures, sheets and arrays; scores in the 8-bit domain, which need no noise for the data; a percentile."""
    network = tiny_vae(channels=3, image_size=32, likelihood="logistic", prior="normal")
    quantiles = [float(number) for number in range(-101_000, 0, 1000)]
    write_checkpoint(tmp_path, "colour", network, Card(summary="", metrics={"elbo": {"quantiles": quantiles}}))
    app = create_app(Settings(store=tmp_path))

    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client,
    ):
        single = (await client.get(f"{MODEL}/samples/2.png")).content
        sheet = pixels_of((await client.get(f"{MODEL}/samples/1-2.png?gap=0")).content)
        array = npy_array((await client.get(f"{MODEL}/samples/1-2.npy?size=48")).content)
        pictures = [("image", single)]
        scores = (await client.post(f"{MODEL}/scores?binarize=threshold", files=pictures)).json()
        pairs = await client.post(f"{MODEL}/reconstructions", files=pictures, headers={"Accept": "image/png"})

    np.testing.assert_array_equal(sheet[:, 32:], pixels_of(single))
    assert array.shape == (2, 48, 48, 3)
    assert scores["domain"] == "8-bit"
    assert scores["brought_into_domain"].startswith("8-bit")
    assert 0 <= scores["data"][0]["percentile"] <= 100
    assert scores["data"][0]["steps"] == []
    np.testing.assert_array_equal(pixels_of(pairs.content)[:, :32], pixels_of(single))


@pytest.mark.parametrize(("border", "inverted"), [(0.98, False), (0.02, True), (None, True), ("much", True)])
async def test_a_picture_on_white_is_inverted_only_for_models_of_pictures_on_black(
    tmp_path: Path, border: object, inverted: bool
) -> None:
    """The card tells on what ground the training pictures lay; one that does not is taken for black."""
    card = Card(summary="", data={} if border is None else {"border": border})
    write_checkpoint(tmp_path, "own", tiny_vae(prior="normal"), card)
    paper = np.full((56, 56), 255, dtype=np.uint8)
    paper[20:36, 20:36] = 0
    app = create_app(Settings(store=tmp_path))

    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client,
    ):
        scored = await client.post("/v1/models/own/scores", files=[("image", picture_file(paper))])

    assert ("inverted" in scored.json()["data"][0]["steps"]) == inverted
