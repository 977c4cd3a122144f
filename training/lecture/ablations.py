"""What holds a DCGAN together: each of its key points taken away in turn (Radford et al. 2016, section 3).

The points are strided convolutions in place of pooling, batch norm in both networks but not on G's output and D's
input, and Adam. All variants see the same images and latents and take as many steps; each is judged by the Fréchet
distance of its samples to training images in the features of the shipped classifier, and by how much the images of
fixed latents change between consecutive snapshots: the oscillation of which the paper warns where batch norm is
everywhere.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import cast

import torch
from rich.progress import track
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import SGD, Adam, Optimizer

from models_store.checkpoint import read_checkpoint
from models_store.classifier import Classifier
from models_store.dcgan import DCGAN, DCGANConfig
from models_store.pixels import sheet, to_bytes
from models_store.store import SHIPPED
from training import data
from training.data import Split, shuffled_rows
from training.dcgan import initialize, with_own_statistics
from training.discriminators import Discriminator
from training.game import DISCRIMINATOR_BATCHES, Game
from training.judge import FASHION_JUDGE
from training.lecture.figure import figure
from training.metrics import FeatureStatistics, features_of, frechet_distance

NETWORK = DCGANConfig(image_size=16, latent_dim=32, width=16)
STEPS, BATCH, SEED = 500, 32, 0
RATE, PLAIN_RATE = 1e-3, 0.1
JUDGED = 1000
EVERY, SHOWN = 10, 6
"""Steps between two snapshots, and how many of them end the run."""


def unchanged(network: DCGAN | Discriminator) -> None:
    """The recipe as it is."""


def pool(network: DCGAN | Discriminator) -> None:
    """Halves by max pooling and doubles by nearest neighbours, each with a 3x3 convolution, in place of strides."""
    layers: list[nn.Module] = []
    for layer in network.layers:
        if isinstance(layer, nn.ConvTranspose2d) and layer.stride == (2, 2):
            plain = nn.Conv2d(layer.in_channels, layer.out_channels, 3, padding=1, bias=False)
            layers += [nn.Upsample(scale_factor=2), plain]
        elif isinstance(layer, nn.Conv2d) and layer.stride == (2, 2):
            plain = nn.Conv2d(layer.in_channels, layer.out_channels, 3, padding=1, bias=layer.bias is not None)
            layers += [plain, nn.MaxPool2d(2)]
        else:
            layers.append(layer)
    network.layers = nn.Sequential(*layers)


def drop_norms(network: DCGAN | Discriminator) -> None:
    """No batch norm; the convolutions before it get the bias that its shift made needless."""
    layers = list(network.layers)
    for layer, following in pairwise(layers):
        if isinstance(following, nn.BatchNorm2d) and isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            layer.bias = nn.Parameter(torch.zeros(layer.out_channels))
    network.layers = nn.Sequential(*(layer for layer in layers if not isinstance(layer, nn.BatchNorm2d)))


def norm_everywhere(network: DCGAN | Discriminator) -> None:
    """Batch norm on G's output, before the tanh, and on D's first layer, too."""
    layers = list(network.layers)
    if isinstance(network, DCGAN):
        layers.append(nn.BatchNorm2d(network.config.channels))
    else:
        layers.insert(1, nn.BatchNorm2d(cast("nn.Conv2d", layers[0]).out_channels))
    network.layers = nn.Sequential(*layers)


def adam(network: nn.Module) -> Optimizer:
    """With the paper's first beta, and a rate for a run of a few hundred steps."""
    return Adam(network.parameters(), lr=RATE, betas=(0.5, 0.999), fused=True)


def gradient_descent(network: nn.Module) -> Optimizer:
    """No momentum, no division by the gradient's size."""
    return SGD(network.parameters(), lr=PLAIN_RATE)


@dataclass(frozen=True)
class Variant:
    """The recipe with one thing changed."""

    change: Callable[[DCGAN | Discriminator], None] = unchanged
    optimizer: Callable[[nn.Module], Optimizer] = adam
    batches: str = "separate"


VARIANTS = {
    "the recipe": Variant(),
    "pooling": Variant(change=pool),
    "no batch norm": Variant(change=drop_norms),
    "batch norm everywhere": Variant(change=norm_everywhere),
    "gradient descent": Variant(optimizer=gradient_descent),
}


