"""The command line from training to store, and its errors."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models_store import Autoencoder, Card, Store, write_checkpoint
from models_store.classifier import Classifier, ClassifierConfig
from tests.conftest import tiny_dcgan
from training.__main__ import main
from training.config import DCGANRun, VAERun
from training.flags import build, flat_values
from training.kinds import KINDS
from training.presets import PRESETS

SMALL = "--image-size 8 --widths 4 --latent-dim 3 --hidden 8 --couplings 2 --flow-hidden 8 --steps 20 --batch-size 16"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Eighty small grey pictures."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for index in range(80):
        Image.fromarray(generator.integers(0, 256, (8, 8), dtype=np.uint8)).save(folder / f"{index}.png")
    return folder


def test_train_evaluate_export_fills_the_store(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The card carries data, config and metrics with protocol."""
    runs, store = tmp_path / "runs", tmp_path / "store"
    flags = f"vae --data {pictures} {SMALL} --threads 1 --runs {runs} --store {store}".split()

    assert main(flags) == 0
    evaluation = ["evaluate", str(runs / "0001-vae"), "--draws", "8", "--gap", "2", "--store", str(store)]
    assert main(evaluation) == 0
    assert main(["export", str(runs / "0001-vae"), "--name", "noise-vae", "--store", str(store)]) == 0

    model = Store.load(store)["noise-vae"]
    assert isinstance(model.network, Autoencoder)
    assert model.card.data["name"] == "pictures"
    assert model.card.training["config"]["latent_dim"] == 3
    assert "8 draws from q(z|x)" in model.card.metrics["importance_weighted"]["protocol"]
    assert len(model.card.metrics["elbo"]["quantiles"]) == 101
    assert "2 test images, shuffled once" in model.card.metrics["gap"]["protocol"]
    assert "python -m training evaluate" in capsys.readouterr().out
    assert (runs / "0001-vae/samples/000020.png").exists()
    assert (runs / "0001-vae/reconstructions/000020.png").exists()


