"""The twelve requests that the service was designed around, against the shipped models, as curl would send them."""

import io
import re
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from PIL import Image

VAE, GAN = "/v1/models/fashion-vae", "/v1/models/fashion-dcgan"
KILOBYTE = 1024


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[httpx.Client]:
    """A client of a real server, over a socket."""
    with httpx.Client(base_url=server, timeout=60) as client:
        yield client


def picture(answer: httpx.Response) -> Image.Image:
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))


def grey_ink_on_paper() -> bytes:
    """A seven in dark ink on a white page of 200×200, as people draw and upload it."""
    levels = np.full((200, 200), 255, dtype=np.uint8)
    levels[40:55, 50:150] = 20
    for row in range(55, 165):
        left = 140 - (row - 55) // 2
        levels[row, left : left + 14] = 20
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG")
    return file.getvalue()


def test_1_what_there_is(client: httpx.Client) -> None:
    """Cards; the VAE scores, the GAN does not."""
    cards = {card["name"]: card for card in client.get("/v1/models").json()["data"]}

    assert {"encode", "score"} <= set(cards["fashion-vae"]["capabilities"])
    assert "sample" in cards["fashion-dcgan"]["capabilities"]
    assert "score" not in cards["fashion-dcgan"]["capabilities"]


def test_2_a_sample(client: httpx.Client) -> None:
    """28×28, below a kilobyte with its recipe and mark, the same bytes again, and nothing for who has it."""
    first = client.get(f"{VAE}/samples/42.png")

    assert picture(first).size == (28, 28)
    assert len(first.content) < KILOBYTE
    assert client.get(f"{VAE}/samples/42.png").content == first.content
    known = client.get(f"{VAE}/samples/42.png", headers={"If-None-Match": first.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")


def test_3_a_random_sample(client: httpx.Client) -> None:
    """`curl -LOJ` leaves a file whose name holds the seed, under which it can be had again."""
    redirect = client.get(f"{VAE}/samples/random.png")
    assert (redirect.status_code, redirect.headers["cache-control"]) == (302, "no-store")

    answer = client.get(redirect.headers["location"])

    named = re.fullmatch(r'inline; filename="fashion-vae-seed(\d+)\.png"', answer.headers["content-disposition"])
    assert named
    assert answer.headers["latent-seed"] == named[1]
    assert client.get(f"{VAE}/samples/{named[1]}.png").content == answer.content


def test_4_a_contact_sheet(client: httpx.Client) -> None:
    """8×8 tiles of 56 with gaps of 2."""
    assert picture(client.get(f"{VAE}/samples/0-63.png?size=56")).size == (8 * 58 - 2, 8 * 58 - 2)


def test_5_a_stable_avatar(client: httpx.Client) -> None:
    """A name, any page, no JavaScript."""
    answer = client.get(f"{VAE}/samples/alice.webp?size=224", headers={"Origin": "http://elsewhere.example"})

    assert picture(answer).size == (224, 224)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert client.get("/alice.webp?size=224").content == answer.content


def test_6_samples_as_json(client: httpx.Client) -> None:
    """Seeds, points, pinned addresses that work, and the next page."""
    listed = client.get(f"{VAE}/samples/0-3.json").json()

    assert [entry["seed"] for entry in listed["data"]] == [0, 1, 2, 3]
    assert all("@" in entry["url"] and entry["z64"] for entry in listed["data"])
    assert listed["next"].endswith("/samples/4-7.json")
    assert client.get(listed["data"][3]["url"]).content == client.get(f"{VAE}/samples/3.png").content
    assert [entry["seed"] for entry in client.get(listed["next"]).json()["data"]] == [4, 5, 6, 7]


def test_7_the_latents_of_a_seed(client: httpx.Client) -> None:
    """Their numbers, their z64 and their density."""
    entry = client.get(f"{VAE}/latents/42.json").json()["data"][0]

    assert entry["seed"] == 42
    assert len(entry["latents"]) == 40
    assert len(entry["z64"]) == 107
    assert entry["log_prior"] < 0


def test_8_an_interpolation(client: httpx.Client) -> None:
    """72 frames that close."""
    image = picture(client.get(f"{VAE}/interpolations/42,79,1001.webp?steps=24&loop=true"))

    assert image.n_frames == 72  # type: ignore[attr-defined]  # an animation has it
    assert image.info["loop"] == 0


def test_9_a_stream_of_frames(client: httpx.Client) -> None:
    """start, 8 frames, done."""
    with client.stream("GET", f"{VAE}/interpolations/42,79?steps=8", headers={"Accept": "text/event-stream"}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = [line.partition(": ")[2] for line in answer.iter_lines() if line.startswith("event: ")]

    assert events == ["start", *["frame"] * 8, "done"]


def test_10_a_score(client: httpx.Client) -> None:
    """Dark ink on paper is inverted and shrunk, the answer says so, and the parts add up."""
    answer = client.post(f"{VAE}/scores", files={"image": grey_ink_on_paper()}).json()
    score = answer["data"][0]

    assert answer["units"] == "nats"
    assert score["elbo"]["value"] == pytest.approx(score["reconstruction"]["value"] - score["kl"]["value"], abs=1e-3)
    assert score["bits_per_dim"]["elbo"] > 0
    assert 0 <= score["percentile"] <= 100
    assert "inverted" in score["steps"]
    assert any("200×200" in step for step in score["steps"])


@pytest.mark.parametrize("model", [VAE, GAN])
def test_11_the_round_trip_of_a_file(client: httpx.Client, model: str) -> None:
    """Sample -> file -> latents -> the same pixels; for a GAN, which has no encoder, too."""
    file = client.get(f"{model}/samples/42.png").content

    latents = client.post(f"{model}/latents", files={"image": file}, headers={"Accept": "application/x-npy"})
    back = client.post(
        f"{model}/images",
        content=latents.content,
        headers={"Content-Type": "application/x-npy", "Accept": "image/png"},
    )

    np.testing.assert_array_equal(np.asarray(picture(back)), np.asarray(Image.open(io.BytesIO(file))))


def test_12_what_a_model_cannot_do(client: httpx.Client) -> None:
    """422 with the code, those that can, and a hint."""
    answer = client.post(f"{GAN}/scores", files={"image": grey_ink_on_paper()})
    problem = answer.json()

    assert (answer.status_code, problem["code"]) == (422, "capability_not_supported")
    assert "fashion-vae" in problem["supported_by"]
    assert problem["hint"]
