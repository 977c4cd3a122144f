"""The six steps of a DCGAN's round, and what goes wrong when real and fake images share the discriminator's batch.

(1) draw z, (2) generate, (3) real and fake images through D, (4) J(D) and its step, (5) freeze D, (6) J(G) and its
step: `Game` in `training/game.py`. In step (3) the lecture, like Chollet's *Deep Learning with Python*, mixes both
kinds in one batch. With batch norm in D the logit of a real image then depends on the fakes beside it, and in step (6)
D sees fakes alone: the statistics, and with them the function that G climbs, are not those with which D has learned.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
from rich.progress import track
from torch import Tensor, nn

from models_store.dcgan import DCGAN
from training import data
from training.game import DISCRIMINATOR_BATCHES, Game, discriminator_cost
from training.lecture.ablations import BATCH, JUDGED, NETWORK, Variant, features, new_game, samples, small_images, train
from training.lecture.figure import figure
from training.metrics import frechet_distance

STEPS, COMPARED, ROUNDS = 300, 256, 40


@torch.no_grad()
def logits_of(game: Game, real: Tensor, fake: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """How the batches are made -> logits of the real and of the fake images by D as it trains, (B,) each."""
    return {name: logits(game.discriminator, real, fake) for name, logits in DISCRIMINATOR_BATCHES.items()}


@torch.no_grad()
def batch_means(discriminator: nn.Module, images: Tensor) -> Tensor:
    """The means by which D's first batch norm shifts these images, (channels,)."""
    seen: list[Tensor] = []

    def look(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen.append(inputs[0].mean((0, 2, 3)))

    norm = next(module for module in discriminator.modules() if isinstance(module, nn.BatchNorm2d))
    handle = norm.register_forward_pre_hook(look)
    discriminator(images)
    handle.remove()
    return seen[0]


def advantage_of_fresh_latents(game: Game, reals: Callable[[int], Tensor], noise: torch.Generator) -> float:
    """Mean logit of new fakes less that of those which D has just learned from, over some rounds, in nats.

    What step (5) would change if it drew z anew, as the lecture has it.
    """
    generator = cast("DCGAN", game.generator)
    gains = []
    for round_number in range(ROUNDS):
        real = reals(round_number)
        shape = (len(real), generator.latent_dim)
        fake, fresh = (generator(torch.randn(shape, generator=noise)) for _ in range(2))
        game.discriminator_step(real, fake.detach())
        with torch.no_grad():
            gains.append(float(game.discriminator(fresh).mean() - game.discriminator(fake).mean()))
        game.generator_step(fake)
    return sum(gains) / len(gains)


def lesson(path: Path) -> dict[str, float]:
    """The same small DCGAN trained with separate and with mixed batches, and its D asked in both ways."""
    images = data.load("fashion-mnist", image_size=28, channels=1)
    known = small_images(images.train)
    real = 2.0 * small_images(images.validation.take(torch.arange(COMPARED))).pixels() - 1.0
    reference = features(known.take(torch.arange(JUDGED)).pixels())
    noise = torch.Generator().manual_seed(7)
    found: dict[str, float] = {}
    with figure(path, columns=3, width=3.7, height=3.2) as panels:
        for axes, trained in zip(panels, track(DISCRIMINATOR_BATCHES, "steps", transient=True), strict=False):
            game = new_game(Variant(batches=trained))
            train(game, known, steps=STEPS)
            found[f"Fréchet distance, trained {trained}"] = frechet_distance(features(samples(game, JUDGED)), reference)
            with torch.no_grad():
                fake = game.generator(torch.randn((COMPARED, NETWORK.latent_dim), generator=noise))
            asked = logits_of(game, real, fake)
            _draw_logits(axes, trained, asked)
            for name, (real_logits, fake_logits) in asked.items():
                found[f"J(D), trained {trained}, asked {name}"] = float(discriminator_cost(real_logits, fake_logits))
            (alone, _), (beside, _) = asked["separate"], asked["mixed"]
            found[f"change of a real image's logit by fakes beside it, trained {trained}"] = float(
                (beside - alone).abs().mean()
            )
        _draw_means(panels[2], game.discriminator, real, fake)
    rows = [known.take(torch.arange(BATCH) + BATCH * each).pixels() for each in range(ROUNDS)]
    game = new_game(Variant())
    train(game, known, steps=STEPS // 3)
    found["logit of fresh fakes less that of fakes just seen"] = advantage_of_fresh_latents(
        game, lambda number: 2.0 * rows[number] - 1.0, noise
    )
    return found


def _draw_logits(axes: Any, trained: str, asked: dict[str, tuple[Tensor, Tensor]]) -> None:
    """Filled: in batches of their own; lines: real and fake mixed in one batch."""
    every = torch.cat([torch.cat(pair) for pair in asked.values()])
    edges = torch.linspace(float(every.min()), float(every.max()), 41).tolist()
    for colour, kind, index in (("tab:blue", "real", 0), ("tab:orange", "fake", 1)):
        axes.hist(asked["separate"][index], edges, color=colour, alpha=0.4, label=f"{kind}, a batch of their own")
        axes.hist(asked["mixed"][index], edges, color=colour, histtype="step", label=f"{kind}, mixed batch")
    axes.set(title=f"D trained on {trained} batches", xlabel="logit of being real", yticks=[])
    axes.set_ylim(top=1.4 * axes.get_ylim()[1])  # room for the legend
    axes.legend(fontsize=6)


def _draw_means(axes: Any, discriminator: nn.Module, real: Tensor, fake: Tensor) -> None:
    means = {
        "real": batch_means(discriminator, real),
        "mixed": batch_means(discriminator, torch.cat([real, fake])),
        "fake": batch_means(discriminator, fake),
    }
    order = means["real"].argsort()
    for (name, values), colour in zip(means.items(), ("tab:blue", "grey", "tab:orange"), strict=True):
        axes.plot(values[order], ".-", label=name, color=colour, linewidth=0.8, markersize=3)
    axes.set(title="its batch norm: means of the batch", xlabel="channel")
    axes.legend(fontsize=7)
