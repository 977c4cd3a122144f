"""A lost game is noticed, and a healthy one left alone."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from training.__main__ import main
from training.collapse import Line, divergence, diversity, sign_of_collapse
from training.data import ImageSet
from training.run import Run

HEALTHY = {"validation/diversity": 1.03, "validation/class_divergence": 0.02}
AT_LIMITS = {"validation/diversity": 0.4, "validation/class_divergence": 0.5}


def ticks(costs: list[float | None], *, start: int = 2000) -> list[Line]:
    """A line of means every hundred steps."""
    return [{"step": start + 100 * index, "discriminator": cost, "generator": 1.0} for index, cost in enumerate(costs)]


def pictures(count: int, *, seed: int) -> Tensor:
    """Noise (count, 1, 8, 8)."""
    return torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(seed))


def test_fresh_pictures_are_as_various_as_real_ones_and_one_picture_is_not() -> None:
    """About 1, and 0; half of the contrast is half of the distance."""
    real, fresh = pictures(200, seed=0), pictures(200, seed=1)

    assert diversity(fresh, real) == pytest.approx(1.0, abs=0.02)
    assert diversity(fresh / 2, real) == pytest.approx(0.5, abs=0.01)
    assert diversity(fresh[:1].expand(200, -1, -1, -1), real) == 0.0


def test_divergence_of_classes_has_closed_forms() -> None:
    """0 for equal shares, ln 10/7 without three of ten, ln 10 for one alone; a class that is not there is no zero."""
    ten = torch.full((10,), 0.1).double()
    seven = torch.cat([torch.full((7,), 1 / 7), torch.zeros(3)]).double()

    assert divergence(ten, ten) == pytest.approx(0.0)
    assert divergence(seven, ten) == pytest.approx(math.log(10 / 7))
    assert divergence(torch.eye(10).double()[0], ten) == pytest.approx(math.log(10))
    assert math.isfinite(divergence(ten, torch.eye(10).double()[0]))


def test_a_healthy_run_shows_no_sign() -> None:
    """Of the cost, whatever it does for less than 500 steps, and of the samples."""
    balanced = ticks([0.69, 0.5, 0.04, 0.04, 0.04, 0.04, 0.3, 0.04])

    for count in range(len(balanced) + 1):
        assert sign_of_collapse(balanced[:count]) is None
    assert sign_of_collapse([*balanced, {"step": 2700, **HEALTHY}]) is None
    assert sign_of_collapse([*balanced, {"step": 2700, "validation/score": 300.0}]) is None


def test_a_generator_that_gets_better_is_waited_for_and_one_that_does_not_is_not() -> None:
    """Below the limits, rising and falling; at the limits nothing is wrong."""
    growing, lost = [0.1, 0.2, 0.3], [0.3, 0.3]
    spread: list[Line] = [{"step": 2000 + index, "validation/diversity": value} for index, value in enumerate(growing)]
    stuck: list[Line] = [{"step": 2000 + index, "validation/diversity": value} for index, value in enumerate(lost)]
    limits: list[Line] = [{"step": 2000, **HEALTHY}, {"step": 2100, **AT_LIMITS}]

    assert all(sign_of_collapse(spread[:count]) is None for count in range(4))
    assert sign_of_collapse(stuck[:1]) is None
    assert sign_of_collapse(stuck) is not None
    assert sign_of_collapse([*stuck, {"step": 2002, "discriminator": 0.6}]) is None, "said once, not at every line"
    assert sign_of_collapse(limits) is None


def test_a_discriminator_that_is_never_fooled_is_named_after_500_steps() -> None:
    """Not after 400; a cost of exactly 0 counts as well."""
    lost = ticks([0.3, 0.04, 0.02, 0.0, 0.0, 0.0])

    assert sign_of_collapse(lost[:5]) is None
    found = sign_of_collapse(lost)
    assert found is not None
    assert "the discriminator's cost was below 0.05 for 500 steps, at last 0: " in found
    assert "--on-collapse ignore" in found


@pytest.mark.parametrize(
    ("figure", "value", "message"),
    [
        (
            "validation/diversity",
            0.123,
            "samples lie 12.3 % as far apart as real images, less than 40 %, and before 103.0 %",
        ),
        ("validation/class_divergence", 0.69, "are 0.69 nats from those of the images, more than 0.5, and were 0.02"),
        ("discriminator", None, "discriminator is no number any more"),
    ],
)
def test_each_sign_names_value_limit_and_remedy(figure: str, value: float | None, message: str) -> None:
    """One line, whatever else is well."""
    found = sign_of_collapse([*ticks([0.6]), {"step": 2000, **HEALTHY}, {"step": 2100, **HEALTHY, figure: value}])

    assert found is not None
    assert message in found
    assert "lower --learning-rate" in found


def test_a_beginner_has_time() -> None:
    """In its first thousand steps nothing counts, and no step of them later; but a number must be one."""
    assert sign_of_collapse([]) is None
    assert sign_of_collapse(ticks([0.0] * 10, start=100)) is None
    assert sign_of_collapse(ticks([0.0] * 14, start=100)) is None
    assert sign_of_collapse(ticks([0.0] * 15, start=100)) is not None
    assert sign_of_collapse([{"step": step, "validation/diversity": 0.0} for step in (100, 900)]) is None
    assert sign_of_collapse([{"step": 100, "discriminator": None}]) is not None


@pytest.fixture
def squares(tmp_path: Path, little_world: ImageSet) -> Path:
    """The training images of the little world, as files."""
    folder = tmp_path / "squares"
    folder.mkdir()
    for index, image in enumerate(little_world.train.images):
        Image.fromarray(np.asarray(image[0])).save(folder / f"{index}.png")
    return folder


TINY = "--image-size 8 --width 8 --latent-dim 4 --batch-size 16 --threads 1 --validate-every 900 --steps 1700"


def test_a_run_that_collapses_stops_with_one_line_and_keeps_its_best(
    squares: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Healthy for 900 steps, then at a learning rate of 30: status 1, and the network of step 900; `ignore` goes on.

    At such a rate the discriminator is never fooled again, on any processor; what samples look like is luck.
    """
    run = tmp_path / "0001-dcgan"
    start = f"dcgan --data {squares} {TINY} --learning-rate 2e-3 --runs {tmp_path} --stop-after 900"
    assert main(start.split()) == 0
    capsys.readouterr()
    best = (run / "best.safetensors").read_bytes()
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(config | {"learning_rate": 30.0}))

    assert main(f"dcgan --resume {run}".split()) == 1

    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert f"training: {run} stopped at step 1500: the discriminator's cost was below" in error
    assert f"the best network, of step 900, stays: python -m training evaluate {run}" in error
    assert (run / "best.safetensors").read_bytes() == best
    assert main(f"dcgan --resume {run} --on-collapse ignore".split()) == 0
    assert json.loads((run / "config.json").read_text())["on_collapse"] == "ignore"
    assert Run.open(run).statistics()[-1]["step"] == 1700
