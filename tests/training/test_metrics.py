"""The metrics of samples against closed forms, exact expectations and brute force."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from training import metrics
from training.metrics import (
    FeatureStatistics,
    SupportOverlap,
    frechet_distance,
    kernel_distance,
    nearest,
    sharpness,
    support_overlap,
)


def statistics(mean: Tensor, covariance: Tensor) -> FeatureStatistics:
    """A Gaussian with no images behind it."""
    return FeatureStatistics(mean.double(), covariance.double())


def test_distance_to_itself_is_zero() -> None:
    """For a covariance of low rank, too, where roots of rounding errors would be complex."""
    factor = torch.randn(16, 3, generator=torch.Generator().manual_seed(0))
    one = statistics(torch.arange(16.0), factor @ factor.T)

    assert frechet_distance(one, one) == pytest.approx(0.0, abs=1e-5)


def test_commuting_covariances_have_a_closed_form() -> None:
    """|Δμ|² + Σ (σ₁ - σ₂)² for diagonal Gaussians, whichever comes first."""
    generator = torch.Generator().manual_seed(1)
    means = torch.randn(2, 6, generator=generator, dtype=torch.float64)
    scales = torch.rand(2, 6, generator=generator, dtype=torch.float64) + 0.1
    one, other = (statistics(mean, torch.diag(scale**2)) for mean, scale in zip(means, scales, strict=True))

    expected = float((means[0] - means[1]).square().sum() + (scales[0] - scales[1]).square().sum())

    assert frechet_distance(one, other) == pytest.approx(expected)
    assert frechet_distance(other, one) == pytest.approx(expected)


def test_a_rotation_of_both_changes_nothing() -> None:
    """Non-diagonal covariances: the distance is that of the unrotated ones."""
    generator = torch.Generator().manual_seed(2)
    rotation = torch.linalg.qr(torch.randn(4, 4, generator=generator, dtype=torch.float64)).Q
    mean, scale = torch.randn(4, generator=generator, dtype=torch.float64), torch.tensor([1.0, 2.0, 3.0, 0.5]).double()
    plain = statistics(mean, torch.diag(scale)), statistics(torch.zeros(4), torch.eye(4))
    turned = (
        statistics(rotation @ mean, rotation @ torch.diag(scale) @ rotation.T),
        statistics(torch.zeros(4), torch.eye(4)),
    )

    assert frechet_distance(*turned) == pytest.approx(frechet_distance(*plain))


def normals(count: int, *, seed: int, at: float = 0.0, dimensions: int = 3) -> Tensor:
    """Standard-normal points (count, dimensions) around (at, at, …)."""
    return at + torch.randn(count, dimensions, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_sample_overlaps_with_itself_entirely() -> None:
    """All four are exactly 1: an open ball holds its own point and k - 1 neighbours."""
    points = normals(200, seed=0)

    assert support_overlap(points, points.clone()) == SupportOverlap(1.0, 1.0, 1.0, 1.0)


def test_samples_far_apart_overlap_nowhere() -> None:
    """All four are exactly 0."""
    assert support_overlap(normals(50, seed=1), normals(70, seed=2, at=1000)) == SupportOverlap(0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("heavy_tails", [False, True])
@pytest.mark.parametrize("neighbours", [1, 5])
def test_expected_density_and_coverage_are_free_of_the_distribution(neighbours: int, *, heavy_tails: bool) -> None:
    """1 and 1 - Π (N - i)/(N + M - i) for two samples of one distribution, within 4 standard errors over 300 pairs."""
    real_count, made_count = 60, 90
    found = []
    for seed in range(300):
        real, made = normals(real_count + made_count, seed=seed, dimensions=2).split([real_count, made_count])
        if heavy_tails:
            real, made = (points.sign() * points.abs().pow(4) for points in (real, made))
        overlap = support_overlap(real, made, neighbours=neighbours)
        found.append([overlap.density, overlap.coverage])
    values = torch.tensor(found, dtype=torch.float64)
    missed = math.prod((real_count - i) / (real_count + made_count - i) for i in range(1, neighbours + 1))

    error = values.std(0) / math.sqrt(len(values))

    assert ((values.mean(0) - torch.tensor([1.0, 1.0 - missed])).abs() < 4 * error).all()


def test_a_lost_mode_costs_recall_and_no_precision() -> None:
    """Both equal those within the mode that is left, recall times its share of the real points."""
    kept, lost, made = normals(60, seed=3), normals(40, seed=4, at=1000), normals(80, seed=5)
    within = support_overlap(kept, made)

    overlap = support_overlap(torch.cat([kept, lost]), made)

    assert overlap.precision == within.precision
    assert overlap.recall == pytest.approx(0.6 * within.recall)
    assert overlap.coverage == pytest.approx(0.6 * within.coverage)


def test_an_invented_mode_costs_precision_and_no_recall() -> None:
    """Both equal those within the real mode, precision times its share of the made points."""
    real, right, wrong = normals(80, seed=6), normals(60, seed=7), normals(40, seed=8, at=1000)
    within = support_overlap(real, right)

    overlap = support_overlap(real, torch.cat([right, wrong]))

    assert overlap.recall == within.recall
    assert overlap.coverage == within.coverage
    assert overlap.precision == pytest.approx(0.6 * within.precision)
    assert overlap.density == pytest.approx(0.6 * within.density)


def test_noise_costs_precision() -> None:
    """The more of it is added to real points, the fewer of them are possible."""
    real, copy, noise = (normals(400, seed=seed, dimensions=8) for seed in (9, 10, 11))

    found = [support_overlap(real, copy + scale * noise).precision for scale in (0.0, 0.5, 1.0, 2.0, 4.0)]

    assert found == sorted(found, reverse=True)
    assert found[0] > 0.7
    assert found[-1] < 0.05


def test_an_outlier_among_the_real_points_fools_precision_and_not_density() -> None:
    """All made points lie in its huge ball alone: precision 1, density 1/k, coverage 1/N (Naeem et al. 2020, §3)."""
    real = torch.cat([normals(99, seed=12), torch.full((1, 3), 1000.0, dtype=torch.float64)])
    made = normals(50, seed=13, at=500)

    overlap = support_overlap(real, made, neighbours=5)

    assert overlap == SupportOverlap(1.0, 0.0, 1 / 5, 1 / 100)


def test_blocks_of_rows_agree_with_brute_force(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sorted distances of every pair, written down as in the papers."""
    monkeypatch.setattr(metrics, "BLOCK", 7)
    real, made, k = normals(50, seed=14), normals(40, seed=15, at=0.5), 3
    real_radii, made_radii = (torch.cdist(each, each).sort(1).values[:, k] for each in (real, made))
    distances = torch.cdist(real, made)
    in_real, in_made = distances < real_radii[:, None], distances < made_radii

    overlap = support_overlap(real, made, neighbours=k)

    assert overlap.precision == pytest.approx(in_real.any(0).double().mean().item())
    assert overlap.recall == pytest.approx(in_made.any(1).double().mean().item())
    assert overlap.density == pytest.approx(in_real.sum(0).double().mean().item() / k)
    assert overlap.coverage == pytest.approx(in_real.any(1).double().mean().item())


