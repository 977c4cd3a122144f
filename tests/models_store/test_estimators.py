"""Estimates of log p(x) where log p(x) is known: a linear-Gaussian VAE, and a VAE so small that all can be summed."""

import math
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from models_store import Autoencoder
from models_store.estimators import (
    WeightAccumulator,
    bits_per_dimension,
    elbo_analytic,
    elbo_monte_carlo,
    importance_weighted,
)
from models_store.likelihoods import Domain, Likelihood
from models_store.posteriors import DiagonalNormal
from tests.conftest import tiny_vae
from tests.models_store.examples import noise

SIGMA = 0.4


@dataclass(frozen=True)
class Gaussian(Likelihood):
    """N(location, SIGMA²) on the line: no family of the package, but one with a known marginal."""

    domain: ClassVar[Domain] = "8-bit"
    maps: ClassVar[int] = 1
    location: Tensor

    @classmethod
    def of(cls, output: Tensor) -> "Gaussian":
        return cls(output)

    @property
    def mean(self) -> Tensor:
        return self.location

    def log_prob(self, data: Tensor) -> Tensor:
        return Normal(self.location, SIGMA).log_prob(data).flatten(1).sum(1)


class LinearGaussian(Autoencoder):
    """Probabilistic PCA: x = Wz + b + noise. W has orthogonal columns, so the true posterior is diagonal, too.

    `shift` and `widen` move its q(z|x) away from the true posterior: by that many of its scales, by that factor.
    """

    def __init__(self, *, shift: float = 0.0, widen: float = 1.0) -> None:
        super().__init__()
        self.latent_dim = 2
        self.image_shape = (1, 1, 5)
        self.loadings = torch.tensor([[1.0, 0.5], [0.5, -1.0], [0.3, 0.0], [0.0, 0.7], [0.0, 0.0]], dtype=torch.float64)
        self.offset = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5], dtype=torch.float64)
        self.shift = shift
        self.widen = widen

    def encode(self, images: Tensor) -> Tensor:
        precision = 1 + self.loadings.square().sum(0) / SIGMA**2
        mean = (images.flatten(1) - self.offset) @ self.loadings / SIGMA**2 / precision
        scale = precision.rsqrt().expand_as(mean)
        return torch.cat([mean + self.shift * scale, (scale * self.widen).log()], dim=1)

    def posterior(self, statistics: Tensor) -> DiagonalNormal:
        return DiagonalNormal(*statistics.chunk(2, dim=1))

    def likelihood(self, latents: Tensor) -> Gaussian:
        return Gaussian.of((latents @ self.loadings.T + self.offset).reshape(-1, *self.image_shape))

    def log_evidence(self, images: Tensor) -> Tensor:
        """Images (B, 1, 1, 5) -> the exact log p(x) = log N(x; b, WWᵀ + σ²I), (B,)."""
        covariance = self.loadings @ self.loadings.T + SIGMA**2 * torch.eye(5, dtype=torch.float64)
        return MultivariateNormal(self.offset, covariance).log_prob(images.flatten(1))


def images_of(model: LinearGaussian, count: int) -> Tensor:
    """Images of the model's own, and one that is far from all of them."""
    latents = noise(count - 1, 2, seed=8)
    drawn = model.likelihood(latents).mean + SIGMA * noise(count - 1, *model.image_shape, seed=9)
    return torch.cat([drawn, torch.full((1, 1, 1, 5), 3.0, dtype=torch.float64)])


def draw_terms(model: Autoencoder, data: Tensor, statistics: Tensor, *, draws: int, seed: int = 0) -> Tensor:
    """`draws` times the three terms of each image's weight, (draws, B, 3)."""
    rows = data.repeat(draws, *[1] * (data.ndim - 1))
    eps = noise(len(rows), model.latent_dim, seed=seed).to(statistics.dtype)
    return model.log_weights(rows, statistics.repeat(draws, 1), eps).reshape(draws, len(data), 3)


