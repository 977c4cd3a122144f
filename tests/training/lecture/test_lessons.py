"""The lessons against what is known exactly."""

import math
from pathlib import Path

import pytest
import torch

from training.__main__ import main
from training.game import GENERATOR_COSTS
from training.lecture import LESSONS, costs, divergences, estimation, game, reinforce, reparametrization


@pytest.mark.parametrize("estimator", [reparametrization.pathwise_gradients, reparametrization.score_gradients])
@pytest.mark.parametrize(("mean", "scale"), [(0.0, 1.0), (2.0, 0.5), (-1.0, 2.0)])
def test_both_gradients_through_a_draw_are_unbiased(estimator: object, mean: float, scale: float) -> None:
    """Their means lie within 4 standard errors of 2(μ - t) and 2σ."""
    noise = torch.randn(200_000, generator=torch.Generator().manual_seed(3))

    estimates = estimator(mean, scale, noise)  # type: ignore[operator]  # one of the two above

    error = estimates.std(0) / math.sqrt(len(noise))
    assert ((estimates.mean(0) - reparametrization.exact_gradient(mean, scale)).abs() < 4 * error).all()


@pytest.mark.parametrize("rate", [0.5, 1.0, 3.0])
def test_noise_of_any_distribution_will_do(rate: float) -> None:
    """A waiting time as a function of a uniform: the mean of both is -4/λ³ + 2t/λ², within 4 errors."""
    uniforms = torch.rand(400_000, generator=torch.Generator().manual_seed(6), dtype=torch.float64)

    for estimator in (reparametrization.pathwise_waiting_gradients, reparametrization.score_waiting_gradients):
        estimates = estimator(rate, uniforms)
        error = float(estimates.std()) / math.sqrt(len(uniforms))
        assert abs(float(estimates.mean()) - reparametrization.exact_waiting_gradient(rate)) < 4 * error


def test_a_constant_baseline_keeps_the_mean_and_the_best_one_lowers_the_variance() -> None:
    """The closed-form baseline beats none, and both of its neighbours."""
    noise = torch.randn(400_000, generator=torch.Generator().manual_seed(4))
    best = reparametrization.best_baseline(0.0, 1.0)

    variance = {
        shift: float(reparametrization.score_gradients(0.0, 1.0, noise, baseline=best + shift)[:, 0].var())
        for shift in (-best, -2.0, 0.0, 2.0)
    }

    assert min(variance, key=variance.__getitem__) == 0.0


@pytest.mark.parametrize("theta", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("name", reinforce.ESTIMATORS)
def test_reinforce_is_unbiased_and_the_relaxations_are_not(name: str, theta: float) -> None:
    """Against enumeration of both bits, 4 standard errors; straight-through and Gumbel-softmax must fail somewhere."""
    estimates = reinforce.ESTIMATORS[name](theta, torch.Generator().manual_seed(5), 200_000)

    distance = abs(float(estimates.mean()) - reinforce.exact_gradient())
    error = float(estimates.std()) / math.sqrt(len(estimates))

    if "biased" in name and theta != 0.5:
        assert distance > 8 * error
    elif "biased" not in name:
        assert distance < 4 * error
    assert reinforce.exact_gradient() == pytest.approx(1 - 2 * reinforce.TARGET)


def test_forward_kl_matches_moments_and_reverse_kl_a_mode() -> None:
    """The minimum of KL(p ‖ q) over normals has p's mean 0 and variance 0.6² + 2²; that of KL(q ‖ p) sits on a mode."""
    mean, scale = divergences.fit(divergences.forward_divergence)
    assert mean == pytest.approx(0.0, abs=1e-3)
    assert scale == pytest.approx(math.sqrt(0.6**2 + 2**2), rel=1e-3)

    mean, scale = divergences.fit(divergences.reverse_divergence)
    assert mean == pytest.approx(2.0, abs=0.01)
    assert scale == pytest.approx(0.6, abs=0.01)


def test_slopes_of_the_costs_where_the_discriminator_is_sure() -> None:
    """At logit -5: minimax and maximum likelihood are flat, the non-saturating cost is steepest."""
    slopes = {name: float(costs.curve(name, torch.tensor([-5.0]))[1]) for name in GENERATOR_COSTS}

    assert slopes["minimax"] == pytest.approx(-0.5 / (1 + math.exp(5)), rel=1e-4)
    assert slopes["maximum-likelihood"] == pytest.approx(-0.5 * math.exp(-5), rel=1e-4)
    assert slopes["non-saturating"] == pytest.approx(-0.5 / (1 + math.exp(-5)), rel=1e-4)


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.5])
def test_simultaneous_steps_spiral_out_by_a_known_factor(rate: float) -> None:
    """The radius is multiplied by √(1 + η²) at each step: 1.645 after a hundred of 0.1."""
    points = game.orbit(game.simultaneous, rate=rate, steps=100)

    assert game.radius(points[-1]) == pytest.approx((1 + rate**2) ** 50)