def test_the_nearest_point_is_that_of_brute_force(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its row and its distance, block by block; a point that is among the others is at no distance from itself."""
    monkeypatch.setattr(metrics, "BLOCK", 7)
    points, among = normals(40, seed=20), normals(60, seed=21)
    distances = torch.cdist(points, among)

    found = nearest(points, among)

    assert torch.equal(found.rows, distances.argmin(1))
    torch.testing.assert_close(found.distances, distances.min(1).values)
    itself = nearest(among[10:20] * 1000, among * 1000)
    assert torch.equal(itself.rows, torch.arange(10, 20))
    assert itself.distances.max() == 0.0


def test_too_few_points_are_refused() -> None:
    """A fifth neighbour needs six points, a standard error two subsets."""
    with pytest.raises(ValueError, match="no 5-th nearest neighbour"):
        support_overlap(normals(5, seed=0), normals(10, seed=0))
    with pytest.raises(ValueError, match="less than two subsets of 10"):
        kernel_distance(normals(19, seed=0), normals(30, seed=0), subset=10)


def test_kernel_distance_of_one_distribution_is_zero_on_average() -> None:
    """Within 4 standard errors, for 400 independent pairs of subsets; about half of the estimates are negative."""
    estimates = torch.tensor(
        [kernel_distance(normals(40, seed=seed), normals(40, seed=1000 + seed), subset=20).value for seed in range(200)]
    )

    assert abs(float(estimates.mean())) < 4 * float(estimates.std()) / math.sqrt(len(estimates))
    assert 0.3 < float((estimates < 0).double().mean()) < 0.8


def test_kernel_distance_is_a_distance_of_moments() -> None:
    """In one dimension (xy + 1)³ gives 3(Δm₁)² + 3(Δm₂)² + (Δm₃)²; N(0, 1) against N(½, 1) within 4 errors."""
    one, other = normals(40_000, seed=16, dimensions=1), normals(40_000, seed=17, at=0.5, dimensions=1)

    found = kernel_distance(one, other, subset=500)

    exact = 3 * 0.5**2 + 3 * 0.25**2 + (0.5**3 + 3 * 0.5) ** 2
    assert abs(found.value - exact) < 4 * found.standard_error
    assert found.standard_error < 0.1 * exact


@pytest.mark.parametrize("shifts", [1, 2, 3, 5])
def test_sharpness_of_an_average_of_shifted_edges(shifts: int) -> None:
    """A step of height h has 2h²/(W - 2); the average of n neighbouring ones is a ramp with one n²-th of it."""
    width, height = 20, 0.8
    columns = torch.arange(width, dtype=torch.float64)
    edges = torch.stack([height * (columns > 6 + shift).double().expand(12, width) for shift in range(shifts)])

    found = sharpness(edges.mean(0)[None, None])

    assert found.item() == pytest.approx(2 * height**2 / (width - 2) / shifts**2)


def test_blurring_lowers_sharpness_again_and_again() -> None:
    """For every picture, by every pass of a binomial kernel; margins are wide enough that no edge leaves."""
    pictures = torch.rand(20, 2, 12, 12, generator=torch.Generator().manual_seed(18), dtype=torch.float64)
    pictures = functional.pad(pictures, (8, 8, 8, 8))
    kernel = torch.tensor([1.0, 2.0, 1.0], dtype=torch.float64) / 4
    stencil = torch.outer(kernel, kernel).expand(2, 1, 3, 3)

    values = [sharpness(pictures)]
    for _ in range(5):
        pictures = functional.conv2d(pictures, stencil, padding=1, groups=2)
        values.append(sharpness(pictures))

    assert (torch.stack(values).diff(dim=0) < 0).all()


def test_an_average_is_no_sharper_than_its_pictures() -> None:
    """√sharpness is a seminorm: homogeneous, blind to a constant and to a slope, and under the triangle inequality."""
    pictures = torch.rand(2, 50, 1, 9, 9, generator=torch.Generator().manual_seed(19), dtype=torch.float64)
    one, other = pictures
    slope = torch.linspace(0, 1, 9, dtype=torch.float64).expand(1, 1, 9, 9)

    torch.testing.assert_close(sharpness(0.3 * one + 0.5 + slope), 0.3**2 * sharpness(one))
    assert (sharpness((one + other) / 2).sqrt() <= (sharpness(one).sqrt() + sharpness(other).sqrt()) / 2).all()
