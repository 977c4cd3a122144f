"""The runner on a CPU with a shipped checkpoint: kernels, graphs, and what it does about those that are not right."""

import dataclasses
import logging
import math

import numpy as np
import pytest

from models_store import Store, StoredModel
from models_store.compiled import kernels
from models_store.generator import Generator
from models_store.graphs import Graph
from models_store.latents import normals, packed
from models_store.pixels import to_bytes
from models_store.store import SHIPPED
from service.engine.cpu_runner import CpuRunner
from service.errors import NonFiniteResult


@pytest.fixture(scope="module")
def model() -> StoredModel:
    return Store.load(SHIPPED)["fashion-dcgan"]


@pytest.fixture(scope="module", params=["kernels", "graphs"])
def runner(model: StoredModel, request: pytest.FixtureRequest) -> CpuRunner:
    """By each means that the checkpoint has."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "graphs":
            patch.setattr("models_store.generator.kernels", None)
        elif kernels is None or not kernels.sets():
            pytest.skip("this machine has no kernels")
        runner = CpuRunner([model], threads=1, max_batch=64)
        runner.warm_up()
    assert "decode" in runner.numerics(model.digest)[request.param]
    return runner


@pytest.fixture
def without_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where there was no C compiler."""
    monkeypatch.setattr("models_store.generator.kernels", None)


def runner_of(model: StoredModel, graph: Graph) -> CpuRunner:
    runner = CpuRunner([dataclasses.replace(model, graphs={"decode": graph})], threads=1, max_batch=64)
    runner.warm_up()
    return runner


def test_one_latent_is_one_picture_in_two_hundred_random_batches(model: StoredModel, runner: CpuRunner) -> None:
    """Sizes, orders and neighbours at random: not one byte differs."""
    key = (model.digest, "decode")
    latents = normals(1, range(100), model.network.latent_dim)
    alone = [runner.run(key, [row[None]])[0] for row in latents]
    choice = np.random.default_rng(0)

    for _ in range(200):
        rows = choice.permutation(100)[: choice.integers(1, 65)]
        for row, picture in zip(rows, runner.run(key, [latents[rows]]), strict=True):
            assert picture.tobytes() == alone[row].tobytes()


def test_levels_are_those_of_the_pixels(model: StoredModel, runner: CpuRunner) -> None:
    """In the graph or out of it, in batches of any size."""
    key = (model.digest, "decode")
    latents = normals(2, range(70), model.network.latent_dim)

    for count in (1, 7, 64, 70):
        levels = runner.sample(model.digest, packed([(2, index) for index in range(count)]))
        assert levels.dtype == np.uint8
        assert np.array_equal(levels, to_bytes(runner.run(key, [latents[:count]])))


def test_a_row_that_is_not_finite_is_refused(model: StoredModel, runner: CpuRunner) -> None:
    """NaN never leaves the runner as a picture."""
    with pytest.raises(NonFiniteResult):
        runner.run((model.digest, "decode"), [np.full((1, 100), np.nan, dtype=np.float32)])
    with pytest.raises(NonFiniteResult):
        runner.sample(model.digest, [*packed([(0, 0)]), *packed([(0, 0)], math.nan)])


@pytest.mark.usefixtures("without_kernels")
def test_a_graph_with_other_weights_is_not_used(model: StoredModel, caplog: pytest.LogCaptureFixture) -> None:
    """It is held against the network; the log names it, and torch answers in its place."""
    right = model.graphs["decode"]
    norms = [name for name, key in right.tensors.items() if key.endswith("layers.1.weight")]
    wrong = {**right.tensors, **dict.fromkeys(norms, "layers.1.bias")}
    assert wrong != right.tensors

    with caplog.at_level(logging.WARNING):
        runner = runner_of(model, dataclasses.replace(right, tensors=wrong))

    assert "its results are not those of the network" in caplog.text
    assert runner.numerics(model.digest)["graphs"] == []
    assert runner.run((model.digest, "decode"), [normals(1, [0], 100)])[0].shape == (1, 28, 28)


@pytest.mark.usefixtures("without_kernels")
@pytest.mark.parametrize("content", [b"", b"no graph"])
def test_a_graph_that_cannot_be_read_is_not_used(
    model: StoredModel, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is in the file, the model is served."""
    runner = runner_of(model, Graph(content, {}))

    assert "graphs not used model=fashion-dcgan operation=decode" in caplog.text
    assert runner.numerics(model.digest)["graphs"] == []


def test_kernels_with_other_weights_are_not_used(
    model: StoredModel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """They, too, are held against the network; then the graph answers."""
    right = Generator.run
    monkeypatch.setattr(Generator, "run", lambda self, columns: right(self, columns) + np.float32(1e-3))

    runner = CpuRunner([model], threads=1, max_batch=64)
    runner.warm_up()

    if kernels is not None and kernels.sets():
        assert "kernels not used model=fashion-dcgan operation=decode" in caplog.text
    assert runner.numerics(model.digest)["kernels"] == []
    assert "decode" in runner.numerics(model.digest)["graphs"]
