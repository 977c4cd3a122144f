"""The lesson on flows: densities that integrate to one, and a divergence that two ways of computing agree on."""

import math

import pytest
import torch
from torch.distributions import MultivariateNormal

from models_store.flow import Coupling, RealNVP
from training.lecture import flow as lesson


@pytest.fixture(scope="module")
def trained() -> RealNVP:
    """A small flow after a short training: bent, and not yet good."""
    return lesson.fit(steps=300, couplings=6, hidden=16)


def test_the_density_of_the_data_is_that_of_its_draws() -> None:
    """It integrates to 1, and the mean of -log p over draws is the entropy by quadrature, within 4 standard errors."""
    points, area = lesson.cells(reach=3.0, count=400)
    log_truth = lesson.log_truth(points)
    mass = log_truth.exp() * area
    draws = -lesson.log_truth(lesson.draw(100_000, torch.Generator().manual_seed(1)).double())

    assert mass.sum().item() == pytest.approx(1, abs=1e-4)
    entropy = -(mass * log_truth).sum().item()
    assert abs(draws.mean().item() - entropy) < 4 * draws.std().item() / math.sqrt(len(draws))


def test_a_trained_flow_is_a_density(trained: RealNVP) -> None:
    """Its mass over the plane is 1, wherever training has moved it."""
    found = lesson.measure(trained, reach=10.0, count=600)

    assert found["mass of the flow's density"] == pytest.approx(1, abs=2e-3)


def test_the_divergence_is_what_the_likelihood_lacks(trained: RealNVP) -> None:
    """KL by quadrature is the mean of log p - log q over draws within 4 standard errors; training has lowered it."""
    points = lesson.draw(50_000, torch.Generator().manual_seed(2)).double()
    fresh = lesson.measure(RealNVP(2, couplings=2, hidden=4))

    found = lesson.measure(trained)
    gaps = lesson.log_truth(points) - lesson.log_density(trained, points.float())

    divergence = found["KL(data ‖ flow), nats"]
    assert abs(gaps.mean().item() - divergence) < 4 * gaps.std().item() / math.sqrt(len(gaps))
    assert 0 < divergence < 0.5 * fresh["KL(data ‖ flow), nats"]


def test_the_change_of_variables_of_a_linear_flow_is_a_normal() -> None:
    """Couplings whose networks stay in their linear part make x = Az + b; the density is then N(b, AAᵀ)."""
    flow = RealNVP(2, couplings=2, hidden=4).double()
    for layer, (slope, log_scale) in zip(flow.couplings, ((0.8, 0.3), (-1.5, -0.4)), strict=True):
        assert isinstance(layer, Coupling)
        first, _, second, _, last = layer.network
        for linear in (first, second, last):
            torch.nn.init.zeros_(linear.weight)  # type: ignore[arg-type]  # of a linear layer
            torch.nn.init.zeros_(linear.bias)  # type: ignore[arg-type]  # of a linear layer
        # An ELU far above zero is the identity: unit 0 carries the sum of both inputs, of which one is masked.
        first.weight.data[0], first.bias.data[0] = 1.0, 100.0  # type: ignore[operator]  # of a linear layer
        second.weight.data[0, 0] = 1.0  # type: ignore[operator]  # of a linear layer
        last.weight.data[:2, 0], last.bias.data[:2] = slope, -100.0 * slope  # type: ignore[operator]  # of a linear layer
        last.bias.data[2:] = math.atanh(log_scale)  # type: ignore[operator]  # of a linear layer
    unit = torch.eye(2, dtype=torch.float64)
    offset = flow(torch.zeros(1, 2, dtype=torch.float64))[0]
    matrix = (flow(unit) - offset).T
    points = torch.randn(200, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    expected = MultivariateNormal(offset, matrix @ matrix.T).log_prob(points)

    assert abs(matrix[0, 1] * matrix[1, 0] + matrix[0, 0] * matrix[1, 1]) > 0.1, "both coordinates should mix"
    torch.testing.assert_close(lesson.log_density(flow, points), expected, atol=1e-9, rtol=1e-9)
