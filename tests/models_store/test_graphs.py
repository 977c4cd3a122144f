"""Archives of graphs beside checkpoints."""

import io
import json
import shutil
import zipfile
from pathlib import Path

import pytest

from models_store import Store
from models_store.checkpoint import read_checkpoint, write_graphs
from models_store.graphs import Graph, GraphsError, pack, unpack
from models_store.pointer import CheckpointError
from models_store.store import SHIPPED

GRAPHS = {"decode": Graph(b"a graph", {"weight": "layers.0.weight"}), "encode": Graph(b"", {})}


@pytest.fixture
def folder(tiny_store: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_store, tmp_path / "store"))


def test_what_is_packed_comes_out_again() -> None:
    """Operations, graphs and the names of their tensors; and the same graphs make the same bytes."""
    assert unpack(pack(GRAPHS)) == GRAPHS
    assert pack(GRAPHS) == pack(dict(reversed(GRAPHS.items())))


@pytest.mark.parametrize("content", [b"", b"no archive", pack(GRAPHS)[:-30]])
def test_what_is_no_archive_is_refused(content: bytes) -> None:
    """Empty, foreign or cut off."""
    with pytest.raises(GraphsError, match="no archive"):
        unpack(content)


@pytest.mark.parametrize(
    "tensors", ['{"decode": ["weight"]}', '{"decode": {"weight": 1}}', '{"missing": {}}', "[", "7"]
)
def test_an_archive_that_contradicts_itself_is_refused(tensors: str) -> None:
    """Its list of tensors names what is not there, or is no list of names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("tensors.json", tensors)
        archive.writestr("decode.onnx", b"a graph")

    with pytest.raises(GraphsError):
        unpack(buffer.getvalue())


def test_a_model_brings_the_graphs_that_its_name_points_to(folder: Path) -> None:
    """And without any it is the model that it was."""
    assert Store.load(folder)["tiny-dcgan"].graphs == {}

    path = write_graphs(folder, "tiny-dcgan", pack(GRAPHS))

    assert path.name.startswith("tiny-dcgan-")
    assert Store.load(folder)["tiny-dcgan"].graphs == GRAPHS


def test_a_model_does_without_an_archive_that_is_missing_or_was_altered(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever copies a model may leave its graphs behind; what is not as it was written is not used."""
    path = write_graphs(folder, "tiny-dcgan", pack(GRAPHS))
    path.write_bytes(path.read_bytes()[:-1] + b"!")

    assert Store.load(folder)["tiny-dcgan"].graphs == {}
    assert "altered" in caplog.text
    path.unlink()
    assert Store.load(folder)["tiny-dcgan"].graphs == {}
    assert "graphs refused model=tiny-dcgan" in caplog.text


def test_a_pointer_to_graphs_outside_the_folder_is_none(folder: Path) -> None:
    """No name of a file may lead elsewhere."""
    write_graphs(folder, "tiny-dcgan", pack(GRAPHS))
    pointer = folder / "tiny-dcgan.json"
    said = json.loads(pointer.read_text())
    said["graphs"]["file"] = "../graphs.zip"
    pointer.write_text(json.dumps(said))

    with pytest.raises(CheckpointError, match="no checkpoint pointer"):
        read_checkpoint(folder, "tiny-dcgan")


def test_shipped_graphs_hold_no_weights() -> None:
    """They are a small part of their checkpoint: the weights are kept once."""
    for path in SHIPPED.glob("*.graphs.zip"):
        checkpoint = path.with_name(path.name.replace(".graphs.zip", ".safetensors"))
        assert path.stat().st_size < checkpoint.stat().st_size / 8, path.name
