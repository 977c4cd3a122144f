"""The file format: what is written is read, and whatever else lies there is refused by name and runs nothing."""

import contextlib
import dataclasses
import hashlib
import json
import os
import pickle
import resource
import stat
import struct
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from torch import Tensor, nn

from models_store import Autoencoder, Card, CheckpointError, LatentModel, write_checkpoint
from models_store.checkpoint import METADATA_KEY, parse_header, read_checkpoint
from models_store.classifier import Classifier, ClassifierConfig
from models_store.pointer import LARGEST_HEADER
from tests.conftest import tiny_dcgan, tiny_vae
from tests.models_store.examples import contiguous, forge, forge_bytes, header_of, noise, point

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "vae with a learned prior": tiny_vae,
    "vae with a normal prior": lambda: tiny_vae(prior="normal"),
    "categorical vae": lambda: tiny_vae(likelihood="categorical", channels=3, image_size=32),
    "dcgan": tiny_dcgan,
    "classifier": lambda: Classifier(ClassifierConfig(widths=(4, 8), features=5)).eval(),
}
CARD = Card(
    summary="a test — mit Umlauten äöü",
    data={"name": "none", "sha256": "0" * 64},
    training={"steps": 3, "rates": [0.1, 0.01]},
    metrics={"elbo": {"value": -230.5, "standard_error": None}},
)


def refusal(folder: Path, name: str = "model") -> str:
    """The message with which the checkpoint is refused."""
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(folder, name)
    return str(caught.value)


def outputs(network: nn.Module) -> list[Tensor]:
    """What it computes on inputs of a fixed seed."""
    with torch.inference_mode():
        if isinstance(network, Autoencoder):
            images = torch.sigmoid(noise(3, *network.image_shape).float())
            statistics = network.encode(images)
            return [network.decode(noise(3, network.latent_dim).float()), statistics]
        if isinstance(network, LatentModel):
            return [network.decode(noise(3, network.latent_dim).float())]
        return [network(torch.sigmoid(noise(3, 1, 28, 28).float()))]


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS.keys())
def test_what_is_written_is_read(make: Callable[[], nn.Module], tmp_path: Path) -> None:
    """Tensors bit for bit, outputs, config and card; the network frozen and in eval mode, its digest the file's."""
    network = make()

    path = write_checkpoint(tmp_path, "model", network, CARD)
    found = read_checkpoint(tmp_path, "model")

    assert found.name == "model"
    assert found.card == CARD
    assert type(found.network) is type(network)
    assert found.network.config == network.config
    expected = network.state_dict()
    assert found.network.state_dict().keys() == expected.keys()
    for key, tensor in found.network.state_dict().items():
        assert tensor.dtype == expected[key].dtype
        assert torch.equal(tensor, expected[key])
    assert not found.network.training
    assert not any(parameter.requires_grad for parameter in found.network.parameters())
    torch.testing.assert_close(outputs(found.network), outputs(network))
    assert found.digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_is_named_by_its_content_and_says_what_it_is(tmp_path: Path) -> None:
    """`<name>-<digest>.safetensors` with architecture, config and card in its own header, and a pointer beside it."""
    path = write_checkpoint(tmp_path, "model", tiny_dcgan(), CARD)

    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    assert path.name == f"model-{digest[:16]}.safetensors"
    assert sorted(file.name for file in tmp_path.iterdir()) == [path.name, "model.json"]
    pointer = json.loads((tmp_path / "model.json").read_text())
    assert pointer == {"file": path.name, "size": len(content), "sha256": digest}
    header = parse_header(content)
    assert header == {
        "format": 1,
        "architecture": "dcgan",
        "config": dataclasses.asdict(tiny_dcgan().config),
        "card": dataclasses.asdict(CARD),
    }


def test_writing_is_a_function_of_the_content(tmp_path: Path) -> None:
    """The same network and card give the same file, wherever and however often written."""
    first = write_checkpoint(tmp_path / "a", "model", tiny_vae(), CARD)
    again = write_checkpoint(tmp_path / "a", "model", tiny_vae(), CARD)
    elsewhere = write_checkpoint(tmp_path / "b" / "c", "model", tiny_vae(), CARD)

    assert first == again
    assert first.name == elsewhere.name
    assert first.read_bytes() == elsewhere.read_bytes()


