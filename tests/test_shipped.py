"""The shipped checkpoints: their figures meet the bars, their answers look like clothes, their bytes never change."""

import asyncio
import io
import json
import random
import shutil
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from models_store import Autoencoder, Store
from models_store.checkpoint import read_checkpoint
from models_store.pixels import from_bytes
from models_store.pointer import read_pointer
from tests.server import WEIGHTS, running_server

EXAMPLES = sorted(Path("service/page/examples").glob("*.png"))


def pixels(content: bytes) -> NDArray[np.uint8]:
    """A grey PNG -> (H, W)."""
    return np.asarray(Image.open(io.BytesIO(content)))


def classes_of(images: NDArray[np.uint8]) -> list[int]:
    """What the shipped classifier sees in images (N, H, W, 1)."""
    classifier = read_checkpoint(WEIGHTS, "fashion-classifier").network
    with torch.inference_mode():
        return classifier(torch.from_numpy(from_bytes(images))).argmax(1).tolist()


def test_their_cards_carry_figures_that_meet_the_bars() -> None:
    """L_5000 within 226.5 nats; samples of the DCGAN better than others'; classes above 2 %; 92 % right."""
    store = Store.load(WEIGHTS)
    vae, dcgan = store["fashion-vae"].card.metrics, store["fashion-dcgan"].card.metrics
    judge = read_checkpoint(WEIGHTS, "fashion-classifier").card.metrics

    assert store.rejected == {}
    # L_100 of all test images, and what 5,000 draws gain on some of them: paired, so that it is known far better.
    gain = sum(rung["gain"] for rung in vae["rungs"]["value"] if rung["draws"] > 100)
    assert vae["importance_weighted"]["value"] + gain >= -226.5
    assert "10000 test images, binarized" in vae["importance_weighted"]["protocol"]
    # Beside the script of pytorch/examples, in as much time: `python -m benchmarks.plain_dcgan`.
    compared = json.loads(Path("benchmarks/results/plain_dcgan.json").read_text())
    assert compared["digest"] == store["fashion-dcgan"].digest
    for distance in ("frechet_distance", "kid"):
        assert dcgan[distance]["value"] <= vae[distance]["value"] / 3
        ahead = compared["script less ours"][distance]
        assert ahead["value"] > 3 * ahead["standard_error"]
        assert dcgan[distance]["value"] < compared["script, seed 0"][distance]["value"]
    assert dcgan["class_shares"]["smallest"] > 0.02
    assert store["fashion-dcgan-conditional"].card.metrics["agreement"]["value"] >= 0.90
    assert judge["accuracy"]["value"] >= 0.92


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("fashion-discrete-vae", -255.0),
        ("fashion-draw", -236.0),
        ("fashion-vae-2d", -260.0),
        ("fashion-energy", -260.0),
    ],
)
def test_the_card_of_each_family_is_honest(name: str, bound: float) -> None:
    """The bounds stand in their order, better than one would get from worse training, each with its protocol."""
    card = Store.load(WEIGHTS)[name].card
    metrics = card.metrics

    assert bound <= metrics["elbo"]["value"] <= metrics["importance_weighted"]["value"]
    assert -metrics["importance_weighted"]["value"] > metrics["binarization_entropy"]["value"]
    assert "10000 test images, binarized" in metrics["elbo"]["protocol"]
    assert card.training["command"].startswith("python -m training ")


def test_the_card_of_the_flow_is_honest() -> None:
    """Fewer bits a pixel than independent pixels need; a learned density cannot be had for nothing."""
    metrics = Store.load(WEIGHTS)["fashion-flow"].card.metrics

    assert 2 < metrics["bits_per_dim"]["value"] < 3.2 < metrics["independent_pixels"]["value"]
    assert metrics["elbo"]["value"] <= metrics["importance_weighted"]["value"]


def test_the_card_of_the_inverted_dcgan_is_honest() -> None:
    """Its own samples come back to 30 dB in the median; what is left of test images is more, and said."""
    metrics = Store.load(WEIGHTS)["fashion-dcgan-inverted"].card.metrics

    assert metrics["inversion"]["value"] >= 30 > metrics["inversion"]["test_images"]["psnr"][1]
    assert "1000 own samples as bytes" in metrics["inversion"]["protocol"]
    assert "10000 test images" in metrics["inversion"]["protocol"]
    assert "10000 test images, 8-bit" in metrics["elbo"]["protocol"]


def test_the_flow_gives_every_example_back(server: str) -> None:
    """Sixty-four real pictures through encoding and decoding, byte for byte: an invertible map loses nothing."""
    for start in range(0, 64, 16):
        files = [("image", path.read_bytes()) for path in EXAMPLES[start : start + 16]]
        npy = {"Accept": "application/x-npy"}
        latents = httpx.post(f"{server}/v1/models/fashion-flow/latents", files=files, headers=npy, timeout=60)
        decoded = httpx.post(
            f"{server}/v1/models/fashion-flow/images",
            content=latents.content,
            headers={"Content-Type": "application/x-npy", **npy},
            timeout=60,
        )
        originals = np.stack([pixels(content) for _, content in files])

        np.testing.assert_array_equal(np.load(io.BytesIO(decoded.content))[..., 0], originals)


