"""What must be refused, in words and by name, before it can do harm: defects that once were there."""

import math
import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from models_store import Card, CheckpointError, Store, write_checkpoint
from models_store.checkpoint import read_checkpoint
from models_store.dcgan import DCGANConfig
from models_store.estimators import WeightAccumulator, importance_weighted
from models_store.latents import normals
from models_store.likelihoods import quantize
from models_store.pixels import to_bytes
from models_store.vae import VAEConfig
from tests.conftest import tiny_dcgan, tiny_vae
from tests.models_store.examples import contiguous, forge, header_of, point
from tests.models_store.test_checkpoint import CARD, refusal
from tests.models_store.test_likelihoods import ALL_LEVELS, one_pixel


def open_descriptors() -> int:
    """Of this process."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("which", ["pointer", "file"])
def test_a_folder_in_the_place_of_a_file_is_refused(which: str, folder: Path) -> None:
    """By name, without an open descriptor left behind."""
    (file,) = folder.glob("*.safetensors")
    place = folder / "model.json" if which == "pointer" else file
    place.unlink()
    place.mkdir()
    before = open_descriptors()

    assert place.name in refusal(folder)
    assert open_descriptors() == before


@pytest.mark.parametrize("file", ["", "..", "a\0b", "\ud800"])
def test_a_pointer_to_no_file_name_is_refused(file: str, folder: Path) -> None:
    """A name is letters, digits, dot, dash: no path, no byte that a file system refuses."""
    point(folder, "model", file, b"")

    assert "model" in refusal(folder)


@pytest.mark.parametrize("architecture", [[], {}])
def test_an_architecture_that_is_no_string_is_refused(architecture: object, tmp_path: Path) -> None:
    """An architecture that is no string is refused."""
    network = tiny_dcgan()
    forge(
        tmp_path,
        "model",
        header=header_of(network, "dcgan") | {"architecture": architecture},
        tensors=contiguous(network),
    )

    assert "model" in refusal(tmp_path)


@pytest.mark.parametrize("change", [{"widths": []}, {"image_size": -28}, {"channels": True}], ids=str)
def test_a_vae_config_that_is_not_the_networks_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    """, B6."""
    network = tiny_vae()
    forge(tmp_path, "model", header=header_of(network, "vae", **change), tensors=contiguous(network))

    assert "model" in refusal(tmp_path)


@pytest.mark.parametrize(
    "change",
    [{"couplings": 2000}, {"latent_dim": 10**6}, {"widths": [1] * 500, "image_size": 0}],
    ids=lambda c: next(iter(c)),
)
def test_an_absurd_number_of_layers_is_refused_at_once(change: dict[str, object], tmp_path: Path) -> None:
    """By the config, before anything is built: 10**9 would never come back."""
    network = tiny_vae()
    forge(tmp_path, "model", header=header_of(network, "vae", **change), tensors=contiguous(network))

    assert re.search("whole numbers|at most", refusal(tmp_path))


@pytest.mark.parametrize(
    "card",
    [
        {"summary": 5},
        {"summary": "", "data": 5},
        {"summary": "", "metrics": [1]},
        {"summary": "", "labels": "ab"},
        {"summary": "", "labels": ["a", 1]},
        {"summary": "", "labels": ["a", "a"]},
        {"summary": "", "labels": [str(number) for number in range(1000)]},
    ],
    ids=lambda card: str(card)[:40],
)
def test_a_card_of_wrong_types_is_refused(card: object, tmp_path: Path) -> None:
    """A card of wrong types is refused."""
    network = tiny_dcgan()
    forge(tmp_path, "model", header=header_of(network, "dcgan") | {"card": card}, tensors=contiguous(network))

    assert "model" in refusal(tmp_path)


@pytest.mark.parametrize("version", [True, 1.0])
def test_a_format_that_only_equals_one_is_refused(version: object, tmp_path: Path) -> None:
    """A format that only equals one is refused."""
    network = tiny_dcgan()
    forge(tmp_path, "model", header=header_of(network, "dcgan") | {"format": version}, tensors=contiguous(network))

    assert "format" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"), [("flow.permutations", 99), ("flow.permutations", 0), ("flow.couplings.0.mask", 0.5)]
)
def test_buffers_that_make_no_flow_are_refused(key: str, value: float, tmp_path: Path) -> None:
    """Buffers that make no flow are refused."""
    network = tiny_vae()
    tensors = contiguous(network)
    tensors[key].fill_(value)
    forge(tmp_path, "model", header=header_of(network, "vae"), tensors=tensors)

    assert key in refusal(tmp_path)


def test_a_negative_variance_is_refused(tmp_path: Path) -> None:
    """A negative variance is refused."""
    network = tiny_dcgan()
    tensors = contiguous(network)
    tensors["layers.1.running_var"].fill_(-1)
    forge(tmp_path, "model", header=header_of(network, "dcgan"), tensors=tensors)

    assert "running_var" in refusal(tmp_path)


@pytest.mark.parametrize("fault", ["NaN", "half precision"])
def test_what_could_not_be_read_is_not_written(fault: str, folder: Path) -> None:
    """A diverged training does not take the name away from the model that works."""
    network = tiny_dcgan()
    if fault == "NaN":
        next(network.parameters()).data[0, 0, 0, 0] = math.nan
    else:
        network.half()

    with pytest.raises((CheckpointError, ValueError)):
        write_checkpoint(folder, "model", network, CARD)

    read_checkpoint(folder, "model")


def test_a_card_is_json_that_others_can_read(tmp_path: Path) -> None:
    """A card is json that others can read."""
    with pytest.raises(ValueError, match="JSON"):
        write_checkpoint(tmp_path, "model", tiny_dcgan(), Card(summary="", metrics={"fid": math.nan}))


@pytest.mark.parametrize("location", [-0.5, 0.02, 0.3, 0.97, 1.2])
@pytest.mark.parametrize("log_scale", [-8.0, -3.0, -1.0, 2.0])
def test_the_mean_of_a_logistic_is_the_mean_of_its_levels(location: float, log_scale: float) -> None:
    """E[x|z] enumerated, to half a level."""
    likelihood = one_pixel(location, log_scale)

    enumerated = (likelihood.log_prob(ALL_LEVELS).exp() * ALL_LEVELS.flatten()).sum()

    assert likelihood.mean[0].item() == pytest.approx(enumerated.item(), abs=0.5001 / 255)


@pytest.mark.parametrize("location", [-1e8, -1e6, 1e5, 1e8])
@pytest.mark.parametrize("log_scale", [-8.0, 2.0])
def test_a_logistic_is_finite_however_far(location: float, log_scale: float) -> None:
    """A logistic is finite however far."""
    likelihood = one_pixel(location, log_scale, torch.float32)

    found = likelihood.log_prob(ALL_LEVELS.float())
    found.sum().backward()

    assert found.isfinite().all()
    assert likelihood.location.grad is not None
    assert likelihood.location.grad.isfinite().all()


def test_no_indices_give_no_latents() -> None:
    """No indices give no latents."""
    assert normals(0, [], 5).shape == (0, 5)


@pytest.mark.parametrize(("seed", "index"), [(2**32, 0), (0, 2**32), (-1, 0), (0, -1)])
def test_seeds_and_indices_beyond_a_word_are_refused(seed: int, index: int) -> None:
    """Normals(0, [2**32]) == normals(2**32, [0]) today, both outside the recipe."""
    with pytest.raises(ValueError, match=r"2\*\*32|4294967295"):
        normals(seed, [index], 4)


def test_quantizing_and_converting_to_bytes_agree() -> None:
    """Also half-way between two levels."""
    ties = (np.arange(255, dtype=np.float32) + np.float32(0.5)) / np.float32(255)

    assert np.array_equal(
        (quantize(torch.from_numpy(ties)) * 255).round().numpy(), to_bytes(ties.reshape(1, 1, 1, -1)).reshape(-1)
    )


def test_weights_of_zero_leave_the_other_images_alone_and_say_so() -> None:
    """Weights of zero leave the other images alone and say so."""
    found = importance_weighted(torch.full((3, 1), -math.inf))

    assert found.value.item() == -math.inf
    assert not found.effective_sample_size.isnan().any()


def test_a_bound_of_no_draws_is_refused_in_words() -> None:
    """A bound of no draws is refused in words."""
    with pytest.raises(ValueError, match="draw"):
        WeightAccumulator(2).bound()


def test_a_vae_without_widths_is_refused_by_its_config() -> None:
    """A vae without widths is refused by its config."""
    with pytest.raises(ValueError, match="widths"):
        VAEConfig(widths=())


@pytest.mark.parametrize("size", [6, 10])
def test_a_dcgan_config_refuses_what_its_message_says(size: int) -> None:
    """Either the message or the check is wrong."""
    if size < 6:
        with pytest.raises(ValueError, match=str(size)):
            DCGANConfig(image_size=size)


@pytest.mark.parametrize(
    "value", [2**64, "\ud800", float("inf"), {"a": b""}], ids=["huge", "surrogate", "inf", "bytes"]
)
def test_a_card_holds_only_what_every_json_reader_takes(value: object) -> None:
    """Else one strange card would take the list of all models down."""
    with pytest.raises(ValueError, match=r"card|surrogates"):
        Card(summary="", data={"value": value})


def test_a_card_is_not_nested_without_end() -> None:
    """Sixteen levels are more than any card has."""
    deep: dict[str, object] = {}
    for _ in range(40):
        deep = {"deeper": deep}

    with pytest.raises(ValueError, match="deeper than 16"):
        Card(summary="", data=deep)


def test_a_pointer_whose_name_is_no_text_is_reported_as_text(folder: Path) -> None:
    """A file name is bytes; the report must be writable as JSON."""
    (folder / os.fsdecode(b"\xff.json")).write_text("{}")

    rejected = Store.load(folder).rejected

    assert list(rejected) == ["\\udcff"]
    assert all(text.encode() for text in (*rejected, *rejected.values()))