def log_weights_of(model: LinearGaussian, data: Tensor, *, draws: int, seed: int = 0) -> Tensor:
    """Log-weights of each image, (draws, B)."""
    terms = draw_terms(model, data, model.encode(data), draws=draws, seed=seed)
    return terms[..., 0] + terms[..., 1] - terms[..., 2]


def test_at_the_exact_posterior_every_weight_is_the_evidence() -> None:
    """Then log p(x|z) + log p(z) - log q(z|x) = log p(x) for every z: L^A has no variance and no gap."""
    model = LinearGaussian()
    data = images_of(model, 6)
    evidence = model.log_evidence(data)

    elbo = elbo_monte_carlo(*draw_terms(model, data, model.encode(data), draws=50).unbind(2))

    torch.testing.assert_close(elbo.value, evidence, atol=1e-5, rtol=0)
    assert elbo.standard_error.max() < 1e-9
    bound = importance_weighted(log_weights_of(model, data, draws=50))
    torch.testing.assert_close(bound.value, evidence, atol=1e-5, rtol=0)
    torch.testing.assert_close(bound.effective_sample_size, torch.full((6,), 50.0).double())


def test_at_the_exact_posterior_the_analytic_elbo_still_varies_and_meets_the_evidence() -> None:
    """L^B samples the reconstruction, which does vary with z; its mean is log p(x) all the same."""
    model = LinearGaussian()
    data = images_of(model, 6)
    statistics = model.encode(data)

    log_likelihood = draw_terms(model, data, statistics, draws=4000)[..., 0]
    elbo = elbo_analytic(log_likelihood, model.posterior(statistics))

    assert elbo.standard_error.min() > 1e-3
    assert ((elbo.value - model.log_evidence(data)).abs() < 4 * elbo.standard_error).all()


@pytest.mark.parametrize(("shift", "widen"), [(1.0, 1.0), (0.0, 1.5), (0.0, 0.6), (-0.7, 0.8)])
def test_the_gap_of_the_elbo_is_the_divergence_from_the_true_posterior(shift: float, widen: float) -> None:
    """It is log p(x) - ELBO = KL(q ‖ p(z|x)), which is positive: both forms of the ELBO meet it."""
    model = LinearGaussian(shift=shift, widen=widen)
    data = images_of(model, 4)
    statistics, exact = model.encode(data), LinearGaussian().encode(data)
    q, p = (Normal(mean, log_scale.exp()) for mean, log_scale in (rows.chunk(2, 1) for rows in (statistics, exact)))
    gap = kl_divergence(q, p).sum(1)

    terms = draw_terms(model, data, statistics, draws=20_000)
    sampled = elbo_monte_carlo(*terms.unbind(2))
    analytic = elbo_analytic(terms[..., 0], model.posterior(statistics))

    for elbo in (sampled, analytic):
        assert ((model.log_evidence(data) - gap - elbo.value).abs() < 4 * elbo.standard_error).all()
        assert (elbo.value + 4 * elbo.standard_error < model.log_evidence(data)).all()


def test_the_importance_weighted_bound_reaches_the_evidence() -> None:
    """With many draws from a poor posterior it lies within three standard errors of log p(x)."""
    model = LinearGaussian(shift=0.7, widen=1.4)
    data = images_of(model, 8)

    bound = importance_weighted(log_weights_of(model, data, draws=20_000))

    assert bound.standard_error.max() < 0.02
    assert ((bound.value - model.log_evidence(data)).abs() < 3 * bound.standard_error).all()


def test_the_importance_weighted_bound_grows_with_its_draws_and_stays_below_the_evidence() -> None:
    """In the mean over 2,000 repeats L_1 < L_2 < … < log p(x), by more than four standard errors a step."""
    model = LinearGaussian(shift=1.0, widen=1.3)
    data = images_of(model, 2)[:1]
    log_weights = log_weights_of(model, data, draws=2000 * 32).reshape(32, 2000)

    bounds = torch.stack([importance_weighted(log_weights[:count]).value for count in (1, 2, 4, 8, 16, 32)])

    steps = bounds.diff(dim=0)
    assert (steps.mean(1) > 4 * steps.std(1) / math.sqrt(2000)).all()
    assert bounds[-1].mean() + 4 * bounds[-1].std() / math.sqrt(2000) < model.log_evidence(data).item()