def test_the_inverted_dcgan_draws_what_the_dcgan_draws(server: str) -> None:
    """The same pixels for the same seeds: its generator is that of the other, which has no encoder."""
    drawn = [
        httpx.get(f"{server}/v1/models/{name}/samples/500-563.npy", timeout=60).content
        for name in ("fashion-dcgan", "fashion-dcgan-inverted")
    ]

    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("seeds", [60, pytest.param(1000, marks=pytest.mark.slow)])
def test_the_inverted_dcgan_finds_its_own_pictures_again(server: str, seeds: int) -> None:
    """As bytes without a recipe, half of them to 30 dB or better, and decoding the answer leaves just what it says."""
    model, residuals = f"{server}/v1/models/fashion-dcgan-inverted", []
    npy = {"Accept": "application/x-npy"}
    for start in range(10_000, 10_000 + seeds, 20):
        files = httpx.get(f"{model}/samples/{start}-{start + 19}.npy", timeout=60).content
        found = httpx.post(f"{model}/latents", content=files, headers={"Content-Type": npy["Accept"]}, timeout=60)
        entries = found.json()["data"]
        residuals += [entry["residual"]["psnr"] for entry in entries]
        latents = {"latents": [entry["latents"] for entry in entries]}
        decoded = httpx.post(f"{model}/images", json=latents, headers=npy, timeout=60).content
        originals, remade = (np.load(io.BytesIO(content)) / 255.0 for content in (files, decoded))
        errors = np.square(originals - remade).mean(axis=(1, 2, 3))
        # Rounding to levels adds a twelfth of a level squared, and hardly more.
        np.testing.assert_allclose(errors, [entry["residual"]["rmse"] ** 2 for entry in entries], atol=1e-5, rtol=0.02)

    assert np.median(residuals) >= 30


def test_draw_shows_how_it_paints(server: str) -> None:
    """The canvas moves at every stage towards the sample, which is its last."""
    stages = np.load(io.BytesIO(httpx.get(f"{server}/v1/models/fashion-draw/stages/0-15.npy", timeout=60).content))
    samples = np.load(io.BytesIO(httpx.get(f"{server}/v1/models/fashion-draw/samples/0-15.npy").content))

    distances = np.square(stages.astype(float) - samples[:, None]).mean(axis=(0, 2, 3, 4))
    np.testing.assert_array_equal(stages[:, -1], samples)
    assert (np.diff(distances) < 0).mean() > 0.7


def test_the_energy_prior_is_normalized() -> None:
    """The learned constant against the integral of exp(h) over the plane: within 0.05 nats of -log Z."""
    network = Store.load(WEIGHTS)["fashion-energy"].network
    ticks = torch.linspace(-7, 7, 401)
    points = torch.cartesian_prod(ticks, ticks)

    log_mass = float(network.log_prior(points).double().logsumexp(0)) + 2 * np.log(14 / 400)

    assert abs(log_mass) < 0.05


def test_a_sheet_of_samples_is_full_of_clothes_of_all_kinds(server: str) -> None:
    """256 samples: every class is seen, and the classifier finds as much variety as in the data."""
    content = httpx.get(f"{server}/v1/models/fashion-dcgan/samples/0-255.npy", timeout=60).content

    found = classes_of(np.load(io.BytesIO(content)))

    assert len(set(found)) == 10


def test_the_conditional_model_makes_what_it_is_asked_for(server: str) -> None:
    """Of 40 samples of each label the classifier, itself right in 92 of 100, sees most as that label."""
    base = f"{server}/v1/models/fashion-dcgan-conditional"
    labels = httpx.get(base).json()["labels"]
    made = [np.load(io.BytesIO(httpx.get(f"{base}/samples/0-39.npy?label={label}").content)) for label in labels]

    right = [found == number for number, images in enumerate(made) for found in classes_of(images)]

    assert len(right) == 400
    assert sum(right) / len(right) >= 0.85


def test_reconstructions_are_near_the_real_images(server: str) -> None:
    """On the 64 examples: a fifth of the squared error of their mean picture, and most stay in their class.

    Over 1,000 test images 77 % do; the blur of the decoder's means turns shirts into coats.
    """
    files = [path.read_bytes() for path in EXAMPLES]
    remade = []
    for start in range(0, 64, 16):
        answer = httpx.post(
            f"{server}/v1/models/fashion-vae/reconstructions",
            files=[("image", content) for content in files[start : start + 16]],
            headers={"Accept": "application/x-npy"},
        )
        remade.append(np.load(io.BytesIO(answer.content)))
    outputs, originals = np.concatenate(remade), np.stack([pixels(content) for content in files])[..., None]

    errors = [np.square(guess / 255.0 - originals / 255.0).mean() for guess in (outputs, originals.mean(0))]

    assert errors[0] < errors[1] / 5
    assert np.mean(np.equal(classes_of(outputs), classes_of(originals))) > 0.6