def test_a_judge_that_is_asked_for_has_its_figures_under_its_name(pictures: Path, tmp_path: Path) -> None:
    """Of a classifier in the store, with the command and a picture of the neighbours in the run folder."""
    runs, store, run = tmp_path / "runs", tmp_path / "store", tmp_path / "runs/0001-vae"
    for index in range(80, 400):
        noise = np.random.default_rng(index).integers(0, 256, (8, 8), dtype=np.uint8)
        Image.fromarray(noise).save(pictures / f"{index}.png")
    judge = Classifier(ClassifierConfig(image_size=8, classes=3, widths=(4,), features=5)).eval()
    write_checkpoint(store, "eyes", judge, Card(summary="a tiny classifier"))
    assert main(f"vae --data {pictures} {SMALL} --threads 1 --runs {runs} --store {store}".split()) == 0

    assert main(["evaluate", str(run), "--draws", "2", "--judge", "eyes", "--store", str(store)]) == 0

    found = json.loads((run / "evaluation.json").read_text())
    assert found["command"].endswith("--seed 0 --judge eyes")
    assert found["metrics"]["eyes"]["kid"]["features"].startswith("5 features of eyes@")
    assert "kid" not in found["metrics"]
    with Image.open(run / "neighbours-eyes.png") as picture:
        assert picture.size == (2 * (8 * 10 - 2), 2 * (16 * 10 - 2))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nobody", "no judge 'nobody'"),
        ("painter", "painter is no classifier; judges are fashion-classifier, efficientnet-lite0 and your own"),
    ],
)
def test_a_judge_must_be_one(name: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is asked for and cannot be had is an error in one line, and not a figure less."""
    write_checkpoint(tmp_path, "painter", tiny_dcgan(), Card(summary="a tiny DCGAN"))

    assert main(["evaluate", "painter", "--judge", name, "--store", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_a_training_asks_only_a_judge_that_can_see_its_pictures(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A classifier of 28×28 for pictures of 8×8 is refused before a step is made."""
    write_checkpoint(tmp_path, "eyes", Classifier(ClassifierConfig(widths=(4,), features=5)), Card(summary="tiny"))
    flags = f"dcgan --data {pictures} --image-size 8 --judge eyes --store {tmp_path} --runs {tmp_path / 'runs'}"

    assert main(flags.split()) == 2
    assert "eyes judges pictures of 1×28×28, not of 1×8×8; efficientnet-lite0 judges any" in capsys.readouterr().err


def test_a_model_without_a_likelihood_has_no_gap(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Said before anything is computed."""
    write_checkpoint(tmp_path, "painter", tiny_dcgan(), Card(summary="a tiny DCGAN"))

    assert main(["evaluate", "painter", "--gap", "2", "--store", str(tmp_path)]) == 2
    assert "has no likelihood" in capsys.readouterr().err


def test_figures_of_an_earlier_state_are_not_exported(pictures: Path, tmp_path: Path) -> None:
    """A run that went on after its evaluation has other weights: its card stays without metrics."""
    runs, store = tmp_path / "runs", tmp_path / "store"
    flags = f"vae --data {pictures} {SMALL} --threads 1 --runs {runs} --store {store}".split()
    assert main(flags) == 0
    evaluation = runs / "0001-vae/evaluation.json"
    evaluation.write_text(json.dumps({"step": 10, "metrics": {"elbo": {"value": -1.0}}, "command": "long ago"}))

    assert main(["export", str(runs / "0001-vae"), "--name", "moved-on", "--store", str(store)]) == 0

    assert Store.load(store)["moved-on"].card.metrics == {}


def test_the_run_folder_keeps_the_resolved_config(pictures: Path, tmp_path: Path) -> None:
    """Every field, given or default, in a file that makes the very same config again."""
    flags = f"vae --data {pictures} {SMALL} --threads 1 --runs {tmp_path}".split()

    assert main(flags) == 0

    values = json.loads((tmp_path / "0001-vae/config.json").read_text())
    assert values.pop("kind") == "vae"
    assert flat_values(build(VAERun, values)) == {
        key: tuple(v) if isinstance(v, list) else v for key, v in values.items()
    }
    assert values["learning_rate"] == VAERun().learning_rate


def test_a_flag_replaces_what_its_preset_says(pictures: Path, tmp_path: Path) -> None:
    """The rest of the preset holds, and the run folder keeps what came of both."""
    assert main(f"vae --preset cpu --data {pictures} {SMALL} --threads 1 --runs {tmp_path}".split()) == 0

    values = json.loads((tmp_path / "0001-vae/config.json").read_text())
    assert (values["steps"], values["doubling"]) == (20, "shuffled")


@pytest.mark.parametrize("kind", PRESETS)
def test_every_preset_makes_a_config(kind: str) -> None:
    """Each names fields that its kind has, with values that they take."""
    for preset in PRESETS[kind].values():
        values = flat_values(build(KINDS[kind].config, preset))

        assert {name: values.get(name) for name in preset} == dict(preset)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("vae --data nowhere", "neither 'fashion-mnist' nor a folder"),
        ("vae --image-size 64", "not 64 and 1"),
        ("vae --resume nowhere", "nowhere is no run folder"),
        ("export nowhere --name x", "nowhere is no run folder"),
        ("evaluate nothing --store nowhere", "no model 'nothing'"),
        ("vae --image-size 30", "cannot be halved 2 times"),
    ],
)
def test_a_mistake_gives_one_clear_line(flags: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2 and the remedy, no traceback."""
    assert main(flags.split()) == 2

    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_a_resumed_run_keeps_its_own_config(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Other flags beside --resume, or a run of another kind, are refused in words."""
    assert main(f"vae --data {pictures} {SMALL} --threads 1 --runs {tmp_path} --stop-after 5".split()) == 0

    assert main(f"vae --resume {tmp_path / '0001-vae'} --steps 5".split()) == 2
    assert "leave out --steps" in capsys.readouterr().err
    assert main(f"vae --resume {tmp_path / '0001-vae'} --preset cpu".split()) == 2
    assert "leave out --preset" in capsys.readouterr().err
    assert main(f"dcgan --resume {tmp_path / '0001-vae'}".split()) == 2
    assert "python -m training vae --resume" in capsys.readouterr().err
    assert main(f"vae --resume {tmp_path / '0001-vae'}".split()) == 0


def test_a_resumed_run_may_take_another_number_of_threads(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The folder keeps it for the slices after; all else stays as it was."""
    assert main(f"vae --data {pictures} {SMALL} --threads 2 --runs {tmp_path} --stop-after 5".split()) == 0
    before = json.loads((tmp_path / "0001-vae/config.json").read_text())

    assert main(f"vae --resume {tmp_path / '0001-vae'} --threads 1 --stop-after 8".split()) == 0
    assert "on cpu, 1 thread\n" in capsys.readouterr().out
    assert json.loads((tmp_path / "0001-vae/config.json").read_text()) == before | {"threads": 1}
    assert main(f"vae --resume {tmp_path / '0001-vae'} --threads 0".split()) == 2
    assert "--threads 0: want one or more" in capsys.readouterr().err


def test_the_first_lines_say_what_is_trained_on_and_how_fast(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The three parts and the shape of the pictures; after ten steps images a second and the time left."""
    assert main(f"vae --data {pictures} {SMALL} --threads 1 --runs {tmp_path}".split()) == 0

    start, how, first = capsys.readouterr().out.splitlines()[:3]
    parts = re.search(r"vae on pictures: (\d+) training, (\d+) validation and (\d+) test images, 8×8 grey", start)
    assert parts is not None
    assert sum(map(int, parts.groups())) == 80
    assert "--channels 3 keeps colour" in start
    assert how == "20 steps of 16 images on cpu, 1 thread"
    assert re.fullmatch(r"step 10/20  \d+ images/s  \d+ s left", first)


def test_hints_name_the_program_that_was_started(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What `latentserve` says can be typed after `latentserve`."""
    run = tmp_path / "0001-vae"
    first = f"vae --data {pictures} {SMALL} --threads 1 --runs {tmp_path} --stop-after 5".split()

    assert main(first, started_as="latentserve") == 0
    assert f"go on with: latentserve train --resume {run}\n" in capsys.readouterr().out
    assert main(["vae", "--resume", str(run)], started_as="latentserve") == 0
    assert f"next: latentserve eval {run}\n" in capsys.readouterr().out
    export = ["export", str(run), "--name", "noise", "--store", str(tmp_path / "store")]
    assert main(export, started_as="latentserve") == 0
    assert f"latentserve eval {run}, then latentserve models add {run} --name noise" in capsys.readouterr().out
    assert main(["vae", "--stesp", "5"], started_as="latentserve") == 2
    assert capsys.readouterr().err == (
        "latentserve: unknown: --stesp 5; latentserve train vae --help lists all options\n"
    )
    with pytest.raises(SystemExit):
        main(["evaluate"], started_as="latentserve")
    assert "usage: latentserve eval" in capsys.readouterr().err


@pytest.mark.parametrize("kind", [*KINDS, "evaluate", "export"])
def test_help_explains_every_flag(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """No flag stands there without a word."""
    with pytest.raises(SystemExit) as stop:
        main([kind, "--help"])

    assert stop.value.code == 0
    assert "--" in capsys.readouterr().out


def test_the_costs_of_the_lecture_are_an_option() -> None:
    """`--cost` takes the three names."""
    assert build(DCGANRun, {"cost": "minimax"}).cost == "minimax"


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_named(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--device cuda` does not fall back in silence."""
    assert main(f"vae --data {pictures} {SMALL} --device cuda --runs {tmp_path}".split()) == 2

    assert "torch sees no GPU" in capsys.readouterr().err


@pytest.mark.parametrize("kind", KINDS)
def test_a_flag_means_one_thing(kind: str) -> None:
    """No field of a run has the name of one of its network's: one flag would set both."""
    config = build(KINDS[kind].config, {})
    own = {each.name for each in dataclasses.fields(config)}
    network = {each.name for each in dataclasses.fields(config.model)}

    assert not own & network
