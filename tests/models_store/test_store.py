"""A folder as a mapping: the good models in it, the bad ones by name, and nothing that is no model to serve."""

import hashlib
from pathlib import Path

import pytest
import torch

from models_store import Autoencoder, Card, CheckpointError, LatentModel, Store, StoredModel, write_checkpoint
from models_store.classifier import Classifier, ClassifierConfig
from tests.conftest import tiny_dcgan, tiny_vae
from tests.models_store.examples import contiguous, forge, header_of, noise


def test_a_store_holds_the_models_of_its_folder(tiny_store: Path) -> None:
    """By name, in the order of names, each of its kind, with nothing rejected."""
    store = Store.load(tiny_store)

    assert list(store) == ["plain-vae", "tiny-dcgan", "tiny-vae"]
    assert len(store) == 3
    assert store.rejected == {}
    assert "tiny-vae" in store
    assert store.get("unknown") is None
    for name, model in store.items():
        assert isinstance(model, StoredModel)
        assert model.name == name
        assert isinstance(model.network, LatentModel)
        assert isinstance(model.network, Autoencoder) == (model.architecture == "vae")


def test_a_stored_model_is_ready_to_serve(tiny_store: Path) -> None:
    """Frozen, in eval mode, on the CPU, its digest the sha256 of its file and its outputs those of the original."""
    model = Store.load(tiny_store)["tiny-dcgan"]

    assert not model.network.training
    assert not any(parameter.requires_grad for parameter in model.network.parameters())
    assert {tensor.device.type for tensor in model.network.state_dict().values()} == {"cpu"}
    file = tiny_store / f"tiny-dcgan-{model.digest[:16]}.safetensors"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == model.digest
    assert model.card == Card(summary="a tiny DCGAN")
    latents = noise(3, 5).float()
    torch.testing.assert_close(model.network.decode(latents), tiny_dcgan().decode(latents))


def test_a_store_reports_the_bad_by_name_and_loads_the_good(tmp_path: Path) -> None:
    """One broken checkpoint, or ten, keeps no other from being served."""
    write_checkpoint(tmp_path, "good", tiny_dcgan(), Card(summary="good"))
    write_checkpoint(tmp_path, "also-good", tiny_vae(), Card(summary="good, too"))
    truncated = write_checkpoint(tmp_path, "truncated", tiny_dcgan(), Card(summary="cut"))
    truncated.write_bytes(truncated.read_bytes()[:-1])
    write_checkpoint(tmp_path, "gone", tiny_dcgan(), Card(summary="lost")).unlink()
    (tmp_path / "garbage.json").write_bytes(b"\x00\xff")
    (tmp_path / "Bad Name.json").write_text("{}")
    tensors = contiguous(tiny_dcgan())
    tensors["layers.0.weight"][0, 0, 0, 0] = float("nan")
    forge(tmp_path, "poisoned", header=header_of(tiny_dcgan(), "dcgan"), tensors=tensors)

    store = Store.load(tmp_path)

    assert list(store) == ["also-good", "good"]
    assert sorted(store.rejected) == ["Bad Name", "garbage", "gone", "poisoned", "truncated"]
    assert truncated.name in store.rejected["truncated"]
    assert "garbage.json" in store.rejected["garbage"]
    assert "NaN" in store.rejected["poisoned"]


def test_a_store_does_not_list_a_classifier(tmp_path: Path) -> None:
    """It lies there for evaluation: neither a model to serve nor a fault to report."""
    write_checkpoint(tmp_path, "judge", Classifier(ClassifierConfig(widths=(4,), features=5)), Card(summary="a judge"))

    store = Store.load(tmp_path)

    assert "judge" not in store
    assert store.rejected == {}


def test_a_store_sees_only_what_is_pointed_to(tmp_path: Path) -> None:
    """Older files, temporary ones and notes lie about without being listed; an empty folder is an empty store."""
    assert len(Store.load(tmp_path)) == 0
    write_checkpoint(tmp_path, "model", tiny_dcgan(), Card(summary="old"))
    write_checkpoint(tmp_path, "model", tiny_dcgan(), Card(summary="new"))
    (tmp_path / ".model.json.123.tmp").write_bytes(b"{")
    (tmp_path / "README.md").write_text("notes")
    (tmp_path / "folder").mkdir()

    store = Store.load(tmp_path)

    assert {name: model.card.summary for name, model in store.items()} == {"model": "new"}
    assert store.rejected == {}


def test_a_loaded_store_does_not_change_with_its_folder(tmp_path: Path) -> None:
    """What was loaded stays what it was when the name points elsewhere, or nowhere."""
    write_checkpoint(tmp_path, "model", tiny_dcgan(), Card(summary="old"))
    store = Store.load(tmp_path)
    latents = noise(2, 5).float()
    before = store["model"].network.decode(latents)

    write_checkpoint(tmp_path, "model", tiny_dcgan(channels=3), Card(summary="new"))
    for file in tmp_path.glob("*.safetensors"):
        file.write_bytes(b"")

    assert store["model"].card.summary == "old"
    assert torch.equal(store["model"].network.decode(latents), before)


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_a_store_without_a_folder_says_so(kind: str, tmp_path: Path) -> None:
    """The one error that no model can be blamed for names the path."""
    place = tmp_path / "weights"
    if kind == "file":
        place.write_text("")

    with pytest.raises(CheckpointError, match="weights"):
        Store.load(place)
