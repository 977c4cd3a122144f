"""The three games on eight Gaussians on a ring: same nets, same data, same noise, only J(G) differs.

The discriminator gets a head start, so that it is sure of every fake when the games begin: the case for which the
non-saturating cost was made. Adam, which divides a gradient by its own size, hides how small it is; so the first steps
are also played with plain gradient descent. A sample is good within three standard deviations of a mode, as Srivastava
et al. 2017 (VEEGAN) count; a mode is found if good samples near it are a fifth of its share or more.
"""

import math
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from PIL import Image
from rich.progress import track
from torch import Tensor, nn
from torch.optim import SGD, Adam

from training.game import GENERATOR_COSTS, Game
from training.lecture.costs import COLOURS
from training.lecture.figure import figure

MODES, RADIUS, SCALE = 8, 2.0, 0.1
LATENT, WIDTH, BATCH = 4, 64, 128
RATE, PLAIN_RATE = 1e-3, 0.03
STEPS, HEAD_START, PLAIN_STEPS = 2000, 300, 400
FRAMES = 50
SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Snapshot:
    """A game at one step: samples (N, 2) from fixed latents, mean and spread of G's gradient over batches."""

    step: int
    samples: Tensor
    slope: float
    spread: float


class RingDiscriminator(nn.Module):
    """Points (B, 2) -> logits (B,)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = _layers(2, 1)

    def forward(self, points: Tensor) -> Tensor:
        return self.layers(points).squeeze(1)


def centres() -> Tensor:
    """The means of the Gaussians, (8, 2)."""
    angles = torch.arange(MODES) * (2 * math.pi / MODES)
    return RADIUS * torch.stack([angles.cos(), angles.sin()], dim=1)


def ring(count: int, noise: torch.Generator) -> Tensor:
    """Data, (count, 2)."""
    chosen = torch.randint(MODES, (count,), generator=noise)
    return centres()[chosen] + SCALE * torch.randn((count, 2), generator=noise)


def quality(samples: Tensor) -> tuple[int, float]:
    """Modes found, and the share of good samples; for the data themselves 8 and 1 - exp(-9/2) = 0.989."""
    distance, nearest = torch.cdist(samples, centres()).min(dim=1)
    good = distance < 3 * SCALE
    shares = torch.bincount(nearest[good], minlength=MODES) / len(samples)
    return int((shares >= 0.2 / MODES).sum()), float(good.float().mean())


def new_game(name: str, *, seed: int, plain: bool = False) -> Game:
    """Small nets whose first weights depend on the seed alone; `plain` moves G by gradient descent, not by Adam."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        generator, discriminator = _layers(LATENT, 2), RingDiscriminator()
    mover = SGD(generator.parameters(), lr=PLAIN_RATE) if plain else _adam(generator)
    return Game(generator, discriminator, mover, _adam(discriminator), GENERATOR_COSTS[name])


def give_head_start(game: Game, noise: torch.Generator, *, steps: int) -> None:
    """D learns, G does not."""
    for _ in range(steps):
        with torch.no_grad():
            fake = game.generator(torch.randn((BATCH, LATENT), generator=noise))
        game.discriminator_step(ring(BATCH, noise), fake)


def gradient_moments(game: Game, noise: torch.Generator, *, batches: int = 16) -> tuple[float, float]:
    """|E g| and √tr Cov g of the gradient g of J(G) for G's weights, over batches of fresh latents; moves nothing."""
    parameters = list(game.generator.parameters())
    gradients = []
    for _ in range(batches):
        cost = game.cost(game.discriminator(game.generator(torch.randn((BATCH, LATENT), generator=noise))))
        gradients.append(torch.cat([each.flatten() for each in torch.autograd.grad(cost, parameters)]))
    stacked = torch.stack(gradients)
    return float(stacked.mean(0).norm()), float(stacked.var(0).sum().sqrt())


def play(game: Game, *, seed: int, steps: int, head_start: int, frames: int) -> list[Snapshot]:
    """Head start, then rounds of one step each; snapshots at the start and after each of `frames` equal parts."""
    noise = torch.Generator().manual_seed(seed)
    give_head_start(game, noise, steps=head_start)
    snapshots = [_snapshot(game, 0)]
    for step in range(1, steps + 1):
        game.play(ring(BATCH, noise), torch.randn((BATCH, LATENT), generator=noise))
        if step % (steps // frames) == 0:
            snapshots.append(_snapshot(game, step))
    return snapshots


def draw_film(path: Path, films: dict[str, list[Snapshot]]) -> None:
    """The three games side by side as an animated WebP, the last frame held."""
    drawing = Figure(figsize=(7.2, 2.7), dpi=80, layout="constrained")
    dots = {}
    for axes, (name, film) in zip(drawing.subplots(1, len(films)), films.items(), strict=True):
        axes.set_title(name, color=COLOURS[name], fontsize=10)
        dots[name] = _scatter(axes, film[0].samples, COLOURS[name])
    frames = []
    for moment in range(len(next(iter(films.values())))):
        for name, film in films.items():
            dots[name].set_offsets(film[moment].samples)
        drawing.supxlabel(f"step {film[moment].step}", fontsize=9)
        buffer = BytesIO()
        drawing.savefig(buffer, format="png")
        frames.append(Image.open(buffer).convert("RGB"))
    lengths = [80] * (len(frames) - 1) + [2000]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=lengths, loop=0, quality=60, method=4)


