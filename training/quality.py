"""How good the samples of a model are, in the eyes of a judge."""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from training.data import ImageSet, Split
from training.judge import Judge
from training.memorization import SHOWN, beside_neighbours, memorization
from training.metrics import (
    NEIGHBOURS,
    SUBSET,
    FeatureStatistics,
    frechet_distance,
    kernel_distance,
    nearest,
    sharpness,
    support_overlap,
)

Metrics = dict[str, Any]
LEAST = 20
"""Test images, for ten estimates of the KID."""


@dataclass(frozen=True)
class Quality:
    """Figures with their protocols, and samples above their nearest training images, (128, C, H, W) in [0, 1]."""

    metrics: Metrics
    neighbours: Tensor


@dataclass(frozen=True)
class _Seen:
    """Features (N, F) of three sets of pictures, and of as many training images as there are samples."""

    made: Tensor
    test: Tensor
    train: Tensor

    @property
    def stand_in(self) -> Tensor:
        """Training images in place of the samples: what a perfect model would get."""
        return self.train[: len(self.made)]


@torch.no_grad()
def sample_quality(made: Split, data: ImageSet, judge: Judge, *, seed: int) -> Quality:
    """Samples against the test images: distances and overlap in the judge's features, copies, classes, sharpness.

    `real_against_real` is the same figure for training images in place of the samples. `seed` is that of the samples,
    for the protocol. Raises ValueError for pictures of a shape that the judge does not see, or for too few of them.
    """
    judge.require(_shape(made))
    if len(data.test) < LEAST:
        raise ValueError(f"{len(data.test)} test images of {data.name}: samples are compared with {LEAST} or more")
    test, train = data.test.shuffled(), data.train.shuffled()
    shown = {"samples": made, "test images": test, "training images": train}
    seen = _Seen(*(judge.features(each, shown_as=f"{judge.name}: {name}") for name, each in shown.items()))
    against = f"{len(made)} decoder means from z ~ N(0, I), seed {seed}, against {len(test)} test images"
    features = {"features": f"{seen.made.shape[1]} features of {judge}", "protocol": against}
    metrics = _distances(seen, features) | _overlap(seen, features) | _memorization(seen, features)
    if judge.classifier is not None:
        metrics["class_shares"] = _classes(judge, seen)
    metrics["sharpness_ratio"] = _sharpness(made, test, train.take(torch.arange(len(seen.stand_in))), against)
    return Quality(metrics, _neighbours(made, train, seen))


def _distances(seen: _Seen, features: Metrics) -> Metrics:
    real, made, floor = (FeatureStatistics.of(each) for each in (seen.test, seen.made, seen.stand_in))
    subset = min(SUBSET, min(len(seen.made), len(seen.test), len(seen.stand_in)) // 10)
    kid = asdict(kernel_distance(seen.made, seen.test, subset=subset))
    return {
        "frechet_distance": {
            "value": frechet_distance(made, real),
            "real_against_real": frechet_distance(floor, real),
        }
        | features,
        "kid": kid
        | {
            "real_against_real": kernel_distance(seen.stand_in, seen.test, subset=subset).value,
            "subset": subset,
        }
        | features,
    }


def _overlap(seen: _Seen, features: Metrics) -> Metrics:
    overlap, floor = (asdict(support_overlap(seen.test, other)) for other in (seen.made, seen.stand_in))
    return {
        name: {"value": value, "real_against_real": floor[name], "neighbours": NEIGHBOURS} | features
        for name, value in overlap.items()
    }


def _memorization(seen: _Seen, features: Metrics) -> Metrics:
    found = memorization(seen.made, seen.test, seen.train)
    protocol = f"median distance to the nearest of {len(seen.train)} training images; {features['protocol']}"
    return {"memorization": {"value": found.ratio} | asdict(found) | features | {"protocol": protocol}}


def _classes(judge: Judge, seen: _Seen) -> Metrics:
    shares = judge.class_shares(seen.made)
    return {
        "value": [round(float(share), 4) for share in shares],
        "smallest": float(shares.min()),
        "protocol": f"classes that {judge} sees in the same {len(seen.made)} samples",
    }


def _sharpness(made: Split, test: Split, train: Split, against: str) -> Metrics:
    real = _mean_sharpness(test)
    return {
        "value": _mean_sharpness(made) / real,
        "real_against_real": _mean_sharpness(train) / real,
        "protocol": f"mean variance of the Laplacian; {against}",
    }


def _mean_sharpness(pictures: Split) -> float:
    return float(torch.cat([sharpness(part.pixels()) for part in pictures.batches(500)]).mean())


def _neighbours(made: Split, train: Split, seen: _Seen) -> Tensor:
    shown = torch.arange(min(SHOWN, len(made)), device=made.images.device)
    rows = nearest(seen.made[: len(shown)], seen.train).rows.to(train.images.device)
    return beside_neighbours(made.take(shown).pixels(), train.take(rows).pixels())


def _shape(pictures: Split) -> tuple[int, int, int]:
    channels, height, width = pictures.images.shape[1:]
    return channels, height, width
