"""DRAW paints in steps (Gregor et al. 2015; *Deep Learning*, 20.10.3): where it writes, what a step costs and wins.

The KL of a sequence is a sum: KL(q(z|x) ‖ p(z)) = Σ_t E KL(q(z_t | x, z_<t) ‖ N(0, I)), so the nats of an image can be
seen going into its steps. What they buy is -log p(x | c_t), the error if painting ended with the canvas c_t.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from matplotlib.patches import Rectangle
from torch import Tensor
from torch.nn import functional

from models_store.attention import Window
from models_store.draw import DRAW, DRAWConfig, Inference
from models_store.latents import normals
from models_store.likelihoods import Bernoulli, binarize
from models_store.store import SHIPPED
from training import data as datasets
from training.config import DRAWRun
from training.data import Split
from training.elbo import ELBOObjective
from training.lecture.figure import figure
from training.lecture.rehearsal import CPU, rehearse, shipped
from training.objective import noise_of

FASHION_PAINTER = "fashion-draw"
SMALL = DRAWConfig(strokes=6, stroke_latents=6, hidden=64, read_grid=5, write_grid=8)
"""Of the network to look at where the store has no `fashion-draw`; `python -m training draw` makes a better one."""
SAMPLES = 6
GAP = 3
"""Pixels between two pictures of the sheet."""


@dataclass(frozen=True)
class Account:
    """Mean nats an image: `costs` and `errors` of each step (T,), and the whole `divergence` by draws alone."""

    costs: Tensor
    errors: Tensor
    divergence: float
    standard_error: float
    """Of Σ `costs` - `divergence`."""


def costs_of(inference: Inference) -> Tensor:
    """KL(q(z_t | x, z_<t) ‖ N(0, I)) in nats of each row and step, (B, T), in closed form along the path drawn."""
    return torch.stack([normal.divergence.sum(1) for normal in inference.normals], dim=1)


def errors_of(network: DRAW, data: Tensor, latents: Tensor) -> Tensor:
    """Bits (B, C, H, W) and latents (B, T·d) -> -log p(x | c_t) in nats for the canvas after each step, (B, T)."""
    return torch.stack([-Bernoulli(stroke.canvas).log_prob(data) for stroke in network.strokes(latents)], dim=1)


@torch.no_grad()
def account(network: DRAW, pictures: Split, noise: torch.Generator) -> Account:
    """One draw of bits and of z for each picture."""
    parts = [_account_of(network, part.pixels(), noise) for part in pictures.batches(250)]
    costs, errors, sampled = (torch.cat(column).double() for column in zip(*parts, strict=True))
    difference = costs.sum(1) - sampled
    return Account(
        costs.mean(0), errors.mean(0), float(sampled.mean()), float(difference.std()) / len(difference) ** 0.5
    )


def rectangle(window: Window, row: int) -> tuple[float, float, float]:
    """Left, top and side in pixels of the square that the outermost filters of that row span."""
    side = float(window.stride[row]) * (window.grid - 1)
    top, left = (float(centre) - side / 2 for centre in window.centre[row])
    return left, top, side


def visible_part(square: tuple[float, float, float], size: int) -> tuple[float, float, float, float]:
    """Left, top, width and height of what an image of so many pixels shows of a square; pixel 0 begins at -½."""
    left, top, side = square
    first, last = -0.5, size - 0.5
    sides = [(min(max(start, first), last), min(max(start + side, first), last)) for start in (left, top)]
    return sides[0][0], sides[1][0], sides[0][1] - sides[0][0], sides[1][1] - sides[1][0]


def train_painter(pictures: Split, shape: DRAWConfig, *, steps: int, batch: int = 64) -> DRAW:
    """A small DRAW, in a minute."""
    run = DRAWRun(model=shape, steps=steps, learning_rate=4e-3, warm_up=50, kl_warm_up=steps // 4, average=0.99)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        objective = ELBOObjective(run, DRAW(shape), CPU)
    return cast("DRAW", rehearse(objective, pictures, steps=steps, batch=batch, name="a small DRAW"))


def shipped_painter(store: Path = SHIPPED) -> DRAW | None:
    """The checkpoint that comes with the project, if the store has it."""
    return cast("DRAW | None", shipped(store, FASHION_PAINTER))


def lesson(path: Path) -> dict[str, float]:
    """The shipped DRAW, or one of a minute: six samples as they are painted, and the account of 1,000 test images."""
    data = datasets.load("fashion-mnist", image_size=28, channels=1)
    network = shipped_painter() or train_painter(data.train, SMALL, steps=1500)
    steps = account(network, data.test.take(torch.arange(1000)), noise_of(0, 0, CPU))
    latents = torch.from_numpy(normals(0, range(SAMPLES), network.latent_dim))
    show(path, network, latents, steps)
    windows = [stroke.window for stroke in network.strokes(latents)]
    return {
        "KL of all steps": float(steps.costs.sum()),
        "the same KL by draws": steps.divergence,
        "standard error of their difference": steps.standard_error,
        "KL of the first half of the steps": float(steps.costs[: len(steps.costs) // 2].sum()),
        "-log p(x|z) after the first step": float(steps.errors[0]),
        "-log p(x|z) after the last step": float(steps.errors[-1]),
        "side of the first windows, pixels": _mean_side(windows[0]),
        "side of the last windows, pixels": _mean_side(windows[-1]),
    }


@torch.no_grad()
def show(path: Path, network: DRAW, latents: Tensor, steps: Account) -> None:
    """Pictures row by row as they are painted, each with the square where the step wrote; beside it the account."""
    with figure(path, columns=2, width=4.8, height=3.3) as (sheet, nats):
        _show_stages(sheet, network, latents)
        _show_account(nats, steps)


def _account_of(network: DRAW, images: Tensor, noise: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    data = binarize(images, torch.rand(images.shape, generator=noise))
    inference = network.infer(data, torch.randn((len(data), network.latent_dim), generator=noise))
    sampled = inference.log_density - network.log_prior(inference.latents)
    return costs_of(inference), errors_of(network, data, inference.latents), sampled


def _mean_side(window: Window) -> float:
    return float(window.stride.mean()) * (window.grid - 1)


def _show_stages(axes: Any, network: DRAW, latents: Tensor) -> None:
    """One sheet: down the samples, across the steps."""
    stages = functional.pad(network.stages(latents)[:, :, 0], (0, GAP, 0, GAP))
    rows, columns, pitch = stages.shape[:3]
    sheet = stages.permute(0, 2, 1, 3).reshape(rows * pitch, columns * pitch)[:-GAP, :-GAP]
    axes.imshow(sheet.numpy(), cmap="gray", vmin=0, vmax=1)
    for column, stroke in enumerate(network.strokes(latents)):
        for row in range(rows):
            left, top, width, height = visible_part(rectangle(stroke.window, row), pitch - GAP)
            corner = (left + column * pitch, top + row * pitch)
            axes.add_patch(Rectangle(corner, width, height, fill=False, color="orangered", linewidth=0.9))
    axes.set(title="samples as they are painted, and where", xlabel="step", yticks=[])
    axes.set_xticks([pitch * column + (pitch - GAP - 1) / 2 for column in range(columns)], range(1, columns + 1))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _show_account(axes: Any, steps: Account) -> None:
    numbers = range(1, len(steps.costs) + 1)
    axes.bar(numbers, steps.costs.tolist(), color="C0", width=0.7)
    axes.set(title="what a step costs and wins", xlabel="step", xticks=numbers)
    axes.set_ylabel("KL of the step, nats", color="C0")
    beside = axes.twinx()
    beside.plot(numbers, steps.errors.tolist(), color="C3", marker="o", markersize=3)
    beside.set_ylabel("-log p(x | canvas), nats", color="C3")
    beside.spines["right"].set_visible(True)
