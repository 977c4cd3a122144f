"""How fast networks learn here, beside the same networks trained by the scripts of pytorch/examples.

`python -m benchmarks.training` interleaves turns of both in one process and counts CPU time, which other work on the
machine disturbs less than the clock. Prints a table and writes benchmarks/results/training.json.
"""

import argparse
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from benchmarks.origin import RESULTS, origin
from benchmarks.pytorch_examples import PlainDCGAN, PlainVAE
from models_store.base import Autoencoder
from models_store.dcgan import DCGANConfig
from models_store.likelihoods import Bernoulli, Domain
from models_store.posteriors import DiagonalNormal
from training.allocator import keep_freed_memory
from training.config import DCGANRun, ELBORun
from training.data import Split, shuffled_rows
from training.dcgan import DCGANObjective
from training.elbo import ELBOObjective
from training.objective import Objective, noise_of

IMAGES = 2_000
CPU = torch.device("cpu")
Steps = Callable[[int], None]
"""Does so many steps."""


@dataclass(frozen=True)
class Turn:
    """How many images a turn has, and the batch sizes: that of the script, and ours."""

    images: int
    their_batch: int
    our_batch: int


MATCHES = {
    "vae, 784-400-20": Turn(12_800, 128, 128),
    "dcgan, 28 pixels": Turn(1_280, 64, 128),
    "dcgan, 64 pixels": Turn(128, 64, 128),
    "dcgan, 28 pixels, ours in bf16": Turn(1_280, 64, 64),
    "dcgan, 64 pixels, ours in bf16": Turn(128, 64, 128),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--turns", type=int, default=7, help="of each side and network, interleaved [7]")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of both [1]")
    options = parser.parse_args()
    speeds: dict[str, list[tuple[float, float]]] = {name: [] for name in MATCHES}
    with Side(their_steps, options.threads) as theirs, Side(our_steps, options.threads) as ours, Progress() as progress:
        for turn in progress.track(range(options.turns + 1), description="turns"):
            for name, each in MATCHES.items():
                pair = (
                    theirs.speed(name, each.images, each.their_batch),
                    ours.speed(name, each.images, each.our_batch),
                )
                if turn:  # the first turn warms up
                    speeds[name].append(pair)
    report([summary(name, pairs) for name, pairs in speeds.items()], options.threads)


