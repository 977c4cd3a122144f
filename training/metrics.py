"""How near samples are to real images: distances in the features of a network, and the sharpness of the pictures.

Everything on features takes (N, F) in float64 and is symmetric under permutations of the rows. Distance matrices are
made in blocks of rows, so that 10,000 against 10,000 need little memory.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

NEIGHBOURS = 5
BLOCK = 1000
SUBSET = 1000


class FeatureNetwork(Protocol):
    """Anything that turns pictures into points between which distances mean something."""

    def features(self, images: Tensor) -> Tensor:
        """Pixels (B, C, H, W) in [0, 1] -> features (B, F)."""
        ...


@torch.no_grad()
def features_of(network: FeatureNetwork, batches: Iterable[Tensor]) -> Tensor:
    """Batches of pixels (B, C, H, W) in [0, 1] -> features (N, F) in float64.

    Pixels are rounded to bytes first, as every real image is.
    """
    return torch.cat([network.features((batch * 255).round() / 255).double().cpu() for batch in batches])


@dataclass(frozen=True)
class FeatureStatistics:
    """Mean (F,) and covariance (F, F) of features in float64."""

    mean: Tensor
    covariance: Tensor

    @classmethod
    def of(cls, features: Tensor) -> "FeatureStatistics":
        """Of features (N, F)."""
        return cls(features.mean(0), torch.cov(features.T))


def frechet_distance(one: FeatureStatistics, other: FeatureStatistics) -> float:
    """|μ₁ - μ₂|² + tr(Σ₁ + Σ₂ - 2(Σ₁Σ₂)^½) (Heusel et al. 2017), by symmetric eigenvalues, never complex."""
    root = _square_root(one.covariance)
    cross = torch.linalg.eigvalsh(root @ other.covariance @ root).clamp(min=0).sqrt().sum()
    distance = (one.mean - other.mean).square().sum()
    distance = distance + one.covariance.trace() + other.covariance.trace() - 2 * cross
    return max(0.0, float(distance))


@dataclass(frozen=True)
class SupportOverlap:
    """How far the sets that two samples fill cover one another; the first three are shares, `density` may exceed 1."""

    precision: float
    """Share of the made points within a ball of the real ones: are they possible?"""
    recall: float
    """Share of the real points within a ball of the made ones: is anything missing?"""
    density: float
    """Real balls that hold a made point, over k, on average; a lonely outlier among the real points weighs little."""
    coverage: float
    """Share of the real balls that hold any made point."""


@torch.no_grad()
def support_overlap(real: Tensor, made: Tensor, *, neighbours: int = NEIGHBOURS) -> SupportOverlap:
    """Precision and recall (Kynkäänniemi et al. 2019), density and coverage (Naeem et al. 2020) of features (N, F).

    The ball of a point reaches to its k-th nearest neighbour in its own sample, itself not counted; balls are closed
    for precision and recall and open for density and coverage, as in the two papers' code. For two samples of one
    continuous distribution E[density] = 1 and E[coverage] = 1 - Π (N - i)/(N + M - i) over i = 1 … k, whatever it is.
    Raises ValueError when a sample has no k-th neighbour.
    """
    real_radii, made_radii = (_squared_radii(points, neighbours) for points in (real, made))
    inside_real = torch.zeros(len(made), dtype=torch.long, device=made.device)
    precise = torch.zeros(len(made), dtype=torch.bool, device=made.device)
    recalled, covered = [], []
    for rows, distances in _squared_distances(real, made):
        radii = real_radii[rows, None]
        precise |= (distances <= radii).any(0)
        recalled.append((distances <= made_radii).any(1))
        within = distances < radii
        inside_real += within.sum(0)
        covered.append(within.any(1))
    return SupportOverlap(
        precision=_share(precise),
        recall=_share(torch.cat(recalled)),
        density=float(inside_real.double().mean() / neighbours),
        coverage=_share(torch.cat(covered)),
    )


@dataclass(frozen=True)
class KernelDistance:
    """An estimate and its standard error; unbiased, so it may be negative."""

    value: float
    standard_error: float


@dataclass(frozen=True)
class Nearest:
    """For each of N points: how far its nearest neighbour in another sample is, (N,) in float64, and its row, (N,)."""

    distances: Tensor
    rows: Tensor


@torch.no_grad()
def nearest(points: Tensor, among: Tensor) -> Nearest:
    """The neighbour of each of the points (N, F) among others (M, F); exactly 0 away where it is the same point.

    Sought in float32, which finds another only where two are equally near to its last digits; measured in float64.
    """
    blocks = _squared_distances(points.float(), among.float())
    rows = torch.cat([distances.argmin(1) for _, distances in blocks])
    return Nearest((points - among[rows]).double().norm(dim=1), rows)


@torch.no_grad()
def kernel_distance(one: Tensor, other: Tensor, *, subset: int = SUBSET) -> KernelDistance:
    """KID: the unbiased MMD² of features (N, F) with the kernel (xᵀy/F + 1)³ (Bińkowski et al. 2018).

    The mean over as many disjoint subsets as both samples give, in the order of their rows: disjoint, because then the
    estimates are independent and their spread is an honest standard error. Raises ValueError for less than two subsets.
    """
    count = min(len(one), len(other)) // subset
    if subset < 2 or count < 2:
        raise ValueError(f"{min(len(one), len(other))} points are less than two subsets of {subset}")
    pairs = zip(one.split(subset)[:count], other.split(subset)[:count], strict=True)
    estimates = torch.stack([_unbiased_discrepancy(*pair) for pair in pairs])
    return KernelDistance(float(estimates.mean()), float(estimates.std() / math.sqrt(count)))


def sharpness(images: Tensor) -> Tensor:
    """Images (N, C, H, W) in [0, 1] -> the variance of the Laplacian of each, (N,), in squared pixel values.

    The five-point Laplacian at all pixels that have four neighbours (Pech-Pacheco et al. 2000; for generative models
    Tolstikhin et al. 2018). Its root is a seminorm: an average of pictures is never sharper, by the root, than they are
    on average. It rewards any fine detail, noise too, so it says something only beside precision.
    """
    stencil = torch.tensor([[0, 1, 0], [1, -4, 1], [0, 1, 0]], dtype=images.dtype, device=images.device)
    channels = images.flatten(0, 1)[:, None]
    edges = functional.conv2d(channels, stencil[None, None]).reshape(*images.shape[:2], -1)
    return edges.flatten(1).var(1, correction=0)


def _squared_distances(rows: Tensor, columns: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Blocks (B, M) of the squared distances of rows (N, F) to columns (M, F), with the rows they are of."""
    lengths = columns.square().sum(1)
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        distances = torch.addmm(lengths, block, columns.T, alpha=-2).add_(block.square().sum(1, keepdim=True))
        # The expansion of |a - b|² cancels for equal points and may leave a little below 0.
        yield slice(start, start + len(block)), distances.clamp_(min=0)


def _squared_radii(points: Tensor, neighbours: int) -> Tensor:
    """Squared distance of each point (N, F) to its k-th nearest neighbour among the others, (N,)."""
    if not 1 <= neighbours < len(points):
        raise ValueError(f"{len(points)} points have no {neighbours}-th nearest neighbour among the others")
    radii = []
    for rows, distances in _squared_distances(points, points):
        distances.diagonal(rows.start).fill_(math.inf)
        radii.append(distances.topk(neighbours, dim=1, largest=False).values[:, -1])
    return torch.cat(radii)


def _unbiased_discrepancy(one: Tensor, other: Tensor) -> Tensor:
    """MMD² as a U-statistic: no point is compared with itself."""
    count, features = one.shape

    def kernel(left: Tensor, right: Tensor) -> Tensor:
        return (left @ right.T / features + 1).pow(3)

    within = sum(
        (values.sum() - values.trace()) / (count * (count - 1)) for values in (kernel(one, one), kernel(other, other))
    )
    return within - 2 * kernel(one, other).mean()


def _share(found: Tensor) -> float:
    return float(found.double().mean())


def _square_root(covariance: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)
    return vectors * values.clamp(min=0).sqrt() @ vectors.T
