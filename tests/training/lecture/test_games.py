"""The three games: what each cost's gradient is with the best discriminator, and how the ring's samples are counted."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from training.game import GENERATOR_COSTS, discriminator_cost
from training.lecture import costs, games

GRID = torch.linspace(-16, 16, 8001, dtype=torch.float64)


def normal(points: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """Density of N(μ, σ²) at the points."""
    return torch.exp(-0.5 * ((points - mean) / scale).square()) / (scale * math.sqrt(2 * math.pi))


def jensen_shannon(mean: Tensor, scale: Tensor) -> Tensor:
    """JSD(N(0, 1), N(μ, σ²)) in nats by quadrature; the densities' tails are kept away from log 0."""
    p, q = normal(GRID, torch.tensor(0.0), torch.tensor(1.0)), normal(GRID, mean, scale)
    middle = 0.5 * (p + q) + 1e-300
    integrand = 0.5 * p * torch.log((p + 1e-300) / middle) + 0.5 * q * torch.log((q + 1e-300) / middle)
    return torch.trapezoid(integrand, GRID)


def forward_kl(mean: Tensor, scale: Tensor) -> Tensor:
    """KL(N(0, 1) ‖ N(μ, σ²))."""
    return scale.log() + (1 + mean.square()) / (2 * scale.square()) - 0.5


def reverse_kl(mean: Tensor, scale: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, 1))."""
    return -scale.log() + (scale.square() + mean.square()) / 2 - 0.5


DIVERGENCES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "minimax": jensen_shannon,
    "maximum-likelihood": lambda mean, scale: 0.5 * forward_kl(mean, scale),
    "non-saturating": lambda mean, scale: 0.5 * reverse_kl(mean, scale) - jensen_shannon(mean, scale),
}


@pytest.mark.parametrize(("mean", "scale"), [(1.0, 1.0), (-2.0, 1.3), (0.5, 0.8)])
@pytest.mark.parametrize("name", GENERATOR_COSTS)
def test_with_the_best_discriminator_each_cost_descends_a_divergence(name: str, mean: float, scale: float) -> None:
    """∇JSD, ½∇KL(p ‖ q) and ½∇KL(q ‖ p) - ∇JSD (Goodfellow 2014; Arjovsky & Bottou 2017, theorem 2.5)."""
    mu, sigma = (torch.tensor(each, dtype=torch.float64, requires_grad=True) for each in (mean, scale))
    expected = torch.autograd.grad(DIVERGENCES[name](mu, sigma), (mu, sigma))

    found, _ = costs.gradient_moments(name, mean=mean, scale=scale)

    assert found.tolist() == pytest.approx([float(each) for each in expected], rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("distance", [0.5, 1.0, 2.0, 3.0])
def test_the_variance_of_maximum_likelihood_grows_like_a_chi_square_divergence(distance: float) -> None:
    """¼μ²(exp(μ²) - 1) for unit scales, above that of the other two costs; those two have the same variance."""
    variance = {name: float(costs.gradient_moments(name, mean=distance, scale=1.0)[1][0]) for name in GENERATOR_COSTS}

    assert variance["maximum-likelihood"] == pytest.approx(0.25 * distance**2 * math.expm1(distance**2), rel=1e-6)
    assert variance["maximum-likelihood"] > 2 * variance["minimax"]
    assert variance["minimax"] == pytest.approx(variance["non-saturating"], rel=1e-6)


@pytest.mark.parametrize("distance", [0.0, 1.0, 2.0])
def test_the_best_discriminator_attains_ln_2_less_the_jensen_shannon_divergence(distance: float) -> None:
    """J(D*) = ln 2 - JSD(p, q), ln 2 at the equilibrium, and any other logit costs more."""
    # Midpoints of equal shares of probability: their plain mean, which the cost takes, is a quadrature.
    data = torch.special.ndtri((torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000)
    logits = [costs.best_logit(points, mean=distance, scale=1.0) for points in (data, data + distance)]
    parameters = torch.tensor(distance, dtype=torch.float64), torch.tensor(1.0, dtype=torch.float64)

    best = float(discriminator_cost(logits[0], logits[1]))

    assert best == pytest.approx(math.log(2) - float(jensen_shannon(*parameters)), abs=1e-6)
    assert float(discriminator_cost(logits[0] + 0.1, logits[1] + 0.1)) > best
    assert float(discriminator_cost(1.1 * logits[0] - 0.1, 1.1 * logits[1] - 0.1)) > best


def test_the_data_themselves_find_every_mode_and_are_as_good_as_the_chi_distribution_says() -> None:
    """8 modes; within three standard deviations in two dimensions lie 1 - exp(-9/2), to 4 standard errors."""
    count, expected = 100_000, 1 - math.exp(-4.5)

    modes, share = games.quality(games.ring(count, torch.Generator().manual_seed(0)))

    assert modes == 8
    assert share == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / count))


def test_a_collapsed_generator_finds_one_mode() -> None:
    """Samples on one centre are all good; samples at the middle of the ring are none."""
    assert games.quality(games.centres()[:1].repeat(100, 1)) == (1, 1.0)
    assert games.quality(torch.zeros(100, 2)) == (0, 0.0)


def test_the_games_differ_in_the_cost_alone() -> None:
    """The same seed gives the same weights and, after the head start, the same discriminator to all three."""
    first = [games.new_game(name, seed=3) for name in GENERATOR_COSTS]
    for game in first:
        games.give_head_start(game, torch.Generator().manual_seed(3), steps=2)

    states = [{**game.generator.state_dict(), **game.discriminator.state_dict()} for game in first]

    assert all(torch.equal(state[key], states[0][key]) for state in states for key in state)


def test_a_sure_discriminator_leaves_a_gradient_to_the_non_saturating_cost_alone() -> None:
    """Same D, same G, same noise: less than a twentieth of it comes from the other two."""
    slopes = {}
    for name in GENERATOR_COSTS:
        game = games.new_game(name, seed=0)
        games.give_head_start(game, torch.Generator().manual_seed(0), steps=150)
        slopes[name], _ = games.gradient_moments(game, torch.Generator().manual_seed(1), batches=8)

    assert slopes["minimax"] < slopes["non-saturating"] / 20
    assert slopes["maximum-likelihood"] < slopes["non-saturating"] / 20


def test_measuring_the_gradient_moves_nothing() -> None:
    """Neither weights nor the gradients of the next step."""
    game = games.new_game("minimax", seed=0)
    before = [parameter.clone() for parameter in game.generator.parameters()]

    games.gradient_moments(game, torch.Generator().manual_seed(1), batches=2)

    assert all(torch.equal(one, other) for one, other in zip(before, game.generator.parameters(), strict=True))
    assert all(parameter.grad is None for parameter in game.generator.parameters())


def test_the_film_has_a_frame_for_each_snapshot(tmp_path: Path) -> None:
    """An animated WebP, one frame at the start and one after each part of the game."""
    films = {
        name: games.play(games.new_game(name, seed=0), seed=0, steps=4, head_start=0, frames=4)
        for name in GENERATOR_COSTS
    }

    games.draw_film(tmp_path / "film.webp", films)

    with Image.open(tmp_path / "film.webp") as film:
        assert getattr(film, "n_frames", 1) == 5
