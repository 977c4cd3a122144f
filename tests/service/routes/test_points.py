"""Latents and images over HTTP: the round trip from seeds through points to pixels."""

import base64
import io

import httpx
import numpy as np
import pytest

from models_store.latents import normals
from service.media.npy import encode_npy
from service.routes.points import encode_z64
from tests.service.conftest import npy_array, picture_file, pixels_of

pytestmark = pytest.mark.anyio
NPY = {"Content-Type": "application/x-npy", "Accept": "application/x-npy"}


@pytest.mark.parametrize("model", ["plain-vae", "tiny-vae", "tiny-dcgan"])
async def test_decoding_the_latents_of_seeds_gives_their_samples_exactly(client: httpx.AsyncClient, model: str) -> None:
    """Seeds -> latents -> images is seeds -> samples, to the byte, by npy and by JSON."""
    base = f"/v1/models/{model}"
    samples = npy_array((await client.get(f"{base}/samples/0-9.npy")).content)
    latents = (await client.get(f"{base}/latents/0-9.npy")).content
    as_json = (await client.get(f"{base}/latents/0-9.json")).json()["data"]

    by_npy = await client.post(f"{base}/images", content=latents, headers=NPY)
    by_json = await client.post(
        f"{base}/images",
        json={"latents": [entry["latents"] for entry in as_json]},
        headers={"Accept": "application/x-npy"},
    )

    np.testing.assert_array_equal(npy_array(by_npy.content), samples)
    np.testing.assert_array_equal(npy_array(by_json.content), samples)


async def test_latents_of_a_seed_are_the_documented_normals(client: httpx.AsyncClient) -> None:
    """With log N(z; 0, I) in nats beside them."""
    entry = (await client.get("/v1/models/plain-vae/latents/42.json?index=2")).json()["data"][0]

    expected = normals(42, [2], 6)[0]
    np.testing.assert_array_equal(np.array(entry["latents"], dtype=np.float32), expected)
    assert entry["log_prior"] == pytest.approx(-0.5 * (expected**2).sum() - 3 * np.log(2 * np.pi))


async def test_z64_is_a_point_with_an_image_of_its_own(client: httpx.AsyncClient) -> None:
    """The rounded point decodes to the image at its address, alone and among others."""
    points = normals(3, range(4), 6)
    rounded = points.astype(np.float16).astype(np.float32)

    single = await client.get(f"/v1/models/plain-vae/images/{encode_z64(points[2])}.png")
    sheet = await client.post("/v1/models/plain-vae/images", content=encode_npy(rounded), headers=NPY)

    np.testing.assert_array_equal(npy_array(sheet.content)[2, :, :, 0], pixels_of(single.content))
    assert (await client.get(f"/v1/models/plain-vae/images/{encode_z64(points[2])}.npy")).status_code == 200


async def test_decoding_answers_json_with_pictures_by_default(client: httpx.AsyncClient) -> None:
    """Each entry has its address and its PNG."""
    answer = await client.post("/v1/models/plain-vae/images", json={"latents": [[0] * 6, [1.5] * 6], "size": 56})

    first = answer.json()["data"][0]
    assert pixels_of(base64.b64decode(first["image"])).shape == (56, 56)
    assert (await client.get(first["url"])).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"latents": []},
        {"latents": [[0] * 5]},
        {"latents": [[0] * 6, [0] * 7]},
        {"latents": [["0"] * 6]},
        {"latents": [[True] * 6]},
        {"latents": [[1e30] * 6]},
        {"latents": [[1e300] * 6]},
        {"latents": [0] * 6},
        {"latents": None},
        {},
        {"latents": [[0] * 6], "sizes": 56},
        {"latents": [[0] * 6], "size": "56"},
        {"latents": [[0] * 6], "size": True},
        {"latents": [[0] * 6], "size": 4096},
    ],
)
async def test_points_that_are_none_are_refused(client: httpx.AsyncClient, body: object) -> None:
    """Wrong lengths, types, sizes and names: 422, never a picture of something else."""
    answer = await client.post("/v1/models/plain-vae/images", json=body)

    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_parameter"


@pytest.mark.parametrize(
    ("z64", "status"), [("AAAA", 422), ("*", 400), ("A", 400), ("fHx8fHx8fHx8fHx8", 422), ("é" * 16, 400)]
)
async def test_z64_that_is_none_is_refused(client: httpx.AsyncClient, z64: str, status: int) -> None:
    """Too short, not base64, and values that are out of range or NaN."""
    assert (await client.get(f"/v1/models/plain-vae/images/{z64}.png")).status_code == status