def lesson(path: Path) -> dict[str, float]:
    """Three seeds a cost with Adam, one with gradient descent; the film of seed 0 lies beside the figure, as WebP."""
    found: dict[str, float] = {}
    films, plain = {}, {}
    jobs = [(name, seed) for name in sorted(GENERATOR_COSTS) for seed in SEEDS]
    ends: dict[str, list[tuple[int, float]]] = {name: [] for name in GENERATOR_COSTS}
    for name, seed in track(jobs, "three games", transient=True):
        film = play(new_game(name, seed=seed), seed=seed, steps=STEPS, head_start=HEAD_START, frames=FRAMES)
        ends[name].append(quality(film[-1].samples))
        if seed == SEEDS[0]:
            films[name] = film
            game = new_game(name, seed=seed, plain=True)
            plain[name] = play(game, seed=seed, steps=PLAIN_STEPS, head_start=HEAD_START, frames=FRAMES)
    for name, film in films.items():
        found[f"modes of {MODES}: {name}"] = float(np.mean([modes for modes, _ in ends[name]]))
        found[f"share of good samples: {name}"] = float(np.mean([share for _, share in ends[name]]))
        found[f"gradient when D is sure: {name}"] = film[0].slope
        found[f"its greatest spread over batches: {name}"] = max(each.spread for each in film)
        found[f"gradient after {PLAIN_STEPS} plain steps: {name}"] = plain[name][-1].slope
    _draw(path, films, plain)
    draw_film(path.with_suffix(".webp"), films)
    return found


def _layers(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, outputs)
    )


def _adam(module: nn.Module) -> Adam:
    return Adam(module.parameters(), lr=RATE, betas=(0.5, 0.999), fused=True)


def _snapshot(game: Game, step: int) -> Snapshot:
    """From noise of its own, the same at each step, so that only the networks differ between two of them."""
    noise = torch.Generator().manual_seed(1)
    slope, spread = gradient_moments(game, noise)
    with torch.no_grad():
        return Snapshot(step, game.generator(torch.randn((2000, LATENT), generator=noise)), slope, spread)


def _draw(path: Path, films: dict[str, list[Snapshot]], plain: dict[str, list[Snapshot]]) -> None:
    """Five moments of each game, one row a cost; beside them the two curves."""
    moments = [0, FRAMES // 20, FRAMES // 5, FRAMES // 2, FRAMES]
    with figure(path, width=11.0, height=5.4) as (frame,):
        frame.set_axis_off()
        for row, (name, film) in enumerate(films.items()):
            for column, moment in enumerate(moments):
                axes = frame.inset_axes((0.02 + 0.128 * column, 0.66 - 0.33 * row, 0.126, 0.31))
                _scatter(axes, film[moment].samples, COLOURS[name])
                if row == 0:
                    axes.set_title(f"step {film[moment].step}", fontsize=9)
                if column == 0:
                    axes.set_ylabel(name, color=COLOURS[name])
        slope = frame.inset_axes((0.74, 0.60, 0.26, 0.34))
        spread = frame.inset_axes((0.74, 0.06, 0.26, 0.34))
        for name, film in films.items():
            # Maximum likelihood and minimax are one line where D is sure: exp(d) and σ(d) agree for small D.
            dashes = "--" if name == "minimax" else "-"
            slope.semilogy(*_curve(plain[name], "slope"), dashes, color=COLOURS[name])
            spread.semilogy(*_curve(film, "spread"), color=COLOURS[name])
        slope.set(title="plain gradient steps: size of G's gradient", xlabel="step")
        spread.set(title="Adam: its spread over batches", xlabel="step")


def _scatter(axes: Any, samples: Tensor, colour: str) -> Any:
    """The modes as circles of three standard deviations, the samples as dots."""
    for centre in centres().tolist():
        axes.add_patch(Circle(centre, 3 * SCALE, facecolor="0.9", edgecolor="none"))
    axes.set(xlim=(-2.9, 2.9), ylim=(-2.9, 2.9), xticks=[], yticks=[], aspect="equal")
    axes.spines[:].set_visible(False)
    return axes.scatter(*samples.T, s=2, color=colour, alpha=0.6, linewidths=0)


def _curve(film: list[Snapshot], what: str) -> tuple[list[int], list[float]]:
    return [each.step for each in film], [getattr(each, what) for each in film]
