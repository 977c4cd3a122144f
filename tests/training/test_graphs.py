"""Operations written as graphs: they compute what the network computes, with the checkpoint's own weights."""

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from models_store import Card, Store, write_checkpoint
from models_store.checkpoint import write_graphs
from models_store.doubling import FEWEST_CHANNELS
from models_store.graphs import pack
from models_store.latents import Floats, normals
from models_store.pointer import read_pointer
from models_store.store import SHIPPED
from service.engine.cpu_runner import CpuRunner
from service.engine.runner import TorchRunner
from tests.conftest import tiny_dcgan
from training.__main__ import main
from training.graphs import SMALL, Weights, graphs_of

WRITTEN = [("tiny-vae", "decode"), ("tiny-vae", "encode"), ("tiny-vae", "draw"), ("tiny-dcgan", "decode")]


@pytest.fixture(scope="module")
def store(tiny_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = Path(shutil.copytree(tiny_store, tmp_path_factory.mktemp("graphs") / "store"))
    for name, model in Store.load(folder).items():
        weights = Weights.of(folder / read_pointer(folder / f"{name}.json").file)
        operations = [operation for owner, operation in WRITTEN if owner == name]
        if operations:
            write_graphs(folder, name, pack(graphs_of(model.network, weights, operations)))
    return Store.load(folder)


@pytest.fixture(scope="module")
def graphs(store: Store) -> CpuRunner:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models_store.generator.kernels", None)
        runner = CpuRunner(store.values(), threads=1, max_batch=32)
        runner.warm_up()
    return runner


@pytest.fixture(scope="module")
def networks(store: Store) -> TorchRunner:
    runner = TorchRunner(store.values(), device="cpu", threads=1, max_batch=32)
    runner.warm_up()
    return runner


def columns_of(store: Store, name: str, operation: str, count: int) -> list[Floats]:
    """What that operation takes: latents, pictures of zeros and ones, or statistics and noise."""
    network = store[name].network
    latents = normals(1, range(count), network.latent_dim)
    if operation == "decode":
        return [latents]
    images = (normals(2, range(count), int(np.prod(network.image_shape))) > 0).astype(np.float32)
    images = images.reshape(count, *network.image_shape)
    statistics: Floats = normals(3, range(count), 2 * network.latent_dim)
    return [images] if operation == "encode" else [statistics, latents]


@pytest.mark.parametrize(("name", "operation"), WRITTEN)
def test_a_graph_computes_what_the_network_does(
    store: Store, graphs: CpuRunner, networks: TorchRunner, name: str, operation: str
) -> None:
    """Up to rounding; batch norm folded away or not."""
    key, columns = (store[name].digest, operation), columns_of(store, name, operation, 20)

    assert operation in graphs.numerics(key[0])["graphs"]
    np.testing.assert_allclose(graphs.run(key, columns), networks.run(key, columns), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("operation", ["decode", "encode", "draw"])
def test_a_row_has_the_same_bits_in_a_batch_of_any_size(store: Store, graphs: CpuRunner, operation: str) -> None:
    """Nothing is padded: 1, 7 and 33 rows cost so many."""
    key, columns = (store["tiny-vae"].digest, operation), columns_of(store, "tiny-vae", operation, 70)

    every = graphs.run(key, columns)

    for size in (1, 7, 33):
        part = [column[5 : 5 + size] for column in columns]
        np.testing.assert_array_equal(graphs.run(key, part), every[5 : 5 + size])
        assert graphs.padded(key, size) == size


def test_an_unwritten_graph_leaves_the_operation_to_torch(store: Store, graphs: CpuRunner) -> None:
    """A model without graphs is served as before."""
    digest = store["plain-vae"].digest

    assert graphs.numerics(digest)["graphs"] == []
    assert "decode" in graphs.numerics(digest)["batch_sizes"]
    assert graphs.padded((digest, "decode"), 3) == 8
    assert len(graphs.run((digest, "decode"), columns_of(store, "plain-vae", "decode", 3))) == 3


def test_a_doubling_is_written_as_convolutions_without_weights(tmp_path: Path) -> None:
    """Its four kernels are cut from the checkpoint's one when the graph is loaded, and not kept a second time."""
    network = tiny_dcgan(width=FEWEST_CHANNELS)
    write_checkpoint(tmp_path, "wide", network, Card(summary="a DCGAN wide enough for phases"))
    weights = Weights.of(tmp_path / read_pointer(tmp_path / "wide.json").file)

    graph = onnx.load_from_string(graphs_of(network, weights, ["decode"])["decode"].model).graph

    kinds = [node.op_type for node in graph.node]
    assert kinds.count("Conv") == 4
    assert "ConvTranspose" not in kinds
    constants = [each.t for node in graph.node for each in node.attribute if each.HasField("t")]
    kept = [each for each in (*graph.initializer, *constants) if each.data_location != onnx.TensorProto.EXTERNAL]
    assert all(each.ByteSize() < 2 * SMALL for each in kept)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fashion-dcgan", "fashion-vae-2d"])
def test_the_command_writes_the_graphs_that_are_shipped(name: str, tmp_path: Path) -> None:
    """The same operations with the same weights: what is in the repository can be made again."""
    folder = Path(shutil.copytree(SHIPPED, tmp_path / "store"))
    shipped = Store.load(folder)[name].graphs

    assert main(["graphs", name, "--store", str(folder)]) == 0

    written = Store.load(folder)[name].graphs
    assert {each: set(graph.tensors.values()) for each, graph in written.items()} == {
        each: set(graph.tensors.values()) for each, graph in shipped.items()
    }
