"""The figures of a finished model, each with its protocol; what `evaluate` prints and `export` puts into the card."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from rich.progress import track
from torch import nn

from models_store.base import Autoencoder, LatentModel
from models_store.classifier import Classifier
from models_store.estimators import bits_per_dimension, importance_weighted
from models_store.inverted_dcgan import InvertedDCGAN
from models_store.likelihoods import to_domain
from training.agreement import agreement, classes_of
from training.classifier import accuracy
from training.data import ImageSet, Split
from training.inversion import inversion
from training.judge import JUDGES, Judge
from training.objective import Pictures, noise_of
from training.quality import sample_quality
from training.samples import samples_of
from training.weights import drawn_log_weights

Metrics = dict[str, Any]
BATCH = 500
"""Images whose noise is drawn together: part of every protocol."""


@dataclass
class Evaluation:
    """Figures by name, and what is to be looked at beside them: name -> images (N, C, H, W) in rows of eight."""

    metrics: Metrics = field(default_factory=dict)
    pictures: dict[str, Pictures] = field(default_factory=dict)


@torch.no_grad()
def evaluate(
    network: nn.Module,
    data: ImageSet,
    judges: Sequence[Judge],
    *,
    draws: int = 100,
    images: int | None = None,
    seed: int = 0,
) -> Evaluation:
    """All metrics that fit the network; data and networks lie on one device.

    `draws` is the K of the importance-weighted bound; `images` limits it to the first of the test images. The figures
    of the judge that belongs to the data stand by themselves, those of another under its name.
    """
    if isinstance(network, Classifier):
        found = {"value": accuracy(network, data.test), "protocol": f"{len(data.test)} test images"}
        return Evaluation({"accuracy": found})
    metrics: Metrics = {}
    if isinstance(network, Autoencoder):
        count = len(data.test) if images is None else images
        if not 2 <= count <= len(data.test):
            raise ValueError(f"--images {count}: want 2 to {len(data.test)}, the number of test images")
        test = data.test.take(torch.arange(count, device=data.test.images.device))
        metrics |= likelihood(network, test, draws=draws, seed=seed)
        if network.domain == "8-bit":
            metrics["independent_pixels"] = {"value": independent_pixel_bits(data.train, data.test), "unit": "bits/dim"}
        if isinstance(network, InvertedDCGAN):
            metrics |= inversion(network, test, seed=seed)
    if not judges or not isinstance(network, LatentModel):
        return Evaluation(metrics)
    judged = _judged(network, data, judges, seed=seed)
    return Evaluation(metrics | judged.metrics, judged.pictures)


def _judged(network: LatentModel, data: ImageSet, judges: Sequence[Judge], *, seed: int) -> Evaluation:
    """What each judge finds in the same samples, and in samples of each class where there are classes."""
    evaluation, device = Evaluation(), data.test.images.device
    made = samples_of(network, seed=seed, device=device)
    for judge in judges:
        own = judge.name == JUDGES.get(data.name)
        quality = sample_quality(made, data, judge, seed=seed)
        found = quality.metrics
        if judge.classifier is not None and classes_of(network):
            found["agreement"] = agreement(network, judge, seed=seed, device=device)
        evaluation.metrics |= found if own else {judge.name: found}
        evaluation.pictures["neighbours" if own else f"neighbours-{judge.name}"] = quality.neighbours.cpu().numpy()
    return evaluation


@torch.no_grad()
def likelihood(network: Autoencoder, test: Split, *, draws: int, seed: int) -> Metrics:
    """ELBO and importance-weighted bound in nats an image, and the entropy of the binarization below both."""
    domain = network.domain
    noise = noise_of(seed, 0, test.images.device)
    elbos, bounds = [], []
    for batch in track(list(test.batches(BATCH)), "likelihood", transient=True):
        images = batch.pixels()
        uniforms = torch.rand(images.shape, generator=noise, device=images.device)
        data = to_domain(images, domain, uniforms)
        statistics = network.encode(data)
        log_weights = torch.stack([drawn_log_weights(network, data, statistics, noise) for _ in range(draws)])
        elbos.append(log_weights.mean(0))
        bounds.append(importance_weighted(log_weights))
    elbo, value = torch.cat(elbos), torch.cat([bound.value for bound in bounds])
    effective = torch.cat([bound.effective_sample_size for bound in bounds])
    protocol = f"{len(test)} test images, {domain}, {draws} draws from q(z|x), seed {seed}"
    metrics: Metrics = {
        "elbo": _mean(elbo) | {"quantiles": _quantiles(elbo), "protocol": protocol},
        "importance_weighted": _mean(value)
        | {"draws": draws, "mean_effective_sample_size": float(effective.mean()), "protocol": protocol},
        "bits_per_dim": {"value": float(bits_per_dimension(value.mean(), math.prod(network.image_shape)))},
    }
    if domain == "binarized":
        floor = binarization_entropy(test)
        metrics["binarization_entropy"] = {"value": floor, "excess_nats": -float(value.mean()) - floor}
    return metrics


def binarization_entropy(split: Split) -> float:
    """Mean over images of Σ H(pixel / 255) in nats: what the choice of the bits alone costs any model."""
    levels = torch.arange(256, dtype=torch.float64) / 255
    entropy = -(torch.xlogy(levels, levels) + torch.xlogy(1 - levels, 1 - levels))
    counts = torch.bincount(split.images.flatten().cpu().long(), minlength=256).double()
    return float(counts @ entropy) / len(split)


def independent_pixel_bits(train: Split, test: Split) -> float:
    """Bits/dim of the test images when each pixel has its own histogram of 256 levels, plus one count each."""
    total = 0.0
    for train_pixel, test_pixel in zip(train.images.flatten(1).T, test.images.flatten(1).T, strict=True):
        counts = torch.bincount(train_pixel.long(), minlength=256).double() + 1
        total -= float(torch.log2(counts / counts.sum())[test_pixel.long()].sum())
    return total / test.images.numel()


def _mean(values: torch.Tensor) -> Metrics:
    return {
        "value": float(values.mean()),
        "standard_error": float(values.std() / math.sqrt(len(values))),
        "unit": "nats",
    }


def _quantiles(values: torch.Tensor) -> list[float]:
    """101 of them, so that a percentile is an index."""
    return [round(float(value), 3) for value in torch.quantile(values, torch.linspace(0, 1, 101, dtype=values.dtype))]
