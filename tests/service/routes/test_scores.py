"""Scores of points of the latent space; those of pictures are in tests/service/engine and tests/test_shipped.py."""

import httpx
import numpy as np
import pytest

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("name", ["tiny-vae", "plain-vae", "tiny-dcgan"])
async def test_a_point_is_scored_by_the_density_of_the_prior(client: httpx.AsyncClient, name: str) -> None:
    """Log N(z; 0, I) in nats, the same number that the latents of a seed come with."""
    seeded = (await client.get(f"/v1/models/{name}/latents/1,2,77.json")).json()["data"]
    points = np.array([entry["latents"] for entry in seeded])

    answer = await client.post(f"/v1/models/{name}/scores", json={"latents": points.tolist()})

    scored = [entry["log_prior"] for entry in answer.json()["data"]]
    closed_form = -0.5 * (np.square(points).sum(1) + points.shape[1] * np.log(2 * np.pi))
    np.testing.assert_allclose(scored, closed_form, rtol=1e-6)
    assert scored == [entry["log_prior"] for entry in seeded]
    assert answer.json()["units"] == "nats"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"latents": [[1.0, 2.0]]}, "dimensions"),
        ({"latents": []}, "latents"),
        ({"latents": [["a"] * 6]}, "latents"),
        ({"latents": [[0.0] * 6], "k": 4}, "'k'"),
    ],
)
async def test_a_point_that_is_none_is_named(client: httpx.AsyncClient, body: dict[str, object], named: str) -> None:
    """422, with the place and what was wanted."""
    answer = await client.post("/v1/models/tiny-vae/scores", json=body)

    assert answer.status_code == 422
    assert named in answer.text


async def test_a_generator_scores_points_and_no_pictures(client: httpx.AsyncClient) -> None:
    """A DCGAN has a prior and no likelihood: pictures in JSON are refused with the models that can."""
    answer = await client.post("/v1/models/tiny-dcgan/scores", json={"images": ["iVBORw0KGgo="]})

    assert answer.json()["code"] == "capability_not_supported"


async def test_a_model_without_stages_says_which_has_them(client: httpx.AsyncClient) -> None:
    """The stages of a picture are a capability like any other."""
    answer = await client.get("/v1/models/tiny-dcgan/stages/1.webp")

    assert answer.json()["code"] == "capability_not_supported"
