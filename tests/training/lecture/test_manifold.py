"""The map of a VAE against probabilistic PCA, its own derivative, and the route that serves it."""

import asyncio
import math
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from torch import Tensor

from models_store import Card, write_checkpoint
from models_store.vae import VAE, VAEConfig
from service.app import create_app
from service.settings import Settings
from tests.conftest import tiny_vae
from tests.service.conftest import pixels_of
from training.data import ImageSet
from training.lecture import manifold

TINY = VAEConfig(image_size=8, latent_dim=2, widths=(4,), hidden=16, prior="normal")


def covariance(eigenvalues: list[float], *, seed: int) -> Tensor:
    """With those eigenvalues, in a random orientation."""
    noise = torch.randn(len(eigenvalues), len(eigenvalues), generator=torch.Generator().manual_seed(seed)).double()
    rotation = torch.linalg.qr(noise).Q
    return rotation * torch.tensor(eigenvalues, dtype=torch.float64) @ rotation.T


@pytest.fixture(scope="module")
def trained(little_world: ImageSet) -> VAE:
    """A map of bright squares in four corners."""
    return manifold.train_map(little_world.train, TINY, steps=300, batch=32)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_linear_vae_is_probabilistic_pca(seed: int) -> None:
    """Its plane is the principal one, its noise the mean of the variance left out, its ELBO the exact log p(x)."""
    data = covariance([9.0, 4.0, 1.0, 0.5, 0.3, 0.2], seed=seed)

    exact, fitted = manifold.probabilistic_pca(data, 2), manifold.fit_linear_vae(data, 2, seed=seed)

    assert manifold.largest_angle(exact.weight, fitted.weight) < 1e-4
    assert fitted.variance == pytest.approx((1.0 + 0.5 + 0.3 + 0.2) / 4)
    assert fitted.elbo == pytest.approx(exact.elbo)
    # With a diagonal q the rotation is not free: the columns are the principal axes (Lucas et al. 2019).
    assert float((fitted.weight[:, 0] * fitted.weight[:, 1]).sum()) == pytest.approx(0.0, abs=1e-3)


def test_the_closed_form_is_the_likelihood_of_its_normal() -> None:
    """E log N(x; 0, WWᵀ + σ²I) under data of that covariance, by the density's own formula; other planes have less."""
    data = covariance([5.0, 3.0, 1.0, 0.5], seed=3)
    exact = manifold.probabilistic_pca(data, 2)
    model = exact.weight @ exact.weight.T + exact.variance * torch.eye(4)

    log_likelihood = -0.5 * (4 * math.log(2 * math.pi) + torch.logdet(model) + (torch.linalg.inv(model) @ data).trace())

    assert exact.elbo == pytest.approx(float(log_likelihood))
    assert manifold.fit_linear_vae(data, 1).elbo < exact.elbo


def test_angles_of_known_planes() -> None:
    """A rotation by θ out of the plane is found to be θ, whatever basis spans it."""
    plane = torch.eye(4, dtype=torch.float64)[:, :2]
    for angle in (0.0, 1e-6, 0.3, math.pi / 2):
        turned = plane.clone()
        turned[:, 1] = torch.tensor([0, math.cos(angle), math.sin(angle), 0], dtype=torch.float64)
        mixed = turned @ torch.tensor([[2.0, 1.0], [-1.0, 3.0]], dtype=torch.float64)

        assert manifold.largest_angle(plane, mixed) == pytest.approx(angle, abs=1e-9)


@pytest.mark.parametrize("side", [2, 15, 20])
def test_every_picture_stands_for_the_same_share_of_the_prior(side: int) -> None:
    """Φ of the points are the midpoints of side equal parts; the first row is the upmost, its first point leftmost."""
    points = manifold.grid_points(side)
    shares = torch.special.ndtr(points).reshape(side, side, 2)
    midpoints = (torch.arange(side) + 0.5) / side

    torch.testing.assert_close(shares[:, :, 0], midpoints.expand(side, side))
    torch.testing.assert_close(shares[:, :, 1], midpoints.flip(0)[:, None].expand(side, side))


def test_the_service_draws_the_same_map(tmp_path: Path) -> None:
    """Of a two-dimensional VAE, tile by tile, to the rounding of a byte."""
    network = tiny_vae(latent_dim=2, prior="normal")
    write_checkpoint(tmp_path, "map", network, Card(summary="a tiny map"))

    async def ask() -> bytes:
        app = create_app(Settings(store=tmp_path))
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client,
        ):
            return (await client.get("/v1/models/map/manifold.png?n=5")).content

    served = pixels_of(asyncio.run(ask()))
    with torch.no_grad():
        own = network.decode(manifold.grid_points(5))[:, 0]

    sheet = own.reshape(5, 5, 28, 28).permute(0, 2, 1, 3).reshape(140, 140)
    assert np.abs(served - 255 * sheet.numpy()).max() < 0.51


def test_the_map_is_continuous(trained: VAE) -> None:
    """No two pictures differ by more than the decoder's stretch, integrated along the line between their codes."""
    ends = torch.randn(2, 40, 2, generator=torch.Generator().manual_seed(4))
    parts = 200
    places = ((torch.arange(parts) + 0.5) / parts)[:, None, None]
    line = (ends[0] + places * (ends[1] - ends[0])).reshape(-1, 2)

    with torch.no_grad():
        apart = (trained.decode(ends[0]) - trained.decode(ends[1])).flatten(1).norm(dim=1)
    bound = manifold.stretch(trained, line).reshape(parts, -1).mean(0) * (ends[0] - ends[1]).norm(dim=1)

    assert (apart <= 1.001 * bound).all()
    assert (apart > 0.1 * bound).any()


def test_the_stretch_of_a_linear_map_is_its_spectral_norm() -> None:
    """The same at every point."""

    class Linear(VAE):
        def decode(self, latents: Tensor) -> Tensor:
            return (latents @ torch.tensor([[3.0, 0.0, 1.0], [0.0, 2.0, 0.0]]))[:, None, None]

    found = manifold.stretch(Linear(TINY), torch.randn(5, 2, generator=torch.Generator().manual_seed(5)))

    torch.testing.assert_close(found, torch.full((5,), math.sqrt(10)))


def test_neighbours_on_a_trained_map_are_alike(trained: VAE, little_world: ImageSet) -> None:
    """Nearer than any two pictures are, and codes have neighbours of their class: far more than one in four."""
    with torch.no_grad():
        near, far = manifold.neighbour_and_mean_distance(trained.decode(manifold.grid_points(10)))
    labels = little_world.test.labels
    assert labels is not None

    assert near < far / 2
    assert manifold.same_class_neighbours(manifold.codes_of(trained, little_world.test), labels) > 0.75


def test_distances_on_a_plane_are_known() -> None:
    """Pictures that are their own coordinates: a neighbour is a step away, any two the mean of all distances."""
    side = 3
    places = torch.stack(torch.meshgrid(torch.arange(3.0), torch.arange(3.0), indexing="ij"), -1).reshape(-1, 1, 1, 2)

    near, far = manifold.neighbour_and_mean_distance(places)

    pairs = [math.dist(divmod(i, side), divmod(j, side)) for i in range(9) for j in range(i)]
    assert near == pytest.approx(1.0)
    assert far == pytest.approx(sum(pairs) / len(pairs))
