"""The engine's operations against the networks themselves."""

import asyncio
import math
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from fastapi import FastAPI

from models_store import Autoencoder, Store
from models_store.estimators import bits_per_dimension, elbo_monte_carlo, importance_weighted
from models_store.latents import Stream, normals, uniforms
from models_store.likelihoods import binarize
from models_store.posteriors import DiagonalNormal
from service.engine.catalog import Catalog
from service.engine.engine import Engine
from service.engine.scoring import ScoreOptions, percentile
from service.errors import CapabilityNotSupported, DeadlineExceeded, NonFiniteResult
from service.settings import Settings
from service.telemetry import Telemetry

pytestmark = pytest.mark.anyio


@pytest.fixture
def engine(app: FastAPI) -> Engine:
    found: Engine = app.state.engine
    return found


@pytest.fixture
def images() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(3).random((3, 1, 28, 28), dtype=np.float32)


def network_of(store: Path, name: str) -> Autoencoder:
    """The network of a checkpoint, read once more."""
    network = Store.load(store)[name].network
    assert isinstance(network, Autoencoder)
    return network


async def test_a_score_is_what_the_estimators_give_on_the_same_noise(
    engine: Engine, images: np.ndarray, tiny_store: Path
) -> None:
    """ELBO, its parts, the bound and their errors agree with models_store, computed directly."""
    network = network_of(tiny_store, "plain-vae")
    options = ScoreOptions(seed=5, mc=7, k=12, per_dimension=True)

    scores, _ = await engine.score(engine.catalog["plain-vae"], images, options)

    bits = binarize(
        torch.from_numpy(images),
        torch.from_numpy(uniforms(5, [0], 784, stream=Stream.BINARIZATION)).reshape(1, 1, 28, 28),
    )
    noise = torch.from_numpy(normals(5, range(12), network.latent_dim, stream=Stream.POSTERIOR))
    statistics = network.encode(bits)
    terms = torch.stack([network.log_weights(bits, statistics, row.expand(3, -1)) for row in noise]).double()
    elbo = elbo_monte_carlo(*terms[:7].unbind(2))
    bound = importance_weighted(terms[..., 0] + terms[..., 1] - terms[..., 2])
    posterior = network.posterior(statistics)
    assert isinstance(posterior, DiagonalNormal)
    for image, score in enumerate(scores):
        assert score.elbo.value == pytest.approx(float(elbo.value[image]), rel=1e-5)
        assert score.elbo.standard_error == pytest.approx(float(elbo.standard_error[image]), rel=1e-3)
        assert score.kl.value == pytest.approx(score.reconstruction.value - score.elbo.value, rel=1e-6)
        assert score.importance_weighted.value == pytest.approx(float(bound.value[image]), rel=1e-5)
        assert score.bits_per_dim["elbo"] == pytest.approx(float(bits_per_dimension(elbo.value[image], 784)), rel=1e-5)
        assert score.kl_per_dimension == pytest.approx(posterior.divergence[image].tolist(), rel=1e-4, abs=1e-5)


async def test_a_score_does_not_depend_on_the_other_pictures(engine: Engine, images: np.ndarray) -> None:
    """The same picture has the same score alone, in another place, and under load."""
    model, options = engine.catalog["tiny-vae"], ScoreOptions(seed=1, mc=3, k=5)

    (alone, _), (together, _), _ = await asyncio.gather(
        engine.score(model, images[2:], options),
        engine.score(model, images, options),
        engine.decode(model, np.zeros((40, model.latent_dim), dtype=np.float32)),
    )

    assert together[2] == alone[0]


async def test_one_draw_has_no_standard_error(engine: Engine, images: np.ndarray) -> None:
    """An error that cannot be estimated is null, not zero and not NaN."""
    scores, _ = await engine.score(engine.catalog["plain-vae"], images[:1], ScoreOptions(mc=1, k=1))

    assert scores[0].elbo.standard_error is None
    assert scores[0].importance_weighted.standard_error is None
    assert scores[0].elbo.value == pytest.approx(scores[0].importance_weighted.value)


async def test_a_threshold_needs_no_noise_for_its_bits(engine: Engine) -> None:
    """A black picture scores the same whichever way it becomes bits."""
    model, black = engine.catalog["plain-vae"], np.zeros((1, 1, 28, 28), dtype=np.float32)

    drawn, how_drawn = await engine.score(model, black, ScoreOptions())
    cut, how_cut = await engine.score(model, black, ScoreOptions(binarize="threshold"))

    assert drawn == cut
    assert how_drawn != how_cut