def new_game(variant: Variant, *, config: DCGANConfig = NETWORK, seed: int = SEED) -> Game:
    """Both networks with weights drawn from the seed, and their optimizers."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        generator, discriminator = DCGAN(config), Discriminator(config)
        for network in (generator, discriminator):
            variant.change(network)
            network.apply(initialize).train()
    return Game(
        generator,
        discriminator,
        variant.optimizer(generator),
        variant.optimizer(discriminator),
        logits=DISCRIMINATOR_BATCHES[variant.batches],
    )


def train(game: Game, images: Split, *, steps: int, batch: int = BATCH, seed: int = SEED) -> list[Tensor]:
    """Plays so many rounds; the images (64, C, H, W) of 64 fixed latents after each of the last snapshots' steps."""
    generator = cast("DCGAN", game.generator)
    noise = torch.Generator().manual_seed(seed)
    latents = torch.randn((64, generator.latent_dim), generator=torch.Generator().manual_seed(seed + 1))
    snapshots = []
    for step in range(steps):
        real = images.take(shuffled_rows(len(images), batch, seed=seed, step=step)).pixels()
        game.play(2.0 * real - 1.0, torch.randn((batch, generator.latent_dim), generator=noise))
        left = steps - 1 - step
        if left % EVERY == 0 and left < SHOWN * EVERY:
            with torch.no_grad():
                snapshots.append(generator.decode(latents))
    return snapshots


def change_between(snapshots: Sequence[Tensor]) -> float:
    """Mean absolute change of a pixel, in [0, 1], from one snapshot to the next."""
    return float(torch.stack([(after - before).abs().mean() for before, after in pairwise(snapshots)]).mean())


def small_images(part: Split) -> Split:
    """Images (N, 1, 28, 28) in a frame of two black pixels, each four pixels made their mean: (N, 1, 16, 16)."""
    pixels = functional.avg_pool2d(functional.pad(part.images.float(), (2, 2, 2, 2)), 2)
    return Split(pixels.round().byte(), part.labels)


@cache
def judge() -> Classifier:
    """The shipped classifier."""
    return cast("Classifier", read_checkpoint(SHIPPED, FASHION_JUDGE).network)


def features(pixels: Tensor) -> FeatureStatistics:
    """Of pixels (N, 1, 16, 16) in [0, 1], by the judge, to whom they are shown as 28x28: doubled, without the frame."""
    shown = (part.repeat_interleave(2, 2).repeat_interleave(2, 3)[..., 2:-2, 2:-2] for part in pixels.split(500))
    return FeatureStatistics.of(features_of(judge(), shown))


@torch.no_grad()
def samples(game: Game, count: int, *, seed: int = SEED) -> Tensor:
    """Pixels (count, C, H, W) of fresh latents by the generator as it would be served."""
    noise = torch.Generator().manual_seed(seed + 2)
    model = with_own_statistics(cast("DCGAN", game.generator), noise, batch_size=64)
    return torch.cat(
        [model.decode(part) for part in torch.randn((count, model.latent_dim), generator=noise).split(500)]
    )


def lesson(path: Path) -> dict[str, float]:
    """Five variants on Fashion-MNIST at 16x16 with small networks; the distance of real test images shows the floor."""
    images = data.load("fashion-mnist", image_size=28, channels=1)
    real = small_images(images.train)
    reference = features(real.take(torch.arange(JUDGED)).pixels())
    floor = features(small_images(images.test.take(torch.arange(JUDGED))).pixels())
    found = {"Fréchet distance: real test images": frechet_distance(floor, reference)}
    with figure(path, columns=len(VARIANTS), width=2.1, height=3.9) as panels:
        for axes, name in zip(panels, track(VARIANTS, "ablations", transient=True), strict=True):
            game = new_game(VARIANTS[name])
            snapshots = train(game, real, steps=STEPS)
            distance = frechet_distance(features(samples(game, JUDGED)), reference)
            change = change_between(snapshots)
            found |= {f"Fréchet distance: {name}": distance, f"change between snapshots: {name}": change}
            # Six rows of samples, then three latents, a row each, through the six snapshots.
            through_time = [snapshot[row : row + 1] for row in range(3) for snapshot in snapshots]
            tiles = torch.cat([snapshots[-1][:36], *through_time])
            axes.imshow(sheet(to_bytes(tiles.numpy()), columns=6), cmap="gray")
            axes.axhline(6 * (NETWORK.image_size + 2) - 1.5, color="tab:red", linewidth=1.5)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            axes.set_title(name, fontsize=10)
            axes.set_xlabel(f"Fréchet distance {distance:.0f}\nchange in {EVERY} steps {change:.3f}")
        panels[0].set_ylabel("a latent a row through time     |     samples", fontsize=8)
    return found