def test_scores_tell_clothes_from_noise(server: str) -> None:
    """A real image scores among those of the test set; its pixels shuffled are below 98 % of it, by a hundred nats."""
    real = EXAMPLES[0].read_bytes()
    shuffled = pixels(real).copy().reshape(-1)
    np.random.default_rng(0).shuffle(shuffled)
    noise = io.BytesIO()
    Image.fromarray(shuffled.reshape(28, 28)).save(noise, "png")

    scores = [
        httpx.post(f"{server}/v1/models/fashion-vae/scores", files={"image": content}).json()["data"][0]
        for content in (real, noise.getvalue())
    ]

    assert scores[0]["percentile"] > 2
    assert scores[1]["percentile"] < 2
    assert scores[0]["elbo"]["value"] - scores[1]["elbo"]["value"] > 100
    for score in scores:
        parts = score["reconstruction"]["value"] - score["kl"]["value"]
        assert score["elbo"]["value"] == pytest.approx(parts, abs=1e-3)
        assert score["importance_weighted"]["value"] >= score["elbo"]["value"] - 1e-3


def test_the_elbo_over_http_is_that_of_the_network(server: str) -> None:
    """The bound over many draws agrees with an independent estimate by the network itself, within 4 standard errors."""
    network = Store.load(WEIGHTS)["fashion-vae"].network
    assert isinstance(network, Autoencoder)
    image = EXAMPLES[5].read_bytes()
    answer = httpx.post(
        f"{server}/v1/models/fashion-vae/scores?mc=1000&k=1&binarize=threshold", files={"image": image}, timeout=60
    ).json()["data"][0]["elbo"]
    data = torch.from_numpy((pixels(image) > 127.5).astype(np.float32))[None, None].repeat(1000, 1, 1, 1)
    with torch.inference_mode():
        noise = torch.randn((1000, network.latent_dim), generator=torch.Generator().manual_seed(5))
        terms = network.log_weights(data, network.encode(data[:1]).repeat(1000, 1), noise).double()
    own = terms[:, 0] + terms[:, 1] - terms[:, 2]

    error = np.hypot(answer["standard_error"], float(own.std()) / np.sqrt(1000))
    assert abs(answer["value"] - float(own.mean())) < 4 * error


def test_one_seed_is_one_image_under_load_and_after_a_restart(server: str, tmp_path: Path) -> None:
    """Alone, in sheets of any size, at any place, in POST batches, among sixty-four neighbours, in another process."""
    alone = {seed: httpx.get(f"{server}/v1/models/{name}/samples/{seed}.npy").content for name, seed in WANTED}

    crowded = asyncio.run(ask_all_at_once(server))
    for file in {file for name, _ in WANTED for file in files_of(name)}:
        shutil.copy(WEIGHTS / file, tmp_path)
    with running_server(tmp_path) as other:
        restarted = asyncio.run(ask_all_at_once(other))

    for found in (crowded, restarted):
        for (_, seed), images in found.items():
            wanted = np.load(io.BytesIO(alone[seed]))[0]
            assert all(np.array_equal(image, wanted) for image in images)


WANTED = [
    ("fashion-vae", 11),
    ("fashion-vae", 12),
    ("fashion-dcgan", 13),
    ("fashion-dcgan", 14),
    ("fashion-dcgan-conditional", 18),
    ("fashion-discrete-vae", 15),
    ("fashion-draw", 16),
    ("fashion-flow", 17),
]


def files_of(name: str) -> list[str]:
    """The pointer of a shipped model, and what it points to."""
    pointer = read_pointer(WEIGHTS / f"{name}.json")
    return [f"{name}.json", pointer.file, *([pointer.graphs.file] if pointer.graphs else [])]


async def ask_all_at_once(url: str) -> dict[tuple[str, int], list[NDArray[np.uint8]]]:
    """Each wanted image sixteen times, hidden at random places of sheets of random sizes, all in flight together."""
    chance = random.Random(0)
    found: dict[tuple[str, int], list[NDArray[np.uint8]]] = {key: [] for key in WANTED}

    async def ask(client: httpx.AsyncClient, name: str, seed: int) -> None:
        seeds = [chance.randrange(2**32) for _ in range(chance.choice([0, 1, 2, 6, 15, 30]))]
        place = chance.randrange(len(seeds) + 1)
        seeds.insert(place, seed)
        answer = await client.get(f"/v1/models/{name}/samples/{','.join(map(str, seeds))}.npy")
        assert answer.status_code == 200, answer.text
        found[name, seed].append(np.load(io.BytesIO(answer.content))[place])

    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        await asyncio.gather(*(ask(client, name, seed) for name, seed in WANTED for _ in range(16)))
    return found


def test_the_document_about_the_models_says_what_the_cards_say() -> None:
    """Each ELBO and bound of docs/models.md is that of the card, to its last digit; every shipped model is in it."""
    text = Path("docs/models.md").read_text()

    for name, model in Store.load(WEIGHTS).items():
        assert f"`{name}`" in text
        for figure in ("elbo", "importance_weighted") if isinstance(model.network, Autoencoder) else ():
            value = model.card.metrics[figure]["value"]
            assert f"{value:.1f}" in text or f"{value:.2f}" in text, (name, figure)
