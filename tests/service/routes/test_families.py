"""Every family is served by the same resources: bits, a flow, DRAW, an energy prior, each small and untrained."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from models_store import Card, write_checkpoint
from models_store.conditional_vae import ConditionalVAE, ConditionalVAEConfig
from models_store.discrete_vae import MEDIAN, DiscreteVAE, DiscreteVAEConfig
from models_store.draw import DRAW, DRAWConfig
from models_store.energy_vae import EnergyVAE, EnergyVAEConfig
from models_store.image_flow import ImageFlow, ImageFlowConfig
from models_store.inverted_dcgan import InvertedDCGAN, InvertedDCGANConfig
from service.app import create_app
from service.settings import Settings
from tests.service.conftest import npy_array, picture_file, pixels_of

pytestmark = pytest.mark.anyio

STAGES = 3
SMALL_VAE = {"image_size": 8, "latent_dim": 4, "widths": (4,), "hidden": 8, "couplings": 2, "flow_hidden": 8}


def networks() -> dict[str, nn.Module]:
    """One of each family, 8 x 8 pixels, away from the zeros at which some weights start."""
    found = {
        "classes": ConditionalVAE(ConditionalVAEConfig(**SMALL_VAE, classes=3)),  # type: ignore[arg-type]
        "bits": DiscreteVAE(DiscreteVAEConfig(image_size=8, latent_dim=16, widths=(4,), hidden=8)),
        "draw": DRAW(DRAWConfig(image_size=8, strokes=STAGES, stroke_latents=2, hidden=8, read_grid=3, write_grid=3)),
        "energy": EnergyVAE(EnergyVAEConfig(**SMALL_VAE, prior="normal", energy_hidden=8)),  # type: ignore[arg-type]
        "flow": ImageFlow(ImageFlowConfig(image_size=8, widths=(4, 4), couplings=(2, 2))),
        "inverted": InvertedDCGAN(
            InvertedDCGANConfig(image_size=8, latent_dim=4, width=4, encoder_widths=(4,), encoder_hidden=8)
        ),
    }
    noise = torch.Generator().manual_seed(0)
    for network in found.values():
        for parameter in network.parameters():
            parameter.data += 0.1 * torch.randn(parameter.shape, generator=noise)
    return {name: network.eval() for name, network in found.items()}


@pytest.fixture(scope="module")
def trained() -> dict[str, nn.Module]:
    """The networks behind the service."""
    return networks()


@pytest.fixture(scope="module")
async def families(
    trained: dict[str, nn.Module], tmp_path_factory: pytest.TempPathFactory, anyio_backend: str
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service with one model of each family."""
    store = tmp_path_factory.mktemp("families")
    for name, network in trained.items():
        write_checkpoint(store, name, network, Card(summary=f"{name}, untrained"))
    app = create_app(Settings(store=Path(store)))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


def picture() -> bytes:
    """Eight by eight levels, from black to white."""
    return picture_file(np.linspace(0, 255, 64).round().astype(np.uint8).reshape(8, 8))


@pytest.mark.parametrize("name", ["bits", "draw", "energy", "flow", "inverted"])
async def test_a_family_can_do_all_that_an_autoencoder_can(families: httpx.AsyncClient, name: str) -> None:
    """Sampling, latents, decoding, interpolation, reconstruction and scores, with numbers that belong together."""
    base = f"/v1/models/{name}"
    files = {"image": ("picture.png", picture())}

    sample = await families.get(f"{base}/samples/7.png")
    latents = await families.get(f"{base}/latents/7.npy")
    decoded = await families.post(
        f"{base}/images",
        content=latents.content,
        headers={"Content-Type": "application/x-npy", "Accept": "image/png"},
    )
    frames = await families.get(f"{base}/interpolations/7,8.npy?steps=4")
    remade = await families.post(f"{base}/reconstructions", files=files)
    score = (await families.post(f"{base}/scores?k=8&mc=8", files=files)).json()["data"][0]

    np.testing.assert_array_equal(pixels_of(sample.content), pixels_of(decoded.content))
    np.testing.assert_array_equal(npy_array(frames.content)[0, :, :, 0], pixels_of(sample.content))
    assert remade.json()["data"][0]["mse"] >= 0
    parts = score["reconstruction"]["value"] - score["kl"]["value"]
    assert score["elbo"]["value"] == pytest.approx(parts, rel=1e-5)
    assert score["importance_weighted"]["value"] >= score["elbo"]["value"] - 1e-9


