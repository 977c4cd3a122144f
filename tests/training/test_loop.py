"""A run killed anywhere and resumed ends bit-identical; the rest of the loop keeps its promises."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import torch
from PIL import Image

from models_store.classifier import ClassifierConfig
from models_store.conditional_vae import ConditionalVAEConfig
from models_store.dcgan import DCGANConfig
from models_store.discrete_vae import DiscreteVAEConfig
from models_store.draw import DRAWConfig
from models_store.image_flow import ImageFlowConfig
from models_store.vae import VAE, VAEConfig
from tests.training.interruption import same_files, whole_and_interrupted
from training.config import (
    ClassifierRun,
    ConditionalVAERun,
    DCGANRun,
    DiscreteVAERun,
    DRAWRun,
    FlowRun,
    RunConfig,
    VAERun,
)
from training.data import ImageSet
from training.elbo import ELBOObjective
from training.kinds import KINDS
from training.loop import Failed, fit
from training.objective import Objective
from training.run import Run
from training.snapshot import load

CPU = torch.device("cpu")
SMALL = {"batch_size": 16, "steps": 130, "validate_every": 50, "threads": 1}
MODEL = VAEConfig(image_size=8, latent_dim=3, widths=(4,), hidden=8, couplings=2, flow_hidden=8)
CONFIGS: dict[str, RunConfig] = {
    "vae": VAERun(model=MODEL, warm_up=10, kl_warm_up=20, **SMALL),  # type: ignore[arg-type]
    "conditional-vae": ConditionalVAERun(
        model=ConditionalVAEConfig(image_size=8, latent_dim=3, widths=(4,), hidden=8, prior="normal", classes=4),
        warm_up=10,
        kl_warm_up=20,
        **SMALL,  # type: ignore[arg-type]
    ),
    "discrete-vae": DiscreteVAERun(
        model=DiscreteVAEConfig(image_size=8, latent_dim=5, widths=(4,), hidden=8),
        estimator="nvil",
        warm_up=10,
        kl_warm_up=20,
        **SMALL,  # type: ignore[arg-type]
    ),
    "flow": FlowRun(
        model=ImageFlowConfig(image_size=8, widths=(4, 4), couplings=(1, 1)),
        warm_up=10,
        **SMALL,  # type: ignore[arg-type]
    ),
    "draw": DRAWRun(
        model=DRAWConfig(image_size=8, strokes=2, stroke_latents=2, hidden=8, read_grid=2, write_grid=3),
        warm_up=10,
        kl_warm_up=20,
        **SMALL,  # type: ignore[arg-type]
    ),
    "dcgan": DCGANRun(model=DCGANConfig(image_size=8, latent_dim=4, width=4), judge="", **SMALL),  # type: ignore[arg-type]
    "classifier": ClassifierRun(
        model=ClassifierConfig(image_size=8, classes=4, widths=(4, 8), features=8),
        **SMALL,  # type: ignore[arg-type]
    ),
}


def make(kind: str) -> Objective:
    """With freshly drawn weights, the same ones each time."""
    torch.manual_seed(0)
    return unseeded(kind)


def unseeded(kind: str) -> Objective:
    """With whatever weights the global generator gives."""
    return KINDS[kind].objective(CONFIGS[kind], CPU, Path("no-store"))


def start(kind: str, root: Path) -> tuple[Run, Objective]:
    """A new run and its objective."""
    return Run.create(root, kind, CONFIGS[kind]), make(kind)


LONG = ("discrete-vae", "flow")
"""The trainings that take longest, of which CI sees to that they resume."""


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=[pytest.mark.slow] * (kind in LONG)) for kind in CONFIGS])
def test_an_interrupted_run_ends_bit_identical(kind: str, tmp_path: Path, little_world: ImageSet) -> None:
    """Stopped within a tick, at a tick and at a validation, each time continued by a process that knows nothing."""
    whole, pieces = whole_and_interrupted(kind, CONFIGS[kind], lambda: unseeded(kind), tmp_path, little_world)

    pictures = () if kind == "classifier" else (f"samples/{step:06d}.png" for step in (50, 100, 130))
    assert same_files(whole, pieces, *pictures)


def test_a_run_killed_without_warning_repeats_from_its_last_snapshot(tmp_path: Path, little_world: ImageSet) -> None:
    """What it wrote after the snapshot, a torn line among it, leaves no trace."""
    whole, objective = start("vae", tmp_path / "whole")
    fit(whole, objective, little_world)
    killed, objective = start("vae", tmp_path / "killed")
    fit(killed, objective, little_world, stop_after=50)
    with (killed.folder / "statistics.jsonl").open("a") as file:
        file.write(json.dumps({"step": 100, "elbo": 1.0}) + '\n{"step": 1')

    fit(killed, make("vae"), little_world)

    assert killed.last.read_bytes() == whole.last.read_bytes()
    assert (killed.folder / "statistics.jsonl").read_bytes() == (whole.folder / "statistics.jsonl").read_bytes()


def test_training_learns(tmp_path: Path, little_world: ImageSet) -> None:
    """The classifier tells four corners apart far above chance; the VAE's ELBO beats a fair coin for each pixel."""
    run, classifier = start("classifier", tmp_path)
    fit(run, classifier, little_world)
    run, vae = start("vae", tmp_path)
    fit(run, vae, little_world)

    assert classifier.validate(little_world)["accuracy"] > 0.6
    assert vae.validate(little_world)["elbo"] > -0.62 * 64


