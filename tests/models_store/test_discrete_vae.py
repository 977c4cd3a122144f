"""The discrete VAE against enumeration of its bits, and its public latent against the bits behind it."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from models_store.checkpoint import Card, read_checkpoint, write_checkpoint
from models_store.discrete_vae import BernoulliPosterior, DiscreteVAE, DiscreteVAEConfig
from models_store.estimators import importance_weighted
from models_store.latents import normals
from models_store.likelihoods import LIKELIHOODS, binarize
from models_store.paths import LatentPath, Method, frame_times
from tests.models_store.examples import noise

BITS = 6


def tiny(**changes: object) -> DiscreteVAE:
    """A discrete VAE of six bits in float64 whose posterior is far from its prior."""
    options: dict[str, object] = {"image_size": 4, "latent_dim": BITS, "widths": (4,), "hidden": 8}
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = DiscreteVAE(DiscreteVAEConfig(**(options | changes)))  # type: ignore[arg-type]  # a test's own
        for parameter in network.parameters():
            parameter.data += 0.3 * torch.randn_like(parameter)
    return network.double().eval()


def pictures(model: DiscreteVAE, count: int) -> Tensor:
    """Binary images, black and white ones among them."""
    shape = (count, *model.image_shape)
    images = binarize(torch.full(shape, 0.5), torch.rand(shape, generator=torch.Generator().manual_seed(0))).double()
    images[0], images[-1] = 0.0, 1.0
    return images


def every_code(bits: int) -> Tensor:
    """All 2ᴰ of them, (2ᴰ, D)."""
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=bits)), dtype=torch.float64)


def joint(model: DiscreteVAE, data: Tensor) -> Tensor:
    """The log of p(x, b) for every code and image, (2ᴰ, B)."""
    codes = every_code(model.latent_dim)
    rows = [model.likelihood_of_bits(code.expand(len(data), -1)).log_prob(data) for code in codes]
    return torch.stack(rows) - model.latent_dim * math.log(2)


def draws(model: DiscreteVAE, data: Tensor, count: int) -> Tensor:
    """Log importance weights (count, B)."""
    statistics = model.encode(data).repeat(count, 1)
    terms = model.log_weights(data.repeat(count, 1, 1, 1), statistics, noise(len(statistics), model.latent_dim))
    return (terms[:, 0] + terms[:, 1] - terms[:, 2]).reshape(count, len(data))


@torch.inference_mode()
def test_log_q_sums_to_one() -> None:
    """Over all codes, for every image."""
    model = tiny()
    posterior = model.posterior(model.encode(pictures(model, 5)))

    log_q = posterior.log_prob(every_code(BITS)[:, None])

    torch.testing.assert_close(log_q.logsumexp(0), torch.zeros(5, dtype=torch.float64))
    torch.testing.assert_close(-(log_q.exp() * log_q).sum(0), posterior.entropy)


@torch.inference_mode()
def test_the_bounds_rise_to_the_enumerated_evidence() -> None:
    """The ELBO and the bound of 2000 draws lie where sums over all codes put them: below log p(x), the second at it."""
    model = tiny()
    data = pictures(model, 5)
    log_joint = joint(model, data)
    evidence = log_joint.logsumexp(0)
    log_q = model.posterior(model.encode(data)).log_prob(every_code(BITS)[:, None])
    elbo = (log_q.exp() * (log_joint - log_q)).sum(0)

    log_weights = draws(model, data, 8_000)
    error = log_weights.std(0) / math.sqrt(len(log_weights))
    groups = torch.stack([importance_weighted(group).value for group in log_weights[:2000].split(5)]).mean(0)
    bound = importance_weighted(log_weights)

    assert (elbo < evidence - 0.1).all()
    assert ((log_weights.mean(0) - elbo).abs() < 4 * error).all()
    assert ((elbo < groups) & (groups < evidence)).all()
    assert ((bound.value - evidence).abs() < 4 * bound.standard_error).all()


@torch.inference_mode()
def test_the_gap_of_the_elbo_is_the_divergence_from_the_true_posterior() -> None:
    """By enumeration log p(x) - ELBO = KL(q(b|x) ‖ p(b|x)) for every image."""
    model = tiny()
    data = pictures(model, 3)
    log_joint = joint(model, data)
    log_true = log_joint - log_joint.logsumexp(0)
    log_q = model.posterior(model.encode(data)).log_prob(every_code(BITS)[:, None])

    elbo = (log_q.exp() * (log_joint - log_q)).sum(0)

    torch.testing.assert_close(log_joint.logsumexp(0) - elbo, (log_q.exp() * (log_q - log_true)).sum(0))


@torch.inference_mode()
def test_weights_of_the_public_latent_are_those_of_the_bits() -> None:
    """The normal that surrounds the bits cancels, in both directions of every coordinate."""
    model = tiny()
    data = pictures(model, 50)
    statistics, eps = model.encode(data), noise(50, BITS)
    latents = model.posterior(statistics).draw(eps)[0]
    bits = (latents > 0).double()

    terms = model.log_weights(data, statistics, eps)

    torch.testing.assert_close(terms[:, 0], model.likelihood_of_bits(bits).log_prob(data))
    expected = -BITS * math.log(2) - model.posterior(statistics).log_prob(bits)
    torch.testing.assert_close(terms[:, 1] - terms[:, 2], expected)
    torch.testing.assert_close(terms[:, 1], Normal(0.0, 1.0).log_prob(latents).sum(1))


@pytest.mark.parametrize("logit", [-11.0, -2.0, 0.0, 0.5, 4.0])
def test_the_density_of_the_latent_integrates_to_one_and_draws_follow_it(logit: float) -> None:
    """For one bit: π and 1 - π to the right and left of 0, a half normal within each, Kolmogorov-Smirnov at 1e-6."""
    posterior = BernoulliPosterior(torch.full((100_000, 1), logit, dtype=torch.float64))
    probability = 1 / (1 + math.exp(-logit))

    latents, log_density = posterior.draw(noise(100_000, 1, seed=8))

    halves = torch.where(latents > 0, probability, 1 - probability)
    torch.testing.assert_close(log_density, (2 * halves).log()[:, 0] + Normal(0.0, 1.0).log_prob(latents)[:, 0])
    ordered = latents[:, 0].sort().values
    below = torch.special.ndtr(ordered)
    cumulative = torch.where(
        ordered > 0, 1 - 2 * probability * torch.special.ndtr(-ordered), 2 * (1 - probability) * below
    )
    ranks = (torch.arange(100_000, dtype=torch.float64) + 0.5) / 100_000
    # P(D > d) ≤ 2 exp(-2 n d²)
    assert (cumulative - ranks).abs().max() < math.sqrt(math.log(2e6) / 200_000)


def test_a_draw_rises_with_its_noise() -> None:
    """One uniform number decides bit and size, so equal noise gives near posteriors near draws."""
    posterior = BernoulliPosterior(torch.tensor([[-3.0, 0.0, 1.0, 7.0]]).expand(2001, 4))

    latents, _ = posterior.draw(torch.linspace(-5, 5, 2001)[:, None].expand(2001, 4))

    assert (latents.diff(dim=0) > 0).all()


def test_with_nothing_known_a_draw_is_its_noise() -> None:
    """At π = ½ the posterior is the prior."""
    eps = noise(1000, 3).float()

    latents, log_density = BernoulliPosterior(torch.zeros(1000, 3)).draw(eps)

    torch.testing.assert_close(latents, eps)
    torch.testing.assert_close(log_density, Normal(0.0, 1.0).log_prob(latents).sum(1))


@pytest.mark.parametrize("value", [-1e9, -12.0, 0.0, 12.0, 1e9])
@torch.inference_mode()
def test_no_encoder_output_and_no_noise_makes_an_infinite_draw(value: float) -> None:
    """And the sign of z always is its bit: float32, noise as far out as ±40 and as near to 0 as it gets."""
    model = tiny().float()
    eps = torch.tensor([-40.0, -13.0, -6.5, -1e-30, 0.0, 1e-30, 6.5, 13.0, 40.0])[:, None].expand(9, BITS)
    posterior = model.posterior(torch.full((9, BITS), value))

    latents, log_density = posterior.draw(eps)

    assert latents.isfinite().all()
    assert (latents != 0).all()
    assert log_density.isfinite().all()
    assert model.log_prior(latents).isfinite().all()
    expected = -BITS * math.log(2) - posterior.log_prob(model.bits(latents))
    torch.testing.assert_close(model.log_prior(latents) - log_density, expected, rtol=1e-4, atol=1e-3)


@torch.inference_mode()
def test_the_center_decodes_to_the_likeliest_bits() -> None:
    """Encode, center, bits: each bit is the one with more than half of the probability."""
    model = tiny()
    statistics = model.encode(pictures(model, 20))
    center = model.posterior(statistics).center

    assert torch.equal(model.bits(center), (statistics > 0).double())
    assert 0 < model.bits(center).mean() < 1
    likeliest = model.posterior(statistics).log_prob(every_code(BITS)[:, None]).max(0).values
    torch.testing.assert_close(model.posterior(statistics).log_prob(model.bits(center)), likeliest)
    torch.testing.assert_close(Normal(0.0, 1.0).cdf(center.abs()), torch.full_like(center, 0.75))


@torch.inference_mode()
def test_seeds_give_every_code_its_share() -> None:
    """Chi-squared of 64 codes from 64,000 seeds: 63 degrees of freedom, below the 1e-6 tail."""
    bits = tiny().bits(torch.from_numpy(normals(5, range(64_000), BITS)))

    codes = (bits.long() * 2 ** torch.arange(BITS)).sum(1)
    counts = torch.bincount(codes, minlength=2**BITS).double()

    assert ((counts - 1000).square() / 1000).sum() < 136


@pytest.mark.parametrize("method", ["slerp", "lerp"])
def test_on_a_path_every_differing_bit_turns_once_and_no_other(method: Method) -> None:
    """From picture to picture through 200 bits, on a loop as well: each leg is a shortest way through the codes."""
    model = tiny(latent_dim=200)
    points = normals(3, range(4), 200)

    frames = LatentPath(points, method, loop=True).at(frame_times(4, 500, loop=True))

    bits = model.bits(torch.from_numpy(frames))
    for leg, (start, end) in enumerate(zip(points, np.roll(points, -1, axis=0), strict=True)):
        ways = torch.cat([bits[500 * leg : 500 * (leg + 1)], model.bits(torch.from_numpy(end[None]))])
        turns = ways.diff(dim=0).abs().sum(0)
        assert torch.equal(turns, (model.bits(torch.from_numpy(start)) != model.bits(torch.from_numpy(end))).float())
        assert 60 < turns.sum() < 140


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@torch.inference_mode()
def test_every_likelihood_scores_and_decodes(likelihood: str) -> None:
    """In colour, pixels in [0, 1]; the magnitude of z is of no account."""
    model = tiny(likelihood=likelihood, channels=3, image_size=8)
    latents = noise(4, BITS)
    data = torch.zeros(4, *model.image_shape, dtype=torch.float64)

    decoded = model.decode(latents)

    assert decoded.shape == data.shape
    assert 0 <= decoded.min() <= decoded.max() <= 1
    assert model.log_weights(data, model.encode(data), latents).isfinite().all()
    assert torch.equal(decoded, model.decode(7 * latents))
    assert not torch.equal(decoded, model.decode(-latents))


def test_a_config_that_makes_no_network_is_refused() -> None:
    """The error names the value."""
    with pytest.raises(ValueError, match="30"):
        DiscreteVAEConfig(image_size=30)
    with pytest.raises(ValueError, match="gauss"):
        DiscreteVAEConfig(likelihood="gauss")  # type: ignore[arg-type]  # what a header could say


@torch.inference_mode()
def test_a_checkpoint_brings_back_the_same_model(tmp_path: Path) -> None:
    """Written and read under its name, it decodes and draws the same to the bit."""
    model = tiny().float()
    write_checkpoint(tmp_path, "bits", model, Card(summary="bits"))

    found = read_checkpoint(tmp_path, "bits").network

    assert isinstance(found, DiscreteVAE)
    assert found.config == model.config
    eps, images = noise(4, BITS).float(), pictures(model, 4).float()
    assert torch.equal(found.decode(eps), model.decode(eps))
    statistics = found.encode(images)
    assert torch.equal(found.posterior(statistics).draw(eps)[0], model.posterior(model.encode(images)).draw(eps)[0])