async def test_a_flow_gives_a_picture_back_exactly(families: httpx.AsyncClient) -> None:
    """Encoded and decoded it has the bytes that it had, and log p(x|z) is 0."""
    files = {"image": ("picture.png", picture())}

    latents = await families.post("/v1/models/flow/latents", files=files, headers={"Accept": "application/x-npy"})
    back = await families.post(
        "/v1/models/flow/images",
        content=latents.content,
        headers={"Content-Type": "application/x-npy", "Accept": "image/png"},
    )
    score = (await families.post("/v1/models/flow/scores", files=files)).json()

    np.testing.assert_array_equal(pixels_of(back.content), pixels_of(picture()))
    found = (await families.post("/v1/models/flow/latents", files=files)).json()["data"][0]
    assert found["residual"] == {"rmse": 0.0, "psnr": None}
    assert score["domain"] == "8-bit"
    assert score["data"][0]["reconstruction"]["value"] == 0.0


async def test_bits_are_encoded_as_signs(families: httpx.AsyncClient) -> None:
    """Each number is the median of its half of the normal, and only its sign means anything."""
    files = {"image": ("picture.png", picture())}
    wanted = {"Content-Type": "application/json", "Accept": "image/png"}

    latents = (await families.post("/v1/models/bits/latents", files=files)).json()["data"][0]["latents"]
    near = await families.post("/v1/models/bits/images", json={"latents": [latents]}, headers=wanted)
    far = await families.post(
        "/v1/models/bits/images", json={"latents": [[5 * each for each in latents]]}, headers=wanted
    )

    np.testing.assert_allclose(np.abs(latents), MEDIAN, rtol=1e-6)
    np.testing.assert_array_equal(pixels_of(near.content), pixels_of(far.content))


async def test_the_stages_of_a_picture_end_in_it(families: httpx.AsyncClient) -> None:
    """An array, a row a seed in PNG, and an animation of as many frames as there are stages."""
    stages = npy_array((await families.get("/v1/models/draw/stages/3,4.npy")).content)
    samples = npy_array((await families.get("/v1/models/draw/samples/3,4.npy")).content)
    rows = pixels_of((await families.get("/v1/models/draw/stages/3,4.png?gap=0")).content)
    forms = ("webp", "apng", "gif")
    films = [(await families.get(f"/v1/models/draw/stages/3,4.{form}")).content for form in forms]

    assert stages.shape == (2, STAGES, 8, 8, 1)
    np.testing.assert_array_equal(stages[:, -1], samples)
    np.testing.assert_array_equal(rows[:8, 8 * (STAGES - 1) :], samples[0, :, :, 0])
    for film in films:
        assert Image.open(io.BytesIO(film)).n_frames == STAGES  # type: ignore[attr-defined]  # an animated one has it
    assert "stage" in (await families.get("/v1/models/draw")).json()["capabilities"]


async def test_a_learned_prior_scores_points(families: httpx.AsyncClient, trained: dict[str, nn.Module]) -> None:
    """/scores of latents is the network's own density, not that of N(0, I)."""
    points = [[0.5, -1.0, 2.0, 0.0], [0.0, 0.0, 0.0, 0.0]]

    answer = (await families.post("/v1/models/energy/scores", json={"latents": points})).json()["data"]

    network = trained["energy"]
    assert isinstance(network, EnergyVAE)
    wanted = network.log_prior(torch.tensor(points)).tolist()
    normal = -0.5 * (np.square(points).sum(1) + 4 * np.log(2 * np.pi))
    np.testing.assert_allclose([each["log_prior"] for each in answer], wanted, rtol=1e-5)
    assert np.abs(np.array(wanted) - normal).min() > 1e-3


async def test_a_learned_prior_has_no_closed_form(families: httpx.AsyncClient) -> None:
    """The KL of each dimension to N(0, I) would not add up to the KL that the score gives."""
    files = {"image": ("picture.png", picture())}

    score = await families.post("/v1/models/energy/scores?per_dimension=true", files=files)

    assert score.json()["data"][0]["kl_per_dimension"] is None