def test_patience_ends_a_run_that_no_longer_improves(tmp_path: Path, little_world: ImageSet) -> None:
    """After `patience` validations without a better score; `best` stays that of the best one."""
    config = VAERun(model=MODEL, **(SMALL | {"patience": 2, "learning_rate": 0.0}))  # type: ignore[arg-type]
    objective = ELBOObjective(config, VAE(config.model), CPU)
    run = Run.create(tmp_path, "vae", config)

    done = fit(run, objective, little_world)

    assert done.waited <= 2
    assert done.step <= 130
    assert run.best.exists()


def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path: Path) -> None:
    """SIGINT to a real training process: exit status 0, a snapshot at the step it had reached, the next command."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    generator = torch.Generator().manual_seed(0)
    for index in range(80):
        image = torch.randint(0, 256, (8, 8), generator=generator, dtype=torch.uint8)
        Image.fromarray(image.numpy()).save(pictures / f"{index}.png")
    flags = "--image-size 8 --widths 4 --latent-dim 2 --hidden 8 --steps 1000000 --batch-size 16 --threads 1"
    command = [sys.executable, "-m", "training", "vae", "--data", str(pictures), *flags.split()]
    process = subprocess.Popen([*command, "--runs", str(tmp_path / "runs")], stdout=subprocess.PIPE, text=True)
    statistics = tmp_path / "runs/0001-vae/statistics.jsonl"
    deadline = time.monotonic() + 60
    while not statistics.exists() and time.monotonic() < deadline:
        time.sleep(0.05)

    os.kill(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 0
    assert f"python -m training vae --resume {tmp_path / 'runs/0001-vae'}" in output
    assert (tmp_path / "runs/0001-vae/last.safetensors").exists()


class BrokenAtFirst(ELBOObjective):
    """Its first validation gives NaN."""

    def validate(self, data: ImageSet) -> dict[str, float]:
        self.calls = getattr(self, "calls", 0) + 1
        return {"score": math.nan if self.calls == 1 else 10.0 - self.calls}


def test_a_score_that_is_no_number_is_never_the_best_for_long(tmp_path: Path, little_world: ImageSet) -> None:
    """The next real one takes its place."""
    config = CONFIGS["vae"]
    run = Run.create(tmp_path, "vae", config)

    done = fit(run, BrokenAtFirst(config, VAE(config.model), CPU), little_world)  # type: ignore[arg-type]  # the config of a VAE

    assert (done.best_step, done.score) == (130, 7.0)


def test_a_slice_that_lies_behind_the_run_trains_nothing(tmp_path: Path, little_world: ImageSet) -> None:
    """`stop_after` at a step that is already done."""
    run, objective = start("vae", tmp_path)
    fit(run, objective, little_world, stop_after=60)

    assert fit(run, objective, little_world, stop_after=50).step == 60


class Hopeless(ELBOObjective):
    """Gives up as soon as it has been validated; has no score, so that the newest network would be the best."""

    def validate(self, data: ImageSet) -> dict[str, float]:
        return {"patience": 0.0}

    def failure(self, history: Sequence[Mapping[str, float | None]]) -> str | None:
        seen = [line["step"] for line in history if "validation/patience" in line]
        return f"I have seen {seen}" if len(seen) > 1 else None


def test_a_run_without_hope_stops_where_it_is_and_its_last_network_is_not_its_best(
    tmp_path: Path, little_world: ImageSet
) -> None:
    """At the second validation: the best is that of the first, the snapshot to go on from that of the second."""
    config = CONFIGS["vae"]
    run = Run.create(tmp_path, "vae", config)

    with pytest.raises(Failed, match=r"stopped at step 100: I have seen \[50, 100\]; the best network, of step 50"):
        fit(run, Hopeless(config, VAE(config.model), CPU), little_world)  # type: ignore[arg-type]  # the config of a VAE

    objective = make("vae")
    assert load(run.best, objective).step == 50
    assert load(run.last, objective).step == 100
