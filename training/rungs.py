"""How the importance-weighted bound climbs with the number of draws, on the same images and the same draws."""

import math
from typing import Any

import torch
from rich.progress import Progress

from models_store.base import Autoencoder
from models_store.estimators import WeightAccumulator
from models_store.likelihoods import to_domain
from training.data import Split
from training.objective import noise_of
from training.weights import FORWARD, drawn_log_weights

RUNGS = (1, 10, 100, 1_000, 5_000)
"""K of the bounds; the third is `evaluate`'s own on all images, the last that of the published tables."""


@torch.no_grad()
def rungs(network: Autoencoder, test: Split, *, images: int, seed: int, draws: tuple[int, ...] = RUNGS) -> list[Any]:
    """L_K in nats of some of the test images for each K, and by how much it lies above the rung before.

    The differences are paired, image by image, from nested draws: their standard errors are far smaller than those of
    the bounds. So a bound over all test images at a small K and the climb on a few of them tell together the bound at a
    large K over all, at a fraction of its price.

    Raises ValueError unless there are 2 images or more, and so many to be had.
    """
    if not 2 <= images <= len(test):
        raise ValueError(f"{images} images: want 2 to {len(test)}, the number of test images")
    found: list[torch.Tensor] = []
    noise = noise_of(seed, 2, test.images.device)
    parts = list(test.shuffled().take(torch.arange(images, device=test.images.device)).batches(FORWARD))
    with Progress(transient=True) as progress:
        bar = progress.add_task("draws", total=draws[-1] * len(parts))
        for part in parts:
            pixels = part.pixels()
            data = to_domain(pixels, network.domain, torch.rand(pixels.shape, generator=noise, device=pixels.device))
            statistics, weights, climbed = network.encode(data), WeightAccumulator(len(part)), []
            for rung in draws:
                while weights.draws < rung:
                    weights.add(drawn_log_weights(network, data, statistics, noise)[None])
                    progress.advance(bar)
                climbed.append(weights.bound().value)
            found.append(torch.stack(climbed))
    return _table(torch.cat(found, dim=1), draws)


def _table(bounds: torch.Tensor, draws: tuple[int, ...]) -> list[Any]:
    """Bounds (rungs, images) -> a row a rung, with standard errors over the images."""
    changes = torch.diff(bounds, dim=0, prepend=bounds[:1])
    root = math.sqrt(bounds.shape[1])
    return [
        {
            "draws": count,
            "value": float(bound.mean()),
            "standard_error": float(bound.std()) / root,
            "gain": float(change.mean()),
            "standard_error_of_the_gain": float(change.std()) / root,
        }
        for count, bound, change in zip(draws, bounds, changes, strict=True)
    ]
