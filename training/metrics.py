"""How near samples are to real images, in the features of a classifier."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from models_store.classifier import Classifier


@dataclass(frozen=True)
class FeatureStatistics:
    """Mean (F,) and covariance (F, F) of features in float64, the share of each predicted class, and their number."""

    mean: Tensor
    covariance: Tensor
    class_shares: Tensor
    count: int

    @classmethod
    @torch.no_grad()
    def of(cls, judge: Classifier, batches: Iterable[Tensor]) -> "FeatureStatistics":
        """Batches of pixels (B, C, H, W) in [0, 1], rounded to bytes first as every real image is."""
        features, classes = [], []
        for batch in batches:
            found = judge.features((batch * 255).round() / 255)
            features.append(found.double().cpu())
            classes.append(judge.head(found).argmax(1).cpu())
        every = torch.cat(features)
        shares = torch.bincount(torch.cat(classes), minlength=judge.config.classes) / len(every)
        return cls(every.mean(0), torch.cov(every.T), shares, len(every))


def frechet_distance(one: FeatureStatistics, other: FeatureStatistics) -> float:
    """|μ₁ - μ₂|² + tr(Σ₁ + Σ₂ - 2(Σ₁Σ₂)^½) (Heusel et al. 2017), by symmetric eigenvalues, never complex."""
    root = _square_root(one.covariance)
    cross = torch.linalg.eigvalsh(root @ other.covariance @ root).clamp(min=0).sqrt().sum()
    distance = (one.mean - other.mean).square().sum()
    distance = distance + one.covariance.trace() + other.covariance.trace() - 2 * cross
    return max(0.0, float(distance))


def _square_root(covariance: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)
    return vectors * values.clamp(min=0).sqrt() @ vectors.T