async def test_encoding_takes_pictures_in_every_form(client: httpx.AsyncClient) -> None:
    """A form, the bare file, JSON and npy of the same picture give the same latents."""
    url = "/v1/models/tiny-vae/latents"
    # Without the recipe, which would say more than the pixels do.
    file = picture_file(pixels_of((await client.get("/v1/models/tiny-vae/samples/4.png")).content))
    array = (await client.get("/v1/models/tiny-vae/samples/4.npy")).content

    answers = [
        await client.post(url, files=[("image", file), ("image", file)]),
        await client.post(url, content=file, headers={"Content-Type": "image/png"}),
        await client.post(url, json={"images": [base64.b64encode(file).decode()]}),
        await client.post(url, content=array, headers={"Content-Type": "application/x-npy"}),
    ]

    latents = [entry["latents"] for answer in answers for entry in answer.json()["data"]]
    assert len(latents) == 5
    assert all(row == latents[0] for row in latents)
    assert answers[0].json()["data"][0]["source"] == "posterior"


async def test_a_draw_from_the_posterior_is_fixed_by_its_seed(client: httpx.AsyncClient) -> None:
    """Options mean the same in the query, in a form and in JSON."""
    file = (await client.get("/v1/models/plain-vae/samples/4.png")).content
    url, image = "/v1/models/plain-vae/latents", base64.b64encode(file).decode()

    drawn = [
        await client.post(f"{url}?encode=sample&seed=3", files=[("image", file)]),
        await client.post(url, files=[("image", file)], data={"encode": "sample", "seed": "3"}),
        await client.post(url, json={"images": [image], "encode": "sample", "seed": 3}),
    ]
    other = await client.post(f"{url}?encode=sample&seed=4", files=[("image", file)])

    rows = [answer.json()["data"][0]["latents"] for answer in drawn]
    assert rows[0] == rows[1] == rows[2]
    assert other.json()["data"][0]["latents"] != rows[0]


async def test_an_encoding_has_a_scale_where_its_posterior_is_normal(client: httpx.AsyncClient) -> None:
    """Positive numbers for each latent; null under a learned prior, and for latents that a recipe gave exactly."""
    file = (await client.get("/v1/models/plain-vae/samples/4.png")).content

    scales = [
        (await client.post(f"/v1/models/{model}/latents?recipe={recipe}", files=[("image", file)])).json()["data"][0][
            "scale"
        ]
        for model, recipe in (("plain-vae", "ignore"), ("plain-vae", "auto"), ("tiny-vae", "ignore"))
    ]

    assert len(scales[0]) == 6
    assert min(scales[0]) > 0
    assert scales[1:] == [None, None]


async def test_reconstructions_show_pairs_or_errors(client: httpx.AsyncClient) -> None:
    """PNG: input beside output; JSON: the error; npy: the outputs."""
    file = (await client.get("/v1/models/tiny-vae/samples/4.png")).content
    url = "/v1/models/tiny-vae/reconstructions"

    picture = pixels_of((await client.post(url, files=[("image", file)], headers={"Accept": "image/png"})).content)
    entry = (await client.post(url, files=[("image", file)])).json()["data"][0]
    array = npy_array(
        (await client.post(url, files=[("image", file)], headers={"Accept": "application/x-npy"})).content
    )

    np.testing.assert_array_equal(picture[:, :28], pixels_of(file))
    np.testing.assert_array_equal(picture[:, 30:], array[0, :, :, 0])
    difference = (array[0, :, :, 0].astype(float) - pixels_of(file)) / 255
    assert entry["mse"] == pytest.approx((difference**2).mean(), abs=1e-3)
    assert np.load(io.BytesIO(encode_npy(array))).shape == (1, 28, 28, 1)


async def test_scores_come_one_a_picture_and_repeat(client: httpx.AsyncClient) -> None:
    """The same pictures and seed give the same answer, with units, domain and draws named."""
    file = (await client.get("/v1/models/plain-vae/samples/4.png")).content
    url, options = "/v1/models/plain-vae/scores", {"mc": "4", "k": "6", "per_dimension": "true"}

    first, second = [await client.post(url, files=[("image", file)] * 2, data=options) for _ in range(2)]

    answer = first.json()
    assert first.content == second.content
    assert (answer["units"], answer["domain"]) == ("nats", "binarized")
    one, two = answer["data"]
    assert one == two
    assert one["elbo"]["draws"] == 4
    assert one["importance_weighted"]["draws"] == 6
    assert one["elbo"]["value"] == pytest.approx(one["reconstruction"]["value"] - one["kl"]["value"])
    assert len(one["kl_per_dimension"]) == 6
    assert one["percentile"] is None
