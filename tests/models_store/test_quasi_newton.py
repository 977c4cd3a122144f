"""L-BFGS by rows: against minima in closed form, and never uphill."""

import torch
from torch import Tensor

from models_store.quasi_newton import Objective, minimize
from tests.models_store.examples import noise

ROWS, DIM = 16, 5


def quadratic() -> tuple[Objective, Tensor]:
    """½ (x - m)ᵀ A (x - m) with an A and an m for each row, curvatures from 1 to 30, and the minima m."""
    factors = noise(ROWS, DIM, DIM, seed=1)
    curvature = factors @ factors.mT + torch.eye(DIM).double()
    minima = noise(ROWS, DIM, seed=2)

    def value_and_gradient(points: Tensor) -> tuple[Tensor, Tensor]:
        off = points - minima
        slope = (curvature @ off[..., None])[..., 0]
        return 0.5 * (off * slope).sum(1), slope

    return value_and_gradient, minima


def valley(points: Tensor) -> tuple[Tensor, Tensor]:
    """Rosenbrock's, along all dimensions: a bent valley with its minimum of 0 at ones."""
    left, right = points[:, :-1], points[:, 1:]
    value = (100 * (right - left.square()).square() + (1 - left).square()).sum(1)
    gradient = torch.zeros_like(points)
    gradient[:, :-1] += -400 * left * (right - left.square()) - 2 * (1 - left)
    gradient[:, 1:] += 200 * (right - left.square())
    return value, gradient


def test_each_row_finds_the_minimum_of_its_own_quadratic() -> None:
    """To eight digits, whatever the curvatures of the others."""
    objective, minima = quadratic()

    torch.testing.assert_close(
        minimize(objective, torch.zeros_like(minima), evaluations=80), minima, atol=1e-8, rtol=0.0
    )


def test_a_bent_valley_is_followed_to_its_end() -> None:
    """Where the gradient alone would go from side to side."""
    found = minimize(valley, 0.5 * noise(ROWS, DIM), evaluations=400)

    assert (valley(found)[0].sort().values[: ROWS // 2] < 1e-9).all()


def test_no_row_ever_ends_higher_than_with_fewer_evaluations() -> None:
    """So none ends higher than it began, which is what one evaluation gives."""
    start = 2 * noise(ROWS, DIM)
    values = torch.stack([valley(minimize(valley, start, evaluations=count))[0] for count in range(1, 30)])

    assert torch.equal(minimize(valley, start, evaluations=1), start)
    assert (values[1:] <= values[:-1]).all()
    assert (values[-1] < 0.1 * values[0]).all()


def test_a_row_has_the_same_bits_whoever_stands_beside_it() -> None:
    """Alone, by fours, and in another order."""
    start = noise(ROWS, DIM).float()
    whole = minimize(valley, start, evaluations=25)

    for size in (1, 4):
        parts = [minimize(valley, part, evaluations=25) for part in start.flip(0).split(size)]
        assert torch.equal(torch.cat(parts).flip(0), whole)


def test_a_row_that_leads_to_no_number_stays_where_it_is_best() -> None:
    """And takes no other with it."""

    def broken(points: Tensor) -> tuple[Tensor, Tensor]:
        value, gradient = valley(points)
        off = (points[:, :1] != start[:1, :1]) & (torch.arange(len(points))[:, None] == 0)
        return torch.where(off[:, 0], torch.nan, value), torch.where(off, torch.nan, gradient)

    start = noise(ROWS, DIM)

    found = minimize(broken, start, evaluations=25)

    assert torch.equal(found[0], start[0])
    assert torch.equal(found[1:], minimize(valley, start, evaluations=25)[1:])


def test_it_asks_as_often_as_it_was_told() -> None:
    """The cost of an answer is known beforehand."""
    asked = []

    def counted(points: Tensor) -> tuple[Tensor, Tensor]:
        asked.append(points)
        return valley(points)

    minimize(counted, noise(ROWS, DIM), evaluations=7)

    assert len(asked) == 7