class Side:
    """A process of its own, since how it holds memory and rounds small numbers is part of what is compared."""

    def __init__(self, steps: Callable[[], dict[str, Steps]], threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_play, args=(steps, threads, other), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.terminate()
        self._process.join()

    def speed(self, name: str, images: int, batch: int) -> float:
        """Images a second of CPU time, over one turn."""
        self._pipe.send((name, images // batch))
        return images / float(self._pipe.recv())


def _play(steps: Callable[[], dict[str, Steps]], threads: int, pipe: Any) -> None:
    torch.set_num_threads(threads)
    known = steps()
    while True:
        name, count = pipe.recv()
        started = time.process_time()
        known[name](count)
        pipe.send(time.process_time() - started)


def summary(name: str, pairs: list[tuple[float, float]]) -> dict[str, Any]:
    """Medians over the turns of (theirs, ours), and the spread of their ratio."""
    theirs, ours = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratios = sorted(our / their for their, our in pairs)
    turn = MATCHES[name]
    return {
        "network": name,
        "pytorch_examples": {"images_per_cpu_second": round(theirs, 1), "batch_size": turn.their_batch},
        "latentserve": {"images_per_cpu_second": round(ours, 1), "batch_size": turn.our_batch},
        "ratio": round(statistics.median(ratios), 2),
        "ratios": [round(ratio, 2) for ratio in ratios],
    }


def report(found: list[dict[str, Any]], threads: int) -> None:
    """The table, and the file that docs/performance.md quotes."""
    table = Table("network", "pytorch/examples, images/s", "latentserve, images/s", "ratio", "of the turns")
    for row in found:
        speeds = (f"{row[side]['images_per_cpu_second']:,.0f}" for side in ("pytorch_examples", "latentserve"))
        table.add_row(row["network"], *speeds, f"{row['ratio']:.2f}", f"{row['ratios'][0]} to {row['ratios'][-1]}")
    Console().print(table)
    kept = {**origin(), "threads": threads, "matches": found}
    (RESULTS / "training.json").write_text(json.dumps(kept, indent=2) + "\n")


def their_steps() -> dict[str, Steps]:
    """The scripts."""
    games = {side: _scripted(PlainDCGAN(side).step, _images(side), 64, centered=True) for side in (28, 64)}
    return {
        "vae, 784-400-20": _scripted(PlainVAE().step, _images(28), 128, centered=False),
        "dcgan, 28 pixels": games[28],
        "dcgan, 64 pixels": games[64],
        "dcgan, 28 pixels, ours in bf16": games[28],
        "dcgan, 64 pixels, ours in bf16": games[64],
    }


def our_steps() -> dict[str, Steps]:
    """The objectives of `training/`, in a process that `python -m training` has set up."""
    keep_freed_memory()
    torch.set_flush_denormal(True)
    vae = ELBOObjective(ELBORun(model=None, batch_size=128), _PlainNetwork(), CPU)

    def game(side: int, precision: Literal["fp32", "bf16"], batch: int) -> Steps:
        run = DCGANRun(model=DCGANConfig(image_size=side), precision=precision)
        return _looped(DCGANObjective(run, CPU, None), _images(side), batch)

    return {
        "vae, 784-400-20": _looped(vae, _images(28), 128),
        "dcgan, 28 pixels": game(28, "fp32", 128),
        "dcgan, 64 pixels": game(64, "fp32", 128),
        "dcgan, 28 pixels, ours in bf16": game(28, "bf16", 64),
        "dcgan, 64 pixels, ours in bf16": game(64, "bf16", 128),
    }


class _Pictures(Dataset[Tensor]):
    """What torchvision's data sets and `ToTensor` do: a PIL image an item, turned into a tensor by itself."""

    def __init__(self, images: Tensor, *, centered: bool) -> None:
        self.images = [Image.fromarray(image.numpy()) for image in images[:, 0]]
        self.centered = centered

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> Tensor:
        pixels = torch.from_numpy(np.array(self.images[row], copy=True))[None].float().div(255)
        return (pixels - 0.5) / 0.5 if self.centered else pixels


class _PlainNetwork(Autoencoder):
    """The layers of pytorch/examples' VAE as a model of ours."""

    latent_dim = 20
    image_shape = (1, 28, 28)
    domain: Domain = "binarized"

    def __init__(self) -> None:
        super().__init__()
        self.read = nn.Sequential(nn.Flatten(), nn.Linear(784, 400), nn.ReLU(), nn.Linear(400, 40))
        self.made = nn.Sequential(nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784), nn.Unflatten(1, (1, 28, 28)))

    def encode(self, images: Tensor) -> Tensor:
        return self.read(images)

    def posterior(self, statistics: Tensor) -> DiagonalNormal:
        return DiagonalNormal(*statistics.chunk(2, dim=1))

    def likelihood(self, latents: Tensor) -> Bernoulli:
        return Bernoulli(self.made(latents))


def _images(side: int) -> Tensor:
    """Random bytes: no step's time depends on what the pictures show."""
    return torch.randint(0, 256, (IMAGES, 1, side, side), dtype=torch.uint8)


def _scripted(step: Callable[[Tensor], Any], images: Tensor, batch: int, *, centered: bool) -> Steps:
    """The loop of the script, with its loader in this process, so that its CPU time is counted."""
    loader = DataLoader(_Pictures(images, centered=centered), batch_size=batch, shuffle=True, drop_last=True)

    def endless() -> Iterator[Tensor]:
        while True:
            yield from loader

    batches = endless()

    def steps(count: int) -> None:
        for _ in range(count):
            step(next(batches))

    return steps


def _looped(objective: Objective, images: Tensor, batch: int) -> Steps:
    """The loop of `training/loop.py` between two validations."""
    split, done = Split(images, None), iter(range(10**9))

    def steps(count: int) -> None:
        for step in (next(done) for _ in range(count)):
            rows = shuffled_rows(len(split), batch, seed=0, step=step)
            objective.step(split.take(rows), step, noise_of(0, step, CPU))

    return steps


if __name__ == "__main__":
    main()