def test_an_older_file_stays_as_it_was(folder: Path) -> None:
    """A second checkpoint of a name adds a file and moves the pointer; whoever reads the old file can go on."""
    (old,) = folder.glob("*.safetensors")
    content, digest = old.read_bytes(), read_checkpoint(folder, "model").digest

    new = write_checkpoint(folder, "model", tiny_dcgan(channels=3), CARD)

    assert new != old
    assert old.read_bytes() == content
    assert read_checkpoint(folder, "model").digest != digest
    assert sorted(folder.iterdir()) == sorted([old, new, folder / "model.json"])


def test_writing_leaves_the_network_as_it_was(tmp_path: Path) -> None:
    """Its mode, its gradients and its tensors are the trainer's own."""
    network = tiny_dcgan().train()
    before = contiguous(network)

    write_checkpoint(tmp_path, "model", network, CARD)

    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert all(torch.equal(before[key], tensor) for key, tensor in network.state_dict().items())


def test_reading_draws_no_random_numbers(folder: Path) -> None:
    """The global generator is where it was, although networks start with random weights."""
    before = torch.get_rng_state()

    read_checkpoint(folder, "model")

    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", ["", "Model", "-a", ".a", "a/b", "../a", "a b", "a\n", "ä", "a" * 65, "a\0"])
def test_a_name_that_could_be_a_path_or_an_option_is_not_written(name: str, tmp_path: Path) -> None:
    """Nothing is left behind, either."""
    with pytest.raises(ValueError, match="checkpoint name"):
        write_checkpoint(tmp_path, name, tiny_dcgan(), CARD)

    assert not list(tmp_path.iterdir())


def test_a_network_of_no_known_architecture_is_not_written(tmp_path: Path) -> None:
    """The error names its type."""
    with pytest.raises(ValueError, match="Linear"):
        write_checkpoint(tmp_path, "model", nn.Linear(1, 1), CARD)

    assert not list(tmp_path.iterdir())


def test_a_checkpoint_that_is_not_there_is_refused_by_name(folder: Path) -> None:
    """Neither without its pointer nor without its file."""
    assert "unknown.json" in refusal(folder, "unknown")

    (file,) = folder.glob("*.safetensors")
    file.unlink()

    assert file.name in refusal(folder)


def test_every_truncation_is_refused_by_name(folder: Path) -> None:
    """Cut anywhere, in the length, the header or the tensors, or grown by a byte."""
    (file,) = folder.glob("*.safetensors")
    content = file.read_bytes()
    header_end = 8 + struct.unpack("<Q", content[:8])[0]
    lengths = {0, 1, 7, 8, 9, header_end - 1, header_end, header_end + 1, *range(0, len(content), 997)}

    for length in sorted(lengths | {len(content) - 1}):
        file.write_bytes(content[:length])
        assert file.name in refusal(folder), length
    file.write_bytes(content + b"\0")
    assert file.name in refusal(folder)


def test_every_flipped_byte_of_a_file_is_refused_by_name(folder: Path) -> None:
    """In the length, in the header, in the first, the last and many tensors between."""
    (file,) = folder.glob("*.safetensors")
    content = file.read_bytes()
    header_end = 8 + struct.unpack("<Q", content[:8])[0]
    offsets = [*range(8), *range(8, header_end, 41), *range(header_end, len(content), 499), len(content) - 1]

    for offset in offsets:
        changed = bytearray(content)
        changed[offset] ^= 1 << offset % 8
        file.write_bytes(changed)
        assert file.name in refusal(folder), offset


def test_every_flipped_bit_of_a_pointer_is_refused(folder: Path) -> None:
    """At each offset; the message names the pointer or the file it now points to."""
    pointer = folder / "model.json"
    content = pointer.read_bytes()

    for offset in range(len(content)):
        changed = bytearray(content)
        changed[offset] ^= 1 << offset % 8
        pointer.write_bytes(changed)
        try:
            named = json.loads(changed)["file"]
        except (ValueError, KeyError):
            named = pointer.name
        message = refusal(folder)
        assert named in message or pointer.name in message, offset