def test_one_draw_gives_the_sampled_elbo_and_no_error() -> None:
    """L_1 is L^A, and a single draw has no standard error to offer."""
    model = LinearGaussian(shift=1.0)
    data = images_of(model, 3)
    terms = draw_terms(model, data, model.encode(data), draws=1)

    bound = importance_weighted(terms[..., 0] + terms[..., 1] - terms[..., 2])
    elbo = elbo_monte_carlo(*terms.unbind(2))
    analytic = elbo_analytic(terms[..., 0], model.posterior(model.encode(data)))

    torch.testing.assert_close(bound.value, elbo.value)
    torch.testing.assert_close(bound.effective_sample_size, torch.ones(3).double())
    for estimate in (bound, elbo, analytic):
        assert estimate.standard_error.isnan().all()
        assert estimate.standard_error.shape == (3,)


def test_the_standard_error_of_the_bound_is_calibrated() -> None:
    """Over 200 repeats of the experiment the spread of L_K is what its delta-method error says, within 20 %."""
    model = LinearGaussian(shift=0.5, widen=1.2)
    data = images_of(model, 2)[:1]
    repeats = log_weights_of(model, data, draws=400 * 200).reshape(400, 200)

    bound = importance_weighted(repeats)

    assert bound.value.std().item() == pytest.approx(bound.standard_error.mean().item(), rel=0.2)
    assert bound.standard_error.mean() > 0.01


def test_the_standard_error_of_the_elbo_is_calibrated() -> None:
    """Over 200 repeats both forms of the ELBO spread as their errors say, within 20 %."""
    model = LinearGaussian(shift=0.5, widen=1.2)
    data = images_of(model, 2)[:1].expand(200, -1, -1, -1)
    statistics = model.encode(data)
    terms = draw_terms(model, data, statistics, draws=100)

    for elbo in (elbo_monte_carlo(*terms.unbind(2)), elbo_analytic(terms[..., 0], model.posterior(statistics))):
        assert elbo.value.std().item() == pytest.approx(elbo.standard_error.mean().item(), rel=0.2)


def test_chunks_of_draws_give_what_all_draws_at_once_give() -> None:
    """K may be larger than memory: the chunks' sizes change nothing beyond rounding."""
    log_weights = 5 * noise(1000, 7) - 230
    whole = importance_weighted(log_weights)
    for sizes in ([1] * 1000, [999, 1], [1, 499, 500], [250] * 4):
        accumulator = WeightAccumulator(7)

        for chunk in log_weights.split(sizes):
            accumulator.add(chunk)
        found = accumulator.bound()

        assert found.draws == whole.draws == 1000
        torch.testing.assert_close(found.value, whole.value, atol=1e-11, rtol=0)
        torch.testing.assert_close(found.standard_error, whole.standard_error, atol=0, rtol=1e-10)
        torch.testing.assert_close(found.effective_sample_size, whole.effective_sample_size, atol=0, rtol=1e-10)


@pytest.mark.parametrize("offset", [0.0, -230.0, -5000.0, 800.0])
def test_the_bound_agrees_with_a_naive_computation(offset: float) -> None:
    """Mean, standard error and effective size by their definitions, where exp cannot overflow: offsets only add."""
    draws = 2 * noise(50, 4)
    weights = draws.exp()
    error = weights.std(0) / (math.sqrt(50) * weights.mean(0))
    effective = weights.sum(0).square() / weights.square().sum(0)

    found = importance_weighted(draws + offset)

    torch.testing.assert_close(found.value, weights.mean(0).log() + offset, atol=1e-10, rtol=0)
    torch.testing.assert_close(found.standard_error, error, atol=0, rtol=1e-9)
    torch.testing.assert_close(found.effective_sample_size, effective, atol=0, rtol=1e-9)


