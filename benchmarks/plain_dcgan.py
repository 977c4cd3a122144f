"""The DCGAN of pytorch/examples on Fashion-MNIST, trained for as long as ours and measured like it.

`python -m benchmarks.plain_dcgan FOLDER` trains in slices: it goes on from FOLDER after Ctrl-C. At the end it
compares its samples with those of `fashion-dcgan`, ten times 10,000 of each: benchmarks/results/plain_dcgan.json.
"""

import argparse
import json
import time
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress, track
from torch import Tensor

from benchmarks.origin import RESULTS, origin
from benchmarks.pytorch_examples import PlainDCGAN
from models_store.checkpoint import read_checkpoint
from models_store.dcgan import DCGAN, DCGANConfig
from models_store.store import SHIPPED
from training.data import load, shuffled_rows
from training.judge import FASHION_JUDGE, Judge
from training.metrics import FeatureStatistics, frechet_distance, kernel_distance
from training.quality import sample_quality
from training.samples import samples_of

BATCH = 64
EVERY = 500
"""Steps between two snapshots."""
STATE = "state.pt"
OURS = "fashion-dcgan"
SEEDS = 10
CPU = torch.device("cpu")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path, help="where the snapshot lies")
    parser.add_argument("--seconds", type=float, default=3880.0, help="of CPU time that training may take [3880]")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    plain, steps, seconds = PlainDCGAN(), 0, 0.0
    options.folder.mkdir(parents=True, exist_ok=True)
    if (options.folder / STATE).exists():
        steps, seconds = _restore(plain, options.folder / STATE)
    steps, seconds = train(plain, options.folder / STATE, steps, seconds, options.seconds)
    report(plain, steps, seconds)


def train(plain: PlainDCGAN, state: Path, steps: int, seconds: float, budget: float) -> tuple[int, float]:
    """Steps of the script until the budget of CPU seconds is spent; returns how many, and how long they took."""
    images = load("fashion-mnist", image_size=28, channels=1).train
    with Progress() as progress:
        bar = progress.add_task("pytorch/examples dcgan", total=budget, completed=int(seconds))
        while seconds < budget:
            started = time.process_time()
            for step in range(steps, steps + EVERY):
                torch.manual_seed(step)
                batch = images.take(shuffled_rows(len(images), BATCH, seed=0, step=step))
                plain.step(2.0 * batch.pixels() - 1.0)
            steps += EVERY
            seconds += time.process_time() - started
            _save(plain, state, steps, seconds)
            progress.update(bar, completed=seconds)
    return steps, seconds


def report(plain: PlainDCGAN, steps: int, seconds: float) -> None:
    """Both generators on the same sets of latents: the script's as one would serve it, and ours as it is served."""
    data = load("fashion-mnist", image_size=28, channels=1)
    judge = Judge.load(SHIPPED, FASHION_JUDGE, CPU)
    network = DCGAN(DCGANConfig()).eval()
    network.load_state_dict({f"layers.{name}": value for name, value in plain.generator.state_dict().items()})
    ours = read_checkpoint(SHIPPED, OURS)
    real = judge.features(data.test)
    script, shipped = (_distances(each, judge, real) for each in (network, cast("DCGAN", ours.network).eval()))
    found = {
        "steps": steps,
        "batch_size": BATCH,
        "cpu_seconds": round(seconds),
        **origin(),
        "samples": f"{SEEDS} sets of 10000",
        "digest": ours.digest,
        "script": {name: _mean(values) for name, values in script.items()},
        OURS: {name: _mean(values) for name, values in shipped.items()},
        "script less ours": {name: _mean(script[name] - shipped[name]) for name in script},
        "script, seed 0": sample_quality(samples_of(network, seed=0, device=CPU), data, judge, seed=0).metrics,
    }
    print(json.dumps(found, indent=2))
    (RESULTS / "plain_dcgan.json").write_text(json.dumps(found, indent=2) + "\n")


@torch.no_grad()
def _distances(network: DCGAN, judge: Judge, real: Tensor) -> dict[str, NDArray[np.float64]]:
    """Fréchet distance and KID to real images' features, of as many sets of samples as there are seeds."""
    statistics, found = FeatureStatistics.of(real), []
    for seed in track(range(SEEDS), "sets of 10,000 samples"):
        features = judge.features(samples_of(network, seed=seed, device=CPU))
        frechet = frechet_distance(FeatureStatistics.of(features), statistics)
        found.append((frechet, kernel_distance(features, real).value))
    return dict(zip(("frechet_distance", "kid"), np.array(found).T, strict=True))


def _mean(values: NDArray[np.float64]) -> dict[str, float]:
    """Over the sets of samples, with its standard error: the KID of one set may be off by a tenth."""
    return {"value": float(values.mean()), "standard_error": float(values.std(ddof=1) / len(values) ** 0.5)}


def _save(plain: PlainDCGAN, path: Path, steps: int, seconds: float) -> None:
    parts = {name: part.state_dict() for name, part in vars(plain).items()}
    temporary = path.with_suffix(".tmp")
    torch.save({"steps": steps, "seconds": seconds, "parts": parts}, temporary)
    temporary.replace(path)


def _restore(plain: PlainDCGAN, path: Path) -> tuple[int, float]:
    state = torch.load(path, weights_only=True)
    for name, part in vars(plain).items():
        part.load_state_dict(state["parts"][name])
    return state["steps"], state["seconds"]


if __name__ == "__main__":
    main()