def test_every_truncation_of_a_pointer_is_refused_by_name(folder: Path) -> None:
    """A half-written pointer never passes, but for its last line break."""
    pointer = folder / "model.json"
    content = pointer.read_bytes().rstrip()

    for length in range(len(content)):
        pointer.write_bytes(content[:length])
        assert pointer.name in refusal(folder), length


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b'"model"',
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"file": "a"}',
        b'{"file": "a", "size": 1}',
        b'{"file": "a", "size": "1", "sha256": "' + b"0" * 64 + b'"}',
        b'{"file": 1, "size": 1, "sha256": "' + b"0" * 64 + b'"}',
        b'{"file": "a", "size": -1, "sha256": "' + b"0" * 64 + b'"}',
        b'{"file": "a", "size": 1, "sha256": "' + b"A" * 64 + b'"}',
        b'{"file": "a", "size": 1, "sha256": "' + b"0" * 63 + b'"}',
        b'{"file": "a", "size": 1, "sha256": 0}',
        b'{"file": "a", "size": 1, "sha256": "' + b"0" * 64 + b'", "more": 1}',
        b'{"file": "../a", "size": 1, "sha256": "' + b"0" * 64 + b'"}',
        b'{"file": "/etc/passwd", "size": 1, "sha256": "' + b"0" * 64 + b'"}',
    ],
    ids=lambda content: repr(content[:24]),
)
def test_a_pointer_that_is_none_is_refused_by_name(content: bytes, folder: Path) -> None:
    """Broken JSON, fields missing, of a wrong type or too many, and paths out of the folder."""
    (folder / "model.json").write_bytes(content)

    assert "model.json" in refusal(folder)


def test_a_pointer_larger_than_any_pointer_is_not_read(folder: Path) -> None:
    """Its size is refused before its content is parsed."""
    (folder / "model.json").write_bytes(b" " * (LARGEST_HEADER + 1))

    assert str(LARGEST_HEADER) in refusal(folder)


def test_a_pointer_reaches_no_file_of_another_folder(tmp_path: Path) -> None:
    """Not even a good checkpoint with the right digest."""
    good = write_checkpoint(tmp_path / "a", "model", tiny_dcgan(), CARD)
    (tmp_path / "b").mkdir()

    for way in (f"../a/{good.name}", str(good)):
        point(tmp_path / "b", "model", way, good.read_bytes())
        assert "model.json" in refusal(tmp_path / "b")


def test_a_right_size_or_digest_alone_is_not_enough(folder: Path) -> None:
    """Both are checked, and the message says which is wrong."""
    (file,) = folder.glob("*.safetensors")
    content = file.read_bytes()

    point(folder, "model", file.name, content, size=len(content) + 1)
    assert "truncated" in refusal(folder)

    point(folder, "model", file.name, content, sha256="0" * 64)
    assert "sha256" in refusal(folder)


WEIGHT = "layers.0.weight"


def poison(tensors: dict[str, Tensor], key: str, value: float) -> None:
    """One number in one place."""
    tensors[key].view(-1)[0] = value


DAMAGES: dict[str, tuple[Callable[[dict[str, Tensor]], object], str]] = {
    "NaN": (lambda tensors: poison(tensors, WEIGHT, float("nan")), f"{WEIGHT} holds NaN"),
    "infinity": (lambda tensors: poison(tensors, WEIGHT, -float("inf")), f"{WEIGHT} holds NaN or infinity"),
    "NaN in a statistic": (lambda tensors: poison(tensors, "layers.1.running_var", float("nan")), "running_var holds"),
    "shape": (lambda tensors: tensors.update({WEIGHT: tensors[WEIGHT][:-1].clone()}), f"{WEIGHT} is (4, "),
    "flattened": (lambda tensors: tensors.update({WEIGHT: tensors[WEIGHT].flatten()}), f"{WEIGHT} is ("),
    "double": (lambda tensors: tensors.update({WEIGHT: tensors[WEIGHT].double()}), "float64"),
    "half": (lambda tensors: tensors.update({WEIGHT: tensors[WEIGHT].half()}), "float16"),
    "integers": (lambda tensors: tensors.update({WEIGHT: tensors[WEIGHT].int()}), "int32"),
    "extra": (lambda tensors: tensors.update({"layers.0.more": torch.zeros(1)}), "layers.0.more"),
    "missing": (lambda tensors: tensors.pop(WEIGHT), WEIGHT),
    "renamed": (lambda tensors: tensors.update({"layers.0.Weight": tensors.pop(WEIGHT)}), "layers.0.Weight"),
    "none": (lambda tensors: tensors.clear(), "missing"),
}
"""What can be wrong with the tensors of a DCGAN, and what the message says then."""


