"""RealNVP is invertible and its log-determinant is the one that autograd finds."""

import math

import pytest
import torch

from models_store.flow import Coupling, RealNVP
from tests.models_store.examples import bent_flow, noise

DIMS = [1, 2, 3, 5, 8]


@pytest.mark.parametrize("dim", DIMS)
def test_forward_and_inverse_undo_each_other(dim: int) -> None:
    """In both orders, to 1e-9 in float64."""
    flow, points = bent_flow(dim, couplings=6), noise(50, dim, seed=1)

    torch.testing.assert_close(flow.inverse(flow(points))[0], points, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(flow(flow.inverse(points)[0]), points, atol=1e-9, rtol=1e-9)


def test_forward_and_inverse_undo_each_other_in_float32() -> None:
    """The default size of the shipped models stays well conditioned in single precision."""
    flow, points = bent_flow(40, couplings=8).float(), noise(50, 40, seed=1).float()

    torch.testing.assert_close(flow.inverse(flow(points))[0], points, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("dim", DIMS)
def test_the_log_determinant_is_that_of_the_jacobian(dim: int) -> None:
    """Value and sign: log |det ∂base/∂point|, row by row, against autograd."""
    flow, points = bent_flow(dim, couplings=5), noise(6, dim, seed=2)

    found = flow.inverse(points)[1]

    for point, value in zip(points, found, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda x: flow.inverse(x[None])[0][0], point)
        assert value.item() == pytest.approx(torch.linalg.slogdet(jacobian)[1].item(), abs=1e-9)


def test_a_two_dimensional_density_integrates_to_one() -> None:
    """Change of variables conserves mass: Σ over a fine grid of N(base) · |det|."""
    flow = bent_flow(2)
    axis = torch.linspace(-18, 18, 721, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)

    base, log_determinant = flow.inverse(grid)
    log_density = log_determinant - 0.5 * base.square().sum(1) - math.log(2 * math.pi)

    masses = log_density.exp() * (axis[1] - axis[0]).item() ** 2
    assert masses.sum().item() == pytest.approx(1, abs=1e-5)
    spread = (masses * log_determinant.square()).sum() - (masses * log_determinant).sum().square()
    assert spread > 0.1, "the flow should bend where its mass lies"


@pytest.mark.parametrize("dim", DIMS)
def test_an_untrained_flow_only_permutes(dim: int) -> None:
    """A fresh flow moves coordinates and changes no volume, so training starts at the normal prior."""
    flow, points = RealNVP(dim, couplings=4, hidden=8), noise(10, dim).float()

    assert torch.equal(flow(points).sort(1).values, points.sort(1).values)
    assert not flow.inverse(points)[1].any()


def test_each_coordinate_of_a_flow_depends_on_every_other() -> None:
    """The shuffles between couplings leave no coordinate out."""
    flow = bent_flow(6, couplings=6)

    jacobian = torch.autograd.functional.jacobian(lambda x: flow(x[None])[0], noise(6))

    assert (jacobian != 0).all()


def test_the_stored_orders_are_permutations() -> None:
    """Each shuffle names each coordinate once, and a second flow of that size shuffles alike."""
    flow = RealNVP(7, couplings=5, hidden=4)

    assert torch.equal(flow.permutations.sort(1).values, torch.arange(7).expand(5, 7))
    assert torch.equal(flow.permutations, RealNVP(7, couplings=5, hidden=4).permutations)


@pytest.mark.parametrize("first_half", [True, False])
def test_a_coupling_leaves_the_half_that_steers_it(first_half: bool) -> None:
    """One half passes bit for bit; the other is moved by an affine map that only depends on the first."""
    dim = 7
    coupling = Coupling(dim, 8, first_half=first_half).double()
    for seed, parameter in enumerate(coupling.parameters()):
        parameter.data = noise(*parameter.shape, seed=seed)
    kept = coupling.mask.bool()
    points = noise(5, dim)
    other = torch.where(kept, points, noise(5, dim, seed=1))

    moved, moved_other = coupling(points), coupling(other)

    assert torch.equal(moved[:, kept], points[:, kept])
    assert (moved[:, ~kept] != points[:, ~kept]).all()
    slope = (moved - moved_other)[:, ~kept] / (points - other)[:, ~kept]
    torch.testing.assert_close(slope.log().sum(1), -coupling.inverse(moved)[1])


def test_the_scale_of_a_coupling_is_bounded_by_its_limit() -> None:
    """However large the network's answer, log-scales stay within ±limit, so no exponential overflows."""
    coupling = Coupling(4, 8, first_half=True)
    for parameter in coupling.network.parameters():
        parameter.data.fill_(1e6)

    log_determinant = coupling.inverse(torch.ones(3, 4))[1]

    assert log_determinant.abs().max() <= 2 + 1e-6
    assert coupling(torch.ones(3, 4)).isfinite().all()


def test_rows_of_a_flow_do_not_see_each_other() -> None:
    """A row alone gives what it gives in a batch."""
    flow, points = bent_flow(5), noise(9, 5)
    base, log_determinant = flow.inverse(points)

    for row in range(9):
        alone, change = flow.inverse(points[row : row + 1])
        torch.testing.assert_close(alone, base[row : row + 1], atol=1e-12, rtol=1e-12)
        torch.testing.assert_close(change, log_determinant[row : row + 1], atol=1e-12, rtol=1e-12)
