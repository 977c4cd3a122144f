"""Every step of the ELBO's proof as numbers, and both estimators where their variances are known in closed form."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from models_store.posteriors import DiagonalNormal
from tests.models_store.test_estimators import LinearGaussian, images_of
from training.lecture import bound
from training.lecture.bound import GRID, LINE, LOADINGS, NOISE, PARABOLA, STEP, chain, normal
from training.lecture.miniatures import Miniatures

POINTS = [(0.1, 1.0), (0.0, -0.5), (-1.5, 2.5)]
DENSITIES = [(0.0, 1.0), (0.9, 0.25), (-1.5, 0.6)]
DRAWS = 4000


def line_posterior(x: Tensor) -> Normal:
    """p(z|x) of the linear model, by conjugacy."""
    precision = 1 + LOADINGS.square().sum() / NOISE**2
    return Normal(x @ LOADINGS / NOISE**2 / precision, precision.rsqrt())


def line_evidence(x: Tensor) -> float:
    """Log N(x; 0, wwᵀ + σ²I)."""
    covariance = torch.outer(LOADINGS, LOADINGS) + NOISE**2 * torch.eye(2, dtype=torch.float64)
    return float(MultivariateNormal(torch.zeros(2, dtype=torch.float64), covariance).log_prob(x))


@pytest.mark.parametrize("q", [normal(*each) for each in DENSITIES], ids=str)
@pytest.mark.parametrize("point", POINTS)
def test_each_step_of_the_proof_holds_where_all_is_known(point: tuple[float, float], q: Normal) -> None:
    """Linear model: evidence, posterior and all divergences come from formulas that use no quadrature."""
    x = torch.tensor(point, dtype=torch.float64)
    posterior, evidence = line_posterior(x), line_evidence(x)

    found = chain(LINE, x, q, log_posterior=posterior.log_prob(GRID))

    assert found.evidence == pytest.approx(evidence, abs=1e-9)
    assert found.expected_evidence == pytest.approx(evidence, abs=1e-9)
    assert found.expected_ratio == pytest.approx(evidence, abs=1e-9)
    assert found.bound + found.divergence == pytest.approx(evidence, abs=1e-9)
    assert found.divergence == pytest.approx(float(kl_divergence(q, posterior)), abs=1e-9)
    assert found.bound == pytest.approx(found.reconstruction - found.prior_divergence, abs=1e-9)
    residual = (x - q.mean * LOADINGS).square().sum() + q.variance * LOADINGS.square().sum()
    expected = -residual / (2 * NOISE**2) - math.log(2 * math.pi * NOISE**2)
    assert found.reconstruction == pytest.approx(float(expected), abs=1e-9)


@pytest.mark.parametrize("q", [normal(*each) for each in DENSITIES], ids=str)
@pytest.mark.parametrize("point", POINTS)
def test_the_proof_holds_for_a_posterior_of_two_modes(point: tuple[float, float], q: Normal) -> None:
    """Nonlinear model: the same chain, the KL positive and large, so that L is strictly below."""
    found = chain(PARABOLA, torch.tensor(point, dtype=torch.float64), q)

    assert found.expected_evidence == pytest.approx(found.evidence, abs=1e-9)
    assert found.expected_ratio == pytest.approx(found.evidence, abs=1e-9)
    assert found.bound + found.divergence == pytest.approx(found.evidence, abs=1e-9)
    assert found.bound == pytest.approx(found.reconstruction - found.prior_divergence, abs=1e-9)
    assert found.divergence > 0.01


def test_the_bound_is_tight_at_the_posterior_and_nowhere_else() -> None:
    """Linear model: L = log p(x) at q = p(z|x); a shifted and a wider q lose."""
    x = torch.tensor(POINTS[0], dtype=torch.float64)
    exact = line_posterior(x)

    assert chain(LINE, x, exact).divergence == pytest.approx(0, abs=1e-9)
    assert chain(LINE, x, exact).bound == pytest.approx(line_evidence(x), abs=1e-9)
    for wrong in (Normal(exact.mean + 0.1, exact.scale), Normal(exact.mean, 1.2 * exact.scale)):
        assert chain(LINE, x, wrong).bound < line_evidence(x) - 1e-3


@pytest.mark.parametrize("point", POINTS)
def test_the_evidence_is_a_density_of_x(point: tuple[float, float]) -> None:
    """The nonlinear model's p(x) by quadrature over z meets 200,000 draws from the prior within 4 standard errors."""
    x = torch.tensor(point, dtype=torch.float64)
    latents = torch.randn(200_000, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    likelihoods = Normal(PARABOLA.decode(latents), NOISE).log_prob(x).sum(1).exp()

    found = math.exp(chain(PARABOLA, x, normal(0.0, 1.0)).evidence)

    assert abs(found - float(likelihoods.mean())) < 4 * float(likelihoods.std()) / math.sqrt(200_000)


@pytest.mark.parametrize(("mean", "scale"), [(1.0, 0.5), (0.0, 1.0), (-2.0, 0.1), (0.3, 1.2)])
def test_the_closed_form_of_the_kl_is_its_integral(mean: float, scale: float) -> None:
    """½(μ² + σ² - 1 - log σ²) against quadrature; 0.8181 nats for N(1, ½²)."""
    q = DiagonalNormal(*torch.tensor([[[mean]], [[math.log(scale)]]], dtype=torch.float64))
    log_q = normal(mean, scale).log_prob(GRID)

    integral = float((log_q.exp() * (log_q - normal(0.0, 1.0).log_prob(GRID))).sum()) * STEP

    assert float(q.divergence) == pytest.approx(integral, abs=1e-8)
    assert float(q.divergence) == pytest.approx(0.5 * (mean**2 + scale**2 - 1 - math.log(scale**2)), abs=1e-12)
    if (mean, scale) == (1.0, 0.5):
        assert float(q.divergence) == pytest.approx(0.8181, abs=5e-5)


def exact_draws() -> tuple[DiagonalNormal, dict[str, tuple[Tensor, Tensor]]]:
    """The three estimators at the exact posterior of a linear-Gaussian model with two latents."""
    model = LinearGaussian()
    data = images_of(model, 4)
    found = bound.draws_of(model, data, draws=DRAWS, noise=torch.Generator().manual_seed(3))
    return model.posterior(model.encode(data)), found


def assert_variances(gradients: Tensor, expected: Tensor) -> None:
    """Sample variances over DRAWS are right within 4 standard errors, which a fourth moment gives."""
    deviation = (gradients - gradients.mean(0)).square()
    error = deviation.std(0) / math.sqrt(DRAWS)
    assert ((deviation.mean(0) - expected).abs() < 4 * error + 1e-9).all()


def test_at_the_exact_posterior_the_value_of_the_sampled_bound_does_not_vary() -> None:
    """L^A is log p(x) for every draw. L^B varies by the variance of log p(x|z) = const - log p(z) + log p(z|x)."""
    posterior, found = exact_draws()
    variance = (2 * posterior.log_scale).exp()

    assert found["sampled"][0].var(0).max() < 1e-9
    assert found["path"][0].var(0).max() < 1e-9
    # log p(z) - log p(z|x) is a quadratic in ε: ½(1 - σ²)ε² - μσε in each dimension.
    expected = (0.5 * (1 - variance).square() + posterior.mean.square() * variance).sum(1)
    assert_variances(found["analytic"][0], expected)


def test_at_the_exact_posterior_the_gradients_have_the_variances_of_their_formulas() -> None:
    """L^A: the score's, 1/σ² and 2. L^B: (σ - 1/σ)² and 2(1 - σ²)² + μ²σ². Without the score: nothing at all."""
    posterior, found = exact_draws()
    variance, mean = (2 * posterior.log_scale).exp(), posterior.mean

    assert_variances(found["sampled"][1], torch.cat([1 / variance, torch.full_like(variance, 2.0)], dim=1))
    by_mean = (variance.sqrt() - variance.rsqrt()).square()
    by_log_scale = 2 * (1 - variance).square() + mean.square() * variance
    assert_variances(found["analytic"][1], torch.cat([by_mean, by_log_scale], dim=1))
    assert found["path"][1].abs().max() < 1e-5


@pytest.mark.parametrize(("shift", "widen"), [(0.8, 1.0), (-0.4, 1.5), (0.0, 0.7)])
def test_all_estimators_have_the_same_mean_and_the_gradient_of_the_bound(shift: float, widen: float) -> None:
    """L = log p(x) - KL(q ‖ p(z|x)) and its gradient by automatic differentiation of that, within 4 standard errors."""
    model = LinearGaussian(shift=shift, widen=widen)
    data = images_of(model, 4)
    exact = LinearGaussian().posterior(LinearGaussian().encode(data))
    statistics = model.encode(data).requires_grad_()
    q = model.posterior(statistics)
    divergence = kl_divergence(Normal(q.mean, q.log_scale.exp()), Normal(exact.mean, exact.log_scale.exp())).sum(1)
    (slope,) = torch.autograd.grad(-divergence.sum(), statistics)
    expected = model.log_evidence(data) - divergence.detach()

    found = bound.draws_of(model, data, draws=DRAWS, noise=torch.Generator().manual_seed(4))

    for values, gradients in found.values():
        assert ((values.mean(0) - expected).abs() < 4 * values.std(0) / math.sqrt(DRAWS)).all()
        assert ((gradients.mean(0) - slope).abs() < 4 * gradients.std(0) / math.sqrt(DRAWS) + 1e-9).all()


def test_the_spread_is_the_mean_variance_over_images() -> None:
    """Of the same draws, computed by hand; the gradient's is summed over its coordinates."""
    model = LinearGaussian(shift=0.5)
    data = images_of(model, 4)

    found = bound.spread(model, data, draws=50, noise=torch.Generator().manual_seed(5))

    values, gradients = bound.draws_of(model, data, draws=50, noise=torch.Generator().manual_seed(5))["analytic"]
    assert found.analytic == pytest.approx(float(((values - values.mean(0)) ** 2).sum(0).mean()) / 49)
    by_hand = ((gradients - gradients.mean(0)) ** 2).sum(dim=(0, 2)).mean() / 49
    assert found.analytic_gradient == pytest.approx(float(by_hand))


def test_the_closed_form_helps_before_learning_and_not_after() -> None:
    """Eighty steps on stripes: at first L^B varies less in value and gradient, at the end its value varies more."""
    rng = torch.Generator().manual_seed(6)
    phases = 3 * torch.rand((400, 1, 1, 1), generator=rng)
    stripes = (0.5 + 0.45 * torch.sin(phases + torch.arange(14.0))).expand(400, 1, 14, 14).contiguous()

    (_, first), (_, last) = bound.while_learning(Miniatures(stripes, stripes), [0, 80], images=20, draws=30, batch=32)

    assert first.analytic < first.sampled
    assert first.analytic_gradient < first.path_gradient < first.sampled_gradient
    assert last.sampled < last.analytic
    assert last.path_gradient < last.sampled_gradient