def test_alternating_steps_stay_and_extragradient_arrives() -> None:
    """Alternation conserves a² - ηab + b²; extragradient shrinks the radius by √(1 - η² + η⁴) a step."""
    rate = 0.1
    points = game.orbit(game.alternating, rate=rate, steps=1000)
    quadratic = [a * a - rate * a * b + b * b for a, b in points]
    assert quadratic == pytest.approx([quadratic[0]] * len(quadratic))

    points = game.orbit(game.extragradient, rate=rate, steps=100)
    assert game.radius(points[-1]) == pytest.approx((1 - rate**2 + rate**4) ** 50)


def test_the_dirac_gan_settles_only_with_r1() -> None:
    """Mescheder et al. 2018: without a penalty the orbit grows, with it the equilibrium attracts."""
    assert game.radius(game.dirac_gan(rate=0.2, steps=500, penalty=0.0)[-1]) > 1
    assert game.radius(game.dirac_gan(rate=0.2, steps=500, penalty=0.3)[-1]) < 1e-3


@pytest.mark.parametrize(("scale", "refresh"), [(1.0, 0), (6.0, 100)], ids=["near noise", "refreshed by the model"])
def test_the_learned_constant_is_minus_log_z(scale: float, refresh: int) -> None:
    """And the energy is that of the data: precision within a few per cent."""
    model, constants = estimation.estimate(scale, refresh=refresh)

    assert constants[-1] == pytest.approx(estimation.true_constant(), abs=0.05)
    covariance = model.as_distribution().covariance_matrix
    torch.testing.assert_close(covariance, estimation.COVARIANCE, atol=0.08, rtol=0.0)


def test_the_best_contrast_is_at_the_truth() -> None:
    """With the true energy and constant, the gradient of the loss vanishes within its sampling error."""
    model, data = estimation.EnergyModel(), estimation.data_distribution()
    model.factor.data = torch.linalg.cholesky(torch.linalg.inv(estimation.COVARIANCE))
    model.constant.data.fill_(estimation.true_constant())
    noise = torch.distributions.MultivariateNormal(torch.zeros(2), 2 * torch.eye(2))
    torch.manual_seed(0)

    estimation.contrastive_loss(model, noise, data.sample((200_000,)), noise.sample((200_000,))).backward()

    assert model.constant.grad is not None
    assert model.constant.grad.abs() < 4 / math.sqrt(200_000)


@pytest.mark.slow
@pytest.mark.parametrize("name", LESSONS)
def test_each_lesson_runs_by_one_command_and_draws_its_figure(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A PNG of some size, and its findings on the terminal."""
    assert main(["lecture", name, "--figures", str(tmp_path)]) == 0

    assert (tmp_path / f"{name}.png").stat().st_size > 5000
    assert name in capsys.readouterr().out