def test_a_percentile_comes_from_the_cards_quantiles() -> None:
    """The median of the test set is at 50; without quantiles there is no percentile."""
    metrics = {"elbo": {"quantiles": list(range(-300, -199))}}

    assert percentile(-250.0, metrics) == 50.0
    assert percentile(-1000.0, metrics) == 0.0
    assert percentile(-250.0, {}) is None
    assert percentile(-250.0, {"elbo": {"quantiles": [1, 2]}}) is None


async def test_a_model_without_an_encoder_does_not_encode(engine: Engine, images: np.ndarray) -> None:
    """The error names the models that can."""
    with pytest.raises(CapabilityNotSupported) as refused:
        await engine.encode(engine.catalog["tiny-dcgan"], images)

    assert set(refused.value.facts["supported_by"]) == {"plain-vae", "tiny-vae"}


@pytest.mark.parametrize(
    ("default", "first"), [(None, "plain-vae"), ("tiny-vae", "tiny-vae"), ("tiny-dcgan", "plain-vae")]
)
async def test_a_model_that_cannot_recommends_the_default_one_if_that_can(
    engine: Engine, default: str | None, first: str
) -> None:
    """Else the first of the others."""
    catalog = Catalog(engine.catalog, {}, default=default)

    with pytest.raises(CapabilityNotSupported) as refused:
        catalog.require(catalog["tiny-dcgan"], "score")

    assert refused.value.facts["hint"] == f"ask {first}"
    assert refused.value.facts["supported_by"][0] == first


async def test_reconstruction_is_encode_then_decode(engine: Engine, images: np.ndarray) -> None:
    """No third way through the network."""
    model = engine.catalog["tiny-vae"]

    encoding = await engine.encode(model, images)

    decoded = await engine.decode(model, encoding.latents)
    np.testing.assert_array_equal(await engine.reconstruct(model, images), decoded)


async def test_the_scale_of_an_encoding_is_the_deviation_of_its_draws(engine: Engine, images: np.ndarray) -> None:
    """Five hundred draws of one picture vary as said, within five standard errors; a flow's posterior has no scale."""
    model = engine.catalog["plain-vae"]
    encoding = await engine.encode(model, images[:1])
    draws = [await engine.encode(model, images[:1], seed=seed) for seed in range(500)]

    deviation = np.concatenate([draw.latents for draw in draws]).std(axis=0)
    assert encoding.scale is not None
    np.testing.assert_allclose(deviation, encoding.scale[0], rtol=5 / np.sqrt(2 * 500))
    assert (await engine.encode(engine.catalog["tiny-vae"], images[:1])).scale is None


async def test_one_bad_point_fails_its_own_request_only(engine: Engine) -> None:
    """A neighbour in the same batch gets the picture it would have got alone."""
    model = engine.catalog["plain-vae"]
    good = np.zeros((2, model.latent_dim), dtype=np.float32)
    alone = await engine.decode(model, good)

    bad, neighbour = await asyncio.gather(
        engine.decode(model, np.full((1, model.latent_dim), math.inf, dtype=np.float32)),
        engine.decode(model, good),
        return_exceptions=True,
    )

    assert isinstance(bad, NonFiniteResult)
    np.testing.assert_array_equal(neighbour, alone)


async def test_a_deadline_bounds_all_stages_together(tiny_store: object, app: FastAPI) -> None:
    """A request that cannot be done in time is refused as late, and the engine goes on."""
    settings = Settings(store=tiny_store, deadline_s=1e-9)  # type: ignore[arg-type]  # a path
    engine = await Engine.start(settings, Telemetry())

    with pytest.raises(DeadlineExceeded):
        await engine.decode(engine.catalog["plain-vae"], np.zeros((1, 6), dtype=np.float32))

    assert engine.queued_rows == 0
    await engine.close()


async def test_a_failed_forward_pass_shows_in_readiness_until_one_works(
    app: FastAPI, client: httpx.AsyncClient, engine: Engine
) -> None:
    """Readiness tries again by itself, and says 503 only while the model really fails."""
    engine._executor.last_run_failed = True

    assert (await client.get("/readyz")).json()["ready"] is True

    engine.draining = True
    answer = await client.get("/readyz")
    engine.draining = False
    assert answer.status_code == 503
    assert answer.json()["reason"] == "draining"
