"""The Fréchet distance against closed forms."""

import pytest
import torch
from torch import Tensor

from training.metrics import FeatureStatistics, frechet_distance


def statistics(mean: Tensor, covariance: Tensor) -> FeatureStatistics:
    """A Gaussian with no images behind it."""
    return FeatureStatistics(mean.double(), covariance.double(), torch.ones(2) / 2, 100)


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
