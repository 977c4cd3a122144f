"""The runner: plans, padding, and bits that do not depend on the batch."""

from pathlib import Path

import numpy as np
import pytest

from models_store import Store
from models_store.latents import Floats, normals
from service.engine.runner import Plan, TorchRunner
from service.errors import NonFiniteResult


@pytest.fixture(scope="module")
def store(tiny_store: Path) -> Store:
    return Store.load(tiny_store)


@pytest.fixture(scope="module")
def runner(store: Store) -> TorchRunner:
    runner = TorchRunner(store.values(), device="cpu", threads=1, max_batch=32)
    runner.warm_up()
    return runner


def latents(count: int, dim: int) -> Floats:
    return normals(1, range(count), dim)


@pytest.mark.parametrize(
    ("count", "chunks"), [(1, [(1, 8)]), (8, [(8, 8)]), (9, [(9, 16)]), (33, [(16, 16), (16, 16), (1, 8)])]
)
def test_a_plan_cuts_rows_into_sizes_it_knows(count: int, chunks: list[tuple[int, int]]) -> None:
    """Full passes of the largest size, then the smallest that holds the rest."""
    assert Plan((8, 16)).chunks(count) == chunks


@pytest.mark.parametrize("name", ["plain-vae", "tiny-vae", "tiny-dcgan"])
@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 31, 32, 33, 70])
def test_a_row_has_the_same_bits_in_every_batch(store: Store, runner: TorchRunner, name: str, count: int) -> None:
    """Batching is invisible: alone, first, last and in company a latent gives one image."""
    model = store[name]
    every = latents(count, model.network.latent_dim)
    key = (model.digest, "decode")

    together = runner.run(key, [every])

    np.testing.assert_array_equal(together[0], runner.run(key, [every[:1]])[0])
    np.testing.assert_array_equal(together[-1], runner.run(key, [every[-1:]])[0])
    np.testing.assert_array_equal(together, runner.run(key, [every[::-1]])[::-1])


def test_a_size_whose_bits_differ_is_never_used(runner: TorchRunner, store: Store) -> None:
    """Where no size is steady, rows run one by one; the card says which sizes are in use."""
    sizes = runner.numerics(store["plain-vae"].digest)["batch_sizes"]

    assert set(sizes) == {"decode", "log_prior", "encode", "center", "draw", "log_weights", "divergence", "scale"}
    assert all(set(plan) <= {8, 16, 32} or plan == [1] for plan in sizes.values())


def test_only_autoencoders_have_inference_operations(runner: TorchRunner, store: Store) -> None:
    """What a network can do follows from its type."""
    assert set(runner.numerics(store["tiny-dcgan"].digest)["batch_sizes"]) == {"decode", "log_prior"}
    assert "divergence" not in runner.numerics(store["tiny-vae"].digest)["batch_sizes"]


def test_a_row_that_is_not_finite_is_refused(runner: TorchRunner, store: Store) -> None:
    """NaN never leaves the runner as a picture."""
    model = store["plain-vae"]
    bad = np.full((1, model.network.latent_dim), np.nan, dtype=np.float32)

    with pytest.raises(NonFiniteResult):
        runner.run((model.digest, "decode"), [np.concatenate([latents(3, model.network.latent_dim), bad])])