@pytest.mark.parametrize("spread", [0.0, 1e-9, 0.1, 1.0, 10.0, 300.0])
def test_the_effective_sample_size_lies_between_one_and_the_number_of_draws(spread: float) -> None:
    """Equal weights count fully, one dominating weight counts alone; the error is finite throughout."""
    for draws in (2, 3, 100):
        found = importance_weighted(spread * noise(draws, 20) - 500)

        assert found.effective_sample_size.min() >= 1 - 1e-9
        assert found.effective_sample_size.max() <= draws * (1 + 1e-9)
        assert found.standard_error.isfinite().all()
        if spread == 0:
            torch.testing.assert_close(found.effective_sample_size, torch.full((20,), float(draws)).double())
        if spread == 300:
            assert found.effective_sample_size.min() < 1.01


def test_estimates_are_made_in_float64_from_float32_terms() -> None:
    """10,000 float32 weights near -230 lose nothing in the sum."""
    log_weights = (noise(10_000, 2) - 230).float()

    found = importance_weighted(log_weights).value
    elbo = elbo_monte_carlo(log_weights, torch.zeros(10_000, 2), torch.zeros(10_000, 2)).value

    assert found.dtype == elbo.dtype == torch.float64
    torch.testing.assert_close(found, log_weights.double().exp().mean(0).log(), atol=1e-10, rtol=0)
    torch.testing.assert_close(elbo, log_weights.double().mean(0), atol=1e-10, rtol=0)


def test_both_forms_of_the_elbo_agree_on_a_vae() -> None:
    """L^A and L^B, each with noise of its own, differ by less than four standard errors of their difference."""
    model = tiny_vae(prior="normal")
    data = (torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0)) < 0.3).float()
    with torch.inference_mode():
        statistics = model.encode(data)
        posterior = model.posterior(statistics)
        assert isinstance(posterior, DiagonalNormal)

        sampled = elbo_monte_carlo(*draw_terms(model, data, statistics, draws=400, seed=1).unbind(2))
        analytic = elbo_analytic(draw_terms(model, data, statistics, draws=400, seed=2)[..., 0], posterior)

    error = (sampled.standard_error.square() + analytic.standard_error.square()).sqrt()
    assert error.max() < 1
    assert ((sampled.value - analytic.value).abs() < 4 * error).all()


@pytest.mark.parametrize("prior", ["normal", "realnvp"])
def test_the_evidence_of_a_vae_is_a_probability_of_its_images(prior: str) -> None:
    """For 4 pixels and 2 latents log p(x) can be integrated: the bound meets it for all 16 images, which sum to 1."""
    model = tiny_vae(image_size=2, latent_dim=2, widths=(4,), prior=prior).double()
    images = torch.cartesian_prod(*[torch.tensor([0.0, 1.0]).double()] * 4).reshape(16, 1, 2, 2)
    axis = torch.linspace(-7, 7, 71, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    with torch.inference_mode():
        likelihood, log_prior = model.likelihood(grid), model.log_prior(grid)
        joint = torch.stack([likelihood.log_prob(image.expand(len(grid), -1, -1, -1)) + log_prior for image in images])
        evidence = joint.logsumexp(1) + 2 * math.log((axis[1] - axis[0]).item())

        # Any q(z|x) must do; half of the encoder's answer is wide enough for weights without heavy tails.
        terms = draw_terms(model, images, 0.5 * model.encode(images), draws=2000)
    bound = importance_weighted(terms[..., 0] + terms[..., 1] - terms[..., 2])
    elbo = elbo_monte_carlo(*terms.unbind(2))

    assert evidence.exp().sum().item() == pytest.approx(1, abs=1e-6)
    assert ((bound.value - evidence).abs() < 4 * bound.standard_error).all()
    assert bound.standard_error.max() < 0.05
    assert (elbo.value < evidence + 4 * elbo.standard_error).all()


def test_bits_per_dimension_of_known_codes() -> None:
    """A uniform byte costs 8 bits, a fair coin one; a better image costs fewer."""
    nats = torch.tensor([-784 * math.log(256), -784 * math.log(2), 0.0], dtype=torch.float64)

    assert bits_per_dimension(nats, 784).tolist() == pytest.approx([8, 1, 0])
