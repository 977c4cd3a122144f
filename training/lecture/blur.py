"""Why are the samples of a VAE blurry? A VAE and a GAN with each cost of the generator, trained alike, and measured.

The lecture blames the direction of the KL. But a GAN trained with the maximum-likelihood cost, the same direction as
the VAE's, is as sharp as with the others (Goodfellow 2014, arXiv 1412.6515; Goodfellow 2016, §3.2.5). What blurs is
shown exactly by `independent_optimum`: where one code stands for several pictures, the best mean of a decoder with
independent pixels is their average, and its draws are that average with noise.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import torch
from rich.progress import track
from torch import Tensor
from torch.nn import functional
from torch.optim import Adam

from models_store.checkpoint import read_checkpoint
from models_store.classifier import Classifier
from models_store.dcgan import DCGAN, DCGANConfig
from models_store.likelihoods import binarize
from models_store.store import SHIPPED
from models_store.vae import VAE, VAEConfig
from training import data as datasets
from training.config import VAERun
from training.data import Split, shuffled_rows
from training.dcgan import initialize, with_own_statistics
from training.discriminators import Discriminator
from training.elbo import ELBOObjective
from training.game import GENERATOR_COSTS, Game
from training.judge import FASHION_JUDGE
from training.lecture.figure import figure
from training.metrics import SupportOverlap, features_of, sharpness, support_overlap
from training.objective import averaged_copy, noise_of, update_average

SIZE, LATENT_DIM, WIDTH = 14, 32, 32
STEPS, BATCH, PICTURES = 1500, 64, 2000
GENERATOR_RATE, DISCRIMINATOR_RATE = 2e-3, 5e-4
AVERAGE = 0.99
ROWS, COLUMNS = 4, 6
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Verdict:
    """Of a set of pictures: sharpness as a multiple of that of real ones, and how it overlaps with them."""

    sharpness: float
    overlap: SupportOverlap


def independent_optimum(pictures: Tensor, weights: Tensor) -> Tensor:
    """The mean (C, H, W) that suits a code best which stands for pictures (K, C, H, W) with `weights` (K,), of sum 1.

    With independent pixels E log p(x|z) is greatest, for a Bernoulli as for a normal of any width, where every pixel of
    the mean is the average Σ w x: the expected cost of another mean c is larger by |c - Σ w x|² (twice the variance of
    a normal as the unit), or by the KL of the two Bernoullis.
    """
    return torch.einsum("k,kchw->chw", weights, pictures)


def shrunk(split: Split) -> Split:
    """Pictures of half the size, each pixel the mean of four: what can be learned within seconds."""
    return Split(functional.avg_pool2d(split.images.float(), 2).round().byte(), split.labels)


@torch.no_grad()
def vae_pictures(train: Split, latents: Tensor, *, steps: int) -> tuple[Tensor, Tensor]:
    """Means and draws of p(x|z) of a trained VAE at latents (N, LATENT_DIM), each (N, 1, 14, 14)."""
    shape = VAEConfig(image_size=SIZE, latent_dim=LATENT_DIM, widths=(16,), hidden=128, prior="normal")
    run = VAERun(model=shape, steps=steps, learning_rate=3e-3, warm_up=50, kl_warm_up=steps // 4, average=AVERAGE)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        objective = ELBOObjective(run, VAE(shape), CPU)
    for step, batch in _batches(train, steps, "VAE"):
        with torch.enable_grad():
            objective.step(batch, step, noise_of(0, step, CPU))
    means = objective.network().decode(latents)
    return means, binarize(means, torch.rand(means.shape, generator=noise_of(1, 0, CPU)))


@torch.no_grad()
def gan_pictures(train: Split, latents: Tensor, cost: str, *, steps: int) -> Tensor:
    """Pictures (N, 1, 14, 14) of a DCGAN trained with one of GENERATOR_COSTS, at latents (N, LATENT_DIM).

    D learns more slowly than G: where it is sure of every fake, two of the three costs have no slope.
    """
    shape = DCGANConfig(image_size=SIZE, latent_dim=LATENT_DIM, width=WIDTH)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        generator, discriminator = DCGAN(shape).apply(initialize), Discriminator(shape).apply(initialize)
    generator_optimizer = Adam(generator.parameters(), lr=GENERATOR_RATE, betas=(0.5, 0.999))
    discriminator_optimizer = Adam(discriminator.parameters(), lr=DISCRIMINATOR_RATE, betas=(0.5, 0.999))
    rules = GENERATOR_COSTS[cost]
    game = Game(generator, discriminator, generator_optimizer, discriminator_optimizer, rules)
    average = averaged_copy(generator)
    for step, batch in _batches(train, steps, f"GAN, {cost}"):
        noise = noise_of(0, step, CPU)
        with torch.enable_grad():
            game.play(2.0 * batch.pixels() - 1.0, torch.randn((BATCH, LATENT_DIM), generator=noise))
        update_average(average, generator, decay=AVERAGE, step=step)
    return with_own_statistics(cast("DCGAN", average), noise_of(1, 0, CPU), batch_size=BATCH).decode(latents)


@torch.no_grad()
def verdicts(judge: Classifier, real: Tensor, sets: dict[str, Tensor]) -> dict[str, Verdict]:
    """Each set of pictures (N, 1, 14, 14) in [0, 1] against the real ones, in the features of the judge of 28 x 28."""

    def seen(pictures: Tensor) -> Tensor:
        large = functional.interpolate(pictures, scale_factor=2, mode="bilinear")
        return features_of(judge, large.split(500))

    wanted, scale = seen(real), sharpness(real).mean()
    return {
        name: Verdict(float(sharpness(pictures).mean() / scale), support_overlap(wanted, seen(pictures)))
        for name, pictures in sets.items()
    }


def lesson(path: Path) -> dict[str, float]:
    """One VAE and three GANs on Fashion-MNIST, as many steps each on the same images."""
    data = datasets.load("fashion-mnist", image_size=2 * SIZE, channels=1)
    judge = cast("Classifier", read_checkpoint(SHIPPED, FASHION_JUDGE).network)
    train, test = shrunk(data.train), shrunk(data.test).pixels()
    latents = torch.randn((PICTURES, LATENT_DIM), generator=noise_of(2, 0, CPU))
    means, draws = vae_pictures(train, latents, steps=STEPS)
    sets = {"real": test[PICTURES : 2 * PICTURES], "VAE, means": means, "VAE, draws": draws}
    for cost in ("maximum-likelihood", "non-saturating", "minimax"):
        sets[f"GAN, {cost}"] = gan_pictures(train, latents, cost, steps=STEPS)
    found = verdicts(judge, test[:PICTURES], sets)
    _draw(path, sets, found)
    return {
        f"{part}: {name}": value
        for name, verdict in found.items()
        for part, value in {"sharpness": verdict.sharpness, **asdict(verdict.overlap)}.items()
    }


def _batches(train: Split, steps: int, name: str) -> Iterator[tuple[int, Split]]:
    """The same batches in the same order for all."""
    for step in track(range(steps), name, transient=True):
        yield step, train.take(shuffled_rows(len(train), BATCH, seed=0, step=step))


def _draw(path: Path, sets: dict[str, Tensor], found: dict[str, Verdict]) -> None:
    """Six grids in two rows."""
    with figure(path, columns=3, width=3.1, height=4.9) as panels:
        for panel in panels:
            panel.axis("off")
        for number, (name, pictures) in enumerate(sets.items()):
            row, column = divmod(number, 3)
            axes = panels[column].inset_axes((0.0, 0.53 * (1 - row), 1.0, 0.44))
            axes.imshow(_tiled(pictures).numpy(), cmap="gray", vmin=0, vmax=1)
            axes.set(title=name, xticks=[], yticks=[])
            verdict = found[name]
            axes.set_xlabel(
                f"sharpness {verdict.sharpness:.2f}   precision {verdict.overlap.precision:.2f}   "
                f"recall {verdict.overlap.recall:.2f}"
            )


def _tiled(pictures: Tensor) -> Tensor:
    """The first pictures (N, 1, H, W) as one, row by row."""
    first = pictures[: ROWS * COLUMNS, 0]
    rows = first.reshape(ROWS, COLUMNS, *first.shape[1:])
    return rows.permute(0, 2, 1, 3).reshape(ROWS * first.shape[1], -1)