@pytest.mark.parametrize(("damage", "said"), DAMAGES.values(), ids=DAMAGES.keys())
def test_tensors_that_are_not_the_networks_are_refused(
    damage: Callable[[dict[str, Tensor]], object], said: str, tmp_path: Path
) -> None:
    """With a right digest, too: values, shapes, types and names are checked, and the message names the tensor."""
    network = tiny_dcgan()
    tensors = contiguous(network)
    damage(tensors)

    file = forge(tmp_path, "model", header=header_of(network, "dcgan"), tensors=tensors)

    message = refusal(tmp_path)
    assert file.name in message
    assert said in message


def test_a_forged_checkpoint_without_a_fault_is_read(tmp_path: Path) -> None:
    """So the refusals above are for the damage and not for the forging."""
    network = tiny_dcgan()

    forge(tmp_path, "model", header=header_of(network, "dcgan"), tensors=contiguous(network))

    assert isinstance(read_checkpoint(tmp_path, "model").network, LatentModel)


@pytest.mark.parametrize("architecture", ["diffusion", "", "vae ", "__class__", None, 5, "classifier", "vae"])
def test_an_architecture_that_is_unknown_or_another_is_refused(architecture: object, tmp_path: Path) -> None:
    """The file is named, and an unknown architecture with those that are known."""
    network = tiny_dcgan()
    header = header_of(network, "dcgan") | {"architecture": architecture}

    file = forge(tmp_path, "model", header=header, tensors=contiguous(network))

    message = refusal(tmp_path)
    assert file.name in message
    assert "dcgan" in message or architecture in ("classifier", "vae")


