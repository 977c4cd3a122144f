"""The figures of a finished model, each with its protocol; what `evaluate` prints and `export` puts into the card."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from rich.progress import track
from torch import nn

from models_store.base import Autoencoder, LatentModel
from models_store.classifier import Classifier
from models_store.estimators import bits_per_dimension, importance_weighted
from models_store.likelihoods import to_domain
from training.classifier import accuracy
from training.data import ImageSet, Split
from training.judge import Judge
from training.metrics import (
    NEIGHBOURS,
    SUBSET,
    FeatureStatistics,
    features_of,
    frechet_distance,
    kernel_distance,
    sharpness,
    support_overlap,
)
from training.objective import noise_of

Metrics = dict[str, Any]
SAMPLES = 10_000
BATCH = 500
"""Images whose noise is drawn together: part of every protocol."""
FORWARD = 125
"""Images that go through a network together, which is as many as a CPU's cache can take."""


@torch.no_grad()
def evaluate(
    network: nn.Module,
    data: ImageSet,
    judge: Judge | None,
    *,
    draws: int = 100,
    images: int | None = None,
    seed: int = 0,
) -> Metrics:
    """All metrics that fit the network; data and networks lie on one device.

    `draws` is the K of the importance-weighted bound; `images` limits it to the first of the test images.
    """
    if isinstance(network, Classifier):
        return {"accuracy": {"value": accuracy(network, data.test), "protocol": f"{len(data.test)} test images"}}
    metrics: Metrics = {}
    if isinstance(network, Autoencoder):
        count = len(data.test) if images is None else images
        if not 2 <= count <= len(data.test):
            raise ValueError(f"--images {count}: want 2 to {len(data.test)}, the number of test images")
        test = data.test.take(torch.arange(count, device=data.test.images.device))
        metrics |= likelihood(network, test, draws=draws, seed=seed)
        if network.domain == "8-bit":
            metrics["independent_pixels"] = {"value": independent_pixel_bits(data.train, data.test), "unit": "bits/dim"}
    if judge is not None and isinstance(network, LatentModel):
        metrics |= sample_quality(network, data, judge, seed=seed)
    return metrics


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
        log_weights = _log_weights(network, data, statistics, draws, noise)
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


def _log_weights(
    network: Autoencoder, data: torch.Tensor, statistics: torch.Tensor, draws: int, noise: torch.Generator
) -> torch.Tensor:
    """Log importance weights (draws, B) in float64."""
    shape = (len(data), network.latent_dim)

    def terms() -> torch.Tensor:
        every = (data, statistics, torch.randn(shape, generator=noise, device=data.device))
        parts = zip(*(each.split(FORWARD) for each in every), strict=True)
        return torch.cat([network.log_weights(*part) for part in parts]).double().cpu()

    every = torch.stack([terms() for _ in range(draws)])
    return every[..., 0] + every[..., 1] - every[..., 2]


@torch.no_grad()
def sample_quality(network: LatentModel, data: ImageSet, judge: Judge, *, seed: int) -> Metrics:
    """10,000 samples against the test images: distances and overlap in the judge's features, classes, sharpness.

    `real_against_real` is the same figure for the first 10,000 training images in place of the samples: what a perfect
    model would get.
    """
    device = data.test.images.device
    draws = torch.randn((SAMPLES, network.latent_dim), generator=noise_of(seed, 1, device), device=device)
    parts = track(draws.split(BATCH), "samples", transient=True)
    # Rounded to bytes, as every real image is.
    made = _seen(judge, Split(torch.cat([(network.decode(part) * 255).round().byte() for part in parts]), None))
    real = _seen(judge, data.test)
    train = _seen(judge, data.train.take(torch.arange(min(SAMPLES, len(data.train)), device=device)))
    protocol = f"{SAMPLES} decoder means from z ~ N(0, I), seed {seed}, against {len(data.test)} test images"
    features = {"features": f"{judge.network.config.features} features of {judge}", "protocol": protocol}
    quality: Metrics = {
        "frechet_distance": {
            "value": frechet_distance(made.statistics, real.statistics),
            "real_against_real": frechet_distance(train.statistics, real.statistics),
        }
        | features,
        "kid": asdict(kernel_distance(made.features, real.features, subset=SUBSET))
        | {"real_against_real": kernel_distance(train.features, real.features, subset=SUBSET).value, "subset": SUBSET}
        | features,
        "class_shares": {
            "value": [round(float(share), 4) for share in made.statistics.class_shares],
            "smallest": float(made.statistics.class_shares.min()),
            "protocol": f"classes that {judge} sees in the same {SAMPLES} samples",
        },
        "sharpness_ratio": {
            "value": made.sharpness / real.sharpness,
            "real_against_real": train.sharpness / real.sharpness,
            "protocol": f"mean variance of the Laplacian; {protocol}",
        },
    }
    overlap, floor = (asdict(support_overlap(real.features, other.features)) for other in (made, train))
    for name, value in overlap.items():
        quality[name] = {"value": value, "real_against_real": floor[name], "neighbours": NEIGHBOURS} | features
    return quality


@dataclass(frozen=True)
class _Seen:
    """What the figures need of a set of pictures."""

    features: torch.Tensor
    statistics: FeatureStatistics
    sharpness: float


def _seen(judge: Judge, pictures: Split) -> _Seen:
    features, classes = features_of(judge.network, (part.pixels() for part in pictures.batches(BATCH)))
    return _Seen(
        features,
        FeatureStatistics.of_features(features, classes, number_of_classes=judge.network.config.classes),
        float(torch.cat([sharpness(part.pixels()) for part in pictures.batches(BATCH)]).mean()),
    )


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
