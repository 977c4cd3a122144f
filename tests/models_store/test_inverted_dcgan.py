"""A DCGAN with an encoder: the generator's own pictures, a descent whose slope is the true one, rows by themselves."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from models_store import Autoencoder, Card, Store, write_checkpoint
from models_store.inverted_dcgan import InvertedDCGAN, InvertedDCGANConfig
from models_store.likelihoods import DiscretizedLogistic
from tests.conftest import tiny_dcgan
from tests.models_store.examples import noise

KINDS = {"grey": {}, "colour": {"channels": 3, "image_size": 32}, "classes": {"classes": 3}}


def tiny_inverted(*, evaluations: int = 12, **changes: object) -> InvertedDCGAN:
    """The tiny DCGAN with an encoder of random weights, and coordinates that are not the plain ones."""
    base = tiny_dcgan(**changes)
    shape = {"encoder_widths": (4, 8), "encoder_hidden": 16, "evaluations": evaluations}
    with torch.random.fork_rng():
        torch.manual_seed(4)
        network = InvertedDCGAN(InvertedDCGANConfig(**vars(base.config), **shape))  # type: ignore[arg-type]
    network.load_state_dict(network.state_dict() | base.state_dict())
    bent = noise(network.latent_dim, network.latent_dim).float()
    network.coordinates.copy_(torch.eye(network.latent_dim) + 0.02 * (bent + bent.T))
    return network.requires_grad_(requires_grad=False).eval()


def pictures(network: InvertedDCGAN, count: int = 8) -> Tensor:
    """Of random levels: nothing that the generator could draw."""
    return torch.rand((count, *network.image_shape), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", KINDS)
@torch.inference_mode()
def test_its_pictures_are_those_of_the_dcgan(kind: str) -> None:
    """Bit for bit, for the same latents."""
    network, base = tiny_inverted(**KINDS[kind]), tiny_dcgan(**KINDS[kind])
    latents = noise(8, network.latent_dim).float()

    assert torch.equal(network.decode(latents), base.decode(latents))


@pytest.mark.parametrize("kind", KINDS)
def test_the_slope_of_the_descent_is_the_derivative(kind: str) -> None:
    """As autograd finds it, to ten digits; none for the latents that choose a class, but that of the prior."""
    network = tiny_inverted(**KINDS[kind]).double()
    latents = noise(8, network.latent_dim).requires_grad_()

    value, slope = network.misfit(latents, pictures(network).double())

    (wanted,) = torch.autograd.grad(value.sum(), latents)
    torch.testing.assert_close(slope, wanted, atol=1e-10, rtol=1e-10)


@torch.inference_mode()
def test_what_the_descent_lowers_is_the_density_of_normal_noise() -> None:
    """-2v log p(x, z) but for a constant, v the variance of the logistic noise."""
    network = tiny_inverted().double()
    latents, images = noise(8, network.latent_dim), pictures(network).double()
    variance = (math.pi * math.exp(float(network.log_scale))) ** 2 / 3
    joint = torch.distributions.Normal(network.decode(latents), math.sqrt(variance)).log_prob(images).flatten(1).sum(1)
    joint = joint + network.log_prior(latents)

    value = network.misfit(latents, images)[0]

    constant = value + 2 * variance * joint
    torch.testing.assert_close(constant, constant[:1].expand(8))


@pytest.mark.parametrize("kind", KINDS)
@torch.inference_mode()
def test_refinement_never_worsens_a_row(kind: str) -> None:
    """Pictures of noise and its own: each is at least as near as it was guessed, and all but a few are nearer."""
    network = tiny_inverted(**KINDS[kind])
    own = network.decode(noise(32, network.latent_dim).float())
    images = torch.cat([own, pictures(network, 32)])
    guess = network.posterior(network.encode(images)).draw(torch.zeros(64, network.latent_dim))[0]

    before, after = (network.misfit(each, images)[0] for each in (guess, network.refined(guess, images)))

    assert (after <= before).all()
    assert (after < before).float().mean() > 0.9


@torch.inference_mode()
def test_own_samples_are_recovered_from_near_by() -> None:
    """With little noise in the likelihood, hence little pull towards 0, the very latents come back."""
    network = tiny_inverted(evaluations=80)
    network.log_scale.fill_(-8.0)
    latents = noise(32, network.latent_dim).float()
    images = network.decode(latents)

    found = network.refined(latents + 0.1 * noise(32, network.latent_dim, seed=1).float(), images)

    errors = (network.decode(found) - images).square().flatten(1).mean(1)
    assert -10 * math.log10(float(errors.median())) > 60
    assert (found - latents).abs().median() < 1e-3


@torch.inference_mode()
def test_a_row_has_the_same_bits_whoever_shares_its_batch() -> None:
    """Sixty-four pictures at once, by eights, sixteens and thirty-twos, and each in another place of its batch."""
    network = tiny_inverted()
    statistics = network.encode(pictures(network, 64))
    whole = network.posterior(statistics).center

    for size in (8, 16, 32, 64):
        for places in (1, 3):
            moved = torch.cat([network.posterior(part).center for part in statistics.roll(places, 0).split(size)])
            assert torch.equal(moved.roll(-places, 0), whole)


def test_no_gradient_is_left_behind() -> None:
    """The answer asks for none, no parameter has any, and inference mode gives the same bits."""
    network = tiny_inverted()
    statistics = network.encode(pictures(network))

    found = network.posterior(statistics).center
    with torch.inference_mode():
        same = network.posterior(network.encode(pictures(network))).center

    assert torch.equal(found, same)
    assert not found.requires_grad
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in network.parameters())


@torch.inference_mode()
def test_a_score_is_of_the_noise_around_what_is_drawn() -> None:
    """A discretized logistic at G(z); z is drawn around the guess, not around what it was refined to."""
    network = tiny_inverted()
    data = torch.round(pictures(network) * 255) / 255
    statistics, eps = network.encode(data), noise(8, network.latent_dim).float()
    drawn, log_posterior = network.posterior(statistics).draw(eps)
    mean, log_scale = statistics[:, : 2 * network.latent_dim].chunk(2, dim=1)

    terms = network.log_weights(data, statistics, eps)

    scales = torch.full_like(data, float(network.log_scale))
    torch.testing.assert_close(drawn, mean + log_scale.exp() * eps)
    torch.testing.assert_close(terms[:, 0], DiscretizedLogistic(network.decode(drawn), scales).log_prob(data))
    assert torch.equal(terms[:, 2], log_posterior)


@pytest.mark.parametrize("log_scale", [-1e30, 1e30])
@torch.inference_mode()
def test_noise_of_an_absurd_width_gives_numbers_all_the_same(log_scale: float) -> None:
    """A checkpoint may say anything that is finite."""
    network = tiny_inverted()
    network.log_scale.fill_(log_scale)
    data = torch.round(pictures(network) * 255) / 255
    statistics = network.encode(data)

    assert network.log_weights(data, statistics, noise(8, network.latent_dim).float()).isfinite().all()
    assert network.posterior(statistics).center.isfinite().all()


def test_it_comes_back_from_the_store_as_what_it_is(tmp_path: Path) -> None:
    """An autoencoder of its own architecture beside the DCGAN that it also is, with the same answers."""
    network = tiny_inverted()
    write_checkpoint(tmp_path, "inverted", network, Card(summary="a test"))
    write_checkpoint(tmp_path, "plain", tiny_dcgan(), Card(summary="a test"))

    store = Store.load(tmp_path)

    found = store["inverted"]
    assert (found.architecture, store["plain"].architecture) == ("inverted-dcgan", "dcgan")
    assert isinstance(found.network, Autoencoder)
    assert found.network.config == network.config
    statistics = network.encode(pictures(network))
    assert torch.equal(found.network.posterior(statistics).center, network.posterior(statistics).center)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"evaluations": 0}, "evaluations"),
        ({"evaluations": 1001}, "evaluations 1001: at most 1000"),
        ({"encoder_widths": (4, 4, 4)}, "image_size 28"),
        ({"encoder_hidden": 0}, "encoder_hidden"),
        ({"width": 0}, "width"),
    ],
)
def test_a_config_that_is_none_is_refused(change: dict[str, object], named: str) -> None:
    """The error names the field."""
    with pytest.raises(ValueError, match=named):
        InvertedDCGANConfig(**change)  # type: ignore[arg-type]  # what a header could say