@pytest.mark.parametrize(
    "change",
    [
        {"width": -1},
        {"width": 0},
        {"width": 5},
        {"width": 4.0},
        {"width": "4"},
        {"width": None},
        {"width": [4]},
        {"width": True},
        {"latent_dim": 6},
        {"latent_dim": 10**30},
        {"image_size": -28},
        {"image_size": 29},
        {"image_size": 28.5},
        {"image_size": 1e400},
        {"image_size": 2**200},
        {"image_size": "28"},
        {"image_size": {}},
        {"channels": 2},
        {"unknown": 1},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_a_config_that_is_not_the_networks_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    """Wrong numbers, wrong types, unknown keys: one refusal each, and no other error."""
    network = tiny_dcgan()

    file = forge(tmp_path, "model", header=header_of(network, "dcgan", **change), tensors=contiguous(network))

    assert file.name in refusal(tmp_path)


@pytest.mark.parametrize("version", [0, 2, -1, "1", None, [1]])
def test_another_format_is_refused(version: object, tmp_path: Path) -> None:
    """A checkpoint of a later or an earlier format is not guessed at, though all else in it is right."""
    network = tiny_dcgan()

    file = forge(
        tmp_path, "model", header=header_of(network, "dcgan") | {"format": version}, tensors=contiguous(network)
    )

    message = refusal(tmp_path)
    assert file.name in message
    assert "format" in message


@pytest.mark.parametrize(
    "header",
    [
        None,
        [],
        "latentserve",
        {},
        {"format": 1},
        {"format": 1, "architecture": "dcgan"},
        {"format": 1, "architecture": "dcgan", "config": {}},
        {"format": 1, "architecture": "dcgan", "config": [], "card": {"summary": ""}},
        {"format": 1, "architecture": "dcgan", "config": None, "card": {"summary": ""}},
        {"format": 1, "architecture": "dcgan", "config": {}, "card": {}},
        {"format": 1, "architecture": "dcgan", "config": {}, "card": None},
        {"format": 1, "architecture": "dcgan", "config": {}, "card": {"summary": "", "more": 1}},
    ],
    ids=str,
)
def test_a_header_that_is_not_ours_is_refused(header: object, tmp_path: Path) -> None:
    """Not an object, or parts of ours missing, empty or too many."""
    file = forge(tmp_path, "model", header=header, tensors=contiguous(tiny_dcgan()))

    assert file.name in refusal(tmp_path)


def test_absurd_configs_are_refused_without_allocating_memory(tmp_path: Path) -> None:
    """Layers of 10⁹ channels, terabytes if built, are refused at the price of reading the file."""
    dcgan, vae = tiny_dcgan(), tiny_vae()
    judge = Classifier(ClassifierConfig(widths=(4,), features=5))
    absurd = {
        "wide": (dcgan, header_of(dcgan, "dcgan", width=10**9)),
        "long": (dcgan, header_of(dcgan, "dcgan", latent_dim=10**9)),
        "large": (dcgan, header_of(dcgan, "dcgan", image_size=2**20)),
        "colourful": (dcgan, header_of(dcgan, "dcgan", channels=10**9)),
        "hidden": (vae, header_of(vae, "vae", hidden=10**9)),
        "widths": (vae, header_of(vae, "vae", widths=[4, 10**9])),
        "flow": (vae, header_of(vae, "vae", flow_hidden=10**9)),
        "features": (judge, header_of(judge, "classifier", features=10**9)),
    }
    for name, (network, header) in absurd.items():
        forge(tmp_path, name, header=header, tensors=contiguous(network))
    before = peak_memory()

    for name in absurd:
        assert name in refusal(tmp_path, name)

    assert peak_memory() - before < 150e6


def peak_memory() -> int:
    """The most bytes that this process ever held."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def test_links_are_not_followed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Neither for the pointer nor for the file, also when all they lead to is right."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (file,) = folder.glob("*.safetensors")

    target = file.rename(elsewhere / file.name)
    file.symlink_to(target)
    assert file.name in refusal(folder)

    file.unlink()
    target.rename(file)
    read_checkpoint(folder, "model")
    pointer = folder / "model.json"
    moved = pointer.rename(elsewhere / pointer.name)
    pointer.symlink_to(moved)
    assert pointer.name in refusal(folder)


@pytest.mark.parametrize("which", ["pointer", "file"])
def test_a_pipe_is_refused_without_waiting_for_a_writer(which: str, folder: Path) -> None:
    """Opening does not block; a hang here would be a server that never starts."""
    (file,) = folder.glob("*.safetensors")
    place = folder / "model.json" if which == "pointer" else file
    place.unlink()
    os.mkfifo(place)
    messages: list[str] = []

    reader = threading.Thread(target=lambda: messages.append(refusal(folder)), daemon=True)
    reader.start()
    reader.join(timeout=10)

    assert [place.name in message for message in messages] == [True]


def test_a_header_that_claims_to_be_huge_is_refused(tmp_path: Path) -> None:
    """Past the end of the file, past the limit, or past all memory: its length is not believed."""
    content = save({}, metadata={METADATA_KEY: "{}"})
    for length in (len(content), LARGEST_HEADER + 1, 2**40, 2**63, 2**64 - 1):
        file = forge_bytes(tmp_path, "model", struct.pack("<Q", length) + content[8:])
        assert file.name in refusal(tmp_path)

    padded = b"{" + b" " * LARGEST_HEADER + b"}"
    file = forge_bytes(tmp_path, "model", struct.pack("<Q", len(padded)) + padded)
    assert str(LARGEST_HEADER) in refusal(tmp_path)


class Trap:
    """Unpickled, it would leave a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("writer", ["pickle", "torch"])
def test_a_pickle_by_another_name_is_refused_and_not_run(writer: str, tmp_path: Path) -> None:
    """No bytes of a checkpoint are ever code."""
    trap = tmp_path / "sprung"
    if writer == "pickle":
        content = pickle.dumps(Trap(trap))
    else:
        torch.save({"weight": torch.zeros(3), "trap": Trap(trap)}, tmp_path / "network.pt")
        content = (tmp_path / "network.pt").read_bytes()

    file = forge_bytes(tmp_path, "model", content)

    assert file.name in refusal(tmp_path)
    assert not trap.exists()


@pytest.mark.parametrize(
    "metadata", [None, {}, {"format": "pt"}, {METADATA_KEY: ""}, {METADATA_KEY: "{"}, {METADATA_KEY: "[" * 10_000}]
)
def test_a_foreign_safetensors_file_is_refused_with_the_remedy(metadata: dict[str, str] | None, tmp_path: Path) -> None:
    """Right tensors without our header are no checkpoint; the message says what writes one."""
    file = forge_bytes(tmp_path, "model", save(contiguous(tiny_dcgan()), metadata=metadata))

    message = refusal(tmp_path)
    assert file.name in message
    assert "export" in message


@pytest.mark.parametrize(
    "content", [b"", b"\0", b"\0" * 8, b"\0" * 100, b"PK\x03\x04" * 9, b"\x08" + b"\0" * 7 + b"[" * 8]
)
def test_bytes_that_are_no_safetensors_file_are_refused(content: bytes, tmp_path: Path) -> None:
    """With a right digest, too."""
    file = forge_bytes(tmp_path, "model", content)

    assert file.name in refusal(tmp_path)


def test_a_mutated_header_with_a_right_digest_gives_a_refusal_or_a_network(tmp_path: Path) -> None:
    """Whoever can write digests can write headers: no mutation of one raises anything but CheckpointError."""
    network = tiny_dcgan()
    content = save(contiguous(network), metadata={METADATA_KEY: json.dumps(header_of(network, "dcgan"))})
    header_end = 8 + struct.unpack("<Q", content[:8])[0]
    offsets = range(0, header_end, 7)
    messages = []

    for offset in offsets:
        changed = bytearray(content)
        changed[offset] ^= 1 << offset % 7
        forge_bytes(tmp_path, "model", bytes(changed))
        try:
            read_checkpoint(tmp_path, "model")
        except CheckpointError as error:
            messages.append(str(error))

    assert all("model.safetensors" in message for message in messages)
    assert len(messages) > 0.7 * len(offsets)


def test_a_kill_between_file_and_pointer_leaves_the_old_model(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The new tensor file alone changes nothing."""
    before = read_checkpoint(folder, "model")
    new = write_checkpoint(tmp_path_factory.mktemp("new"), "model", tiny_dcgan(channels=3), CARD)

    (folder / new.name).write_bytes(new.read_bytes())

    after = read_checkpoint(folder, "model")
    assert after.digest == before.digest
    torch.testing.assert_close(outputs(after.network), outputs(before.network))


@pytest.mark.parametrize(("owner", "step"), [(os, "fsync"), (Path, "replace")], ids=["fsync", "rename"])
@pytest.mark.parametrize("done", [0, 1, 2, 3])
def test_a_failure_at_any_step_of_writing_leaves_the_old_model(
    owner: object, step: str, done: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk at the file or at the pointer: a model is served, the old one or the new, and nothing half stays."""
    old = read_checkpoint(folder, "model").digest
    whole: Callable[..., object] = getattr(owner, step)
    calls = 0

    def fail_in_the_end(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls > done:
            raise OSError(28, "No space left on device")
        return whole(*arguments)

    with monkeypatch.context() as patch, contextlib.suppress(OSError):
        patch.setattr(owner, step, fail_in_the_end)
        write_checkpoint(folder, "model", tiny_dcgan(channels=3), CARD)

    pointer_moved = done >= (3 if step == "fsync" else 2)
    assert (read_checkpoint(folder, "model").digest != old) == pointer_moved
    assert not list(folder.glob(".*"))


def test_a_file_is_safe_on_disk_before_its_name_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Order of effects: content, fsync, rename, fsync of the folder; the file first, its pointer last."""
    events: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def record_fsync(descriptor: int) -> None:
        events.append("fsync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "fsync file")
        fsync(descriptor)

    def record_replace(path: Path, target: Path) -> Path:
        events.append(f"rename to {target.suffix}")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(Path, "replace", record_replace)
    write_checkpoint(tmp_path, "model", tiny_dcgan(), CARD)

    assert events == [
        *("fsync file", "rename to .safetensors", "fsync folder"),
        *("fsync file", "rename to .json", "fsync folder"),
    ]
