"""The architectures: shapes, ranges, rows that do not see each other, and the two views of a learned prior."""

import itertools
import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from models_store import Autoencoder, LatentModel
from models_store.classifier import Classifier, ClassifierConfig
from models_store.dcgan import DCGAN, DCGANConfig
from models_store.likelihoods import LIKELIHOODS, binarize, quantize
from models_store.posteriors import DiagonalNormal, FlowNormal
from models_store.vae import VAE, VAEConfig
from tests.conftest import tiny_dcgan, tiny_vae
from tests.models_store.examples import noise

SHAPES = [(1, 28), (3, 32), (3, 64)]
"""(channels, image size)."""


def pictures(count: int, channels: int, size: int) -> Tensor:
    """Pixels in [0, 1], black and white among them."""
    images = torch.rand(count, channels, size, size, generator=torch.Generator().manual_seed(0))
    images[0], images[-1] = 0.0, 1.0
    return images


def in_domain(model: VAE, images: Tensor) -> Tensor:
    """The images as the model's likelihood wants them."""
    if model.likelihood_family.domain == "8-bit":
        return quantize(images)
    return binarize(images, torch.rand(images.shape, generator=torch.Generator().manual_seed(1)))


@pytest.mark.parametrize(("channels", "size"), SHAPES)
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("prior", ["normal", "realnvp"])
@torch.inference_mode()
def test_a_vae_has_the_shapes_it_promises(channels: int, size: int, likelihood: str, prior: str) -> None:
    """Every size, likelihood and prior encodes, draws, decodes to pixels in [0, 1] and scores with finite terms."""
    model = tiny_vae(channels=channels, image_size=size, likelihood=likelihood, prior=prior)
    images = pictures(2, channels, size)

    statistics = model.encode(images)
    latents, log_density = model.posterior(statistics).draw(noise(2, 6).float())
    decoded = model.decode(latents)
    terms = model.log_weights(in_domain(model, images), statistics, noise(2, 6).float())

    assert model.image_shape == (channels, size, size)
    assert statistics.shape == (2, 12)
    assert latents.shape == model.posterior(statistics).center.shape == (2, model.latent_dim)
    assert log_density.shape == (2,)
    assert decoded.shape == images.shape
    assert 0 <= decoded.min() <= decoded.max() <= 1 + 1e-6
    assert terms.shape == (2, 3)
    assert terms.isfinite().all()


@pytest.mark.parametrize(("channels", "size"), SHAPES)
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@torch.inference_mode()
def test_a_vae_may_make_its_last_doubling_from_maps(channels: int, size: int, likelihood: str) -> None:
    """Deeper, and without feature maps of the full size: the same shapes for every likelihood."""
    model = tiny_vae(channels=channels, image_size=size, likelihood=likelihood, doubling="shuffled", blocks=2)

    assert model.decode(noise(2, 6).float()).shape == (2, channels, size, size)


@pytest.mark.parametrize(("channels", "size"), [(1, 8), *SHAPES])
@torch.inference_mode()
def test_a_dcgan_has_the_shapes_it_promises(channels: int, size: int) -> None:
    """Grey and colour, 8 to 64 pixels: pixels in [0, 1], also for latents far from the prior."""
    model = tiny_dcgan(channels=channels, image_size=size)

    for scale in (0.0, 1.0, 1e4):
        decoded = model.decode(scale * noise(2, 5).float())

        assert decoded.shape == (2, *model.image_shape) == (2, channels, size, size)
        assert 0 <= decoded.min() <= decoded.max() <= 1


@pytest.mark.parametrize("size", [28, 32, 64])
@torch.inference_mode()
def test_a_classifier_has_the_shapes_it_promises(size: int) -> None:
    """Features are not negative, and the logits are read from them alone."""
    model = Classifier(ClassifierConfig(image_size=size, widths=(4, 8), features=5, classes=3)).eval()
    images = pictures(4, 1, size)

    features = model.features(images)

    assert features.shape == (4, 5)
    assert features.min() >= 0
    assert model(images).shape == (4, 3)
    torch.testing.assert_close(model(images), model.head(features))


def test_what_a_model_can_do_is_its_type() -> None:
    """A VAE is an autoencoder, a DCGAN only a latent model, a classifier neither."""
    assert isinstance(tiny_vae(), Autoencoder)
    assert isinstance(tiny_dcgan(), LatentModel)
    assert not isinstance(tiny_dcgan(), Autoencoder)
    assert not issubclass(Classifier, LatentModel)


@torch.inference_mode()
def test_rows_of_a_dcgan_in_eval_mode_do_not_depend_on_their_neighbours() -> None:
    """Padded to one batch size a row has the same bits beside any others; alone it is the same up to rounding."""
    model, latents = tiny_dcgan(), noise(16, 5).float()
    together = model.decode(latents)

    for row in range(16):
        padded = torch.zeros(16, 5)
        padded[row] = latents[row]
        crowd = 100 * noise(16, 5, seed=row).float()
        crowd[row] = latents[row]

        assert torch.equal(model.decode(padded)[row], together[row])
        assert torch.equal(model.decode(crowd)[row], together[row])
        torch.testing.assert_close(model.decode(latents[row : row + 1])[0], together[row])


@pytest.mark.parametrize("prior", ["normal", "realnvp"])
@torch.inference_mode()
def test_rows_of_a_vae_do_not_depend_on_their_neighbours(prior: str) -> None:
    """Encoding, decoding and scoring a row alone gives what the batch gave it."""
    model, images, eps = tiny_vae(prior=prior), pictures(5, 1, 28), noise(5, 6).float()
    statistics, decoded = model.encode(images), model.decode(eps)
    terms = model.log_weights(in_domain(model, images), statistics, eps)

    for row in range(5):
        only = slice(row, row + 1)

        torch.testing.assert_close(model.encode(images[only]), statistics[only])
        torch.testing.assert_close(model.decode(eps[only]), decoded[only])
        alone = model.log_weights(in_domain(model, images)[only], statistics[only], eps[only])
        torch.testing.assert_close(alone, terms[only], rtol=1e-5, atol=1e-3)


def test_the_prior_is_the_standard_normal() -> None:
    """The term log p(z) is that of N(0, I), summed over dimensions, for every kind of model."""
    latents = noise(7, 6)
    expected = Normal(0.0, 1.0).log_prob(latents).sum(1)

    for model in (tiny_vae(), tiny_vae(prior="normal"), tiny_dcgan(latent_dim=6)):
        torch.testing.assert_close(model.log_prior(latents), expected)


@pytest.mark.parametrize("prior", ["normal", "realnvp"])
@torch.inference_mode()
def test_decoding_gives_the_mean_of_the_likelihood(prior: str) -> None:
    """`decode` is E[x|z]; decoding the posterior's center reconstructs from the encoder's mean."""
    model = tiny_vae(prior=prior)
    latents = noise(3, 6).float()
    statistics = model.encode(pictures(3, 1, 28))

    assert torch.equal(model.decode(latents), model.likelihood(latents).mean)
    hidden = model.posterior(statistics).center if model.flow is None else statistics[:, :6]
    reconstructed = model.likelihood_family.of(model.decoder(hidden)).mean
    torch.testing.assert_close(model.decode(model.posterior(statistics).center), reconstructed, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_a_learned_prior_is_the_same_model_seen_from_its_base() -> None:
    """The weight of a draw is log p(x|u) + log p(u) - log q(u), too, for u = flow(z)."""
    model = tiny_vae().double()
    images, eps = in_domain(model, pictures(4, 1, 28).double()), noise(4, 6)
    statistics = model.encode(images)
    posterior = model.posterior(statistics)
    assert isinstance(posterior, FlowNormal)
    assert model.flow is not None

    hidden, log_posterior = posterior.normal.draw(eps)
    base, log_determinant = model.flow.inverse(hidden)
    log_prior = Normal(0.0, 1.0).log_prob(base).sum(1) + log_determinant
    log_likelihood = model.likelihood_family.of(model.decoder(hidden)).log_prob(images)
    terms = model.log_weights(images, statistics, eps)

    torch.testing.assert_close(terms[:, 0], log_likelihood)
    torch.testing.assert_close(terms[:, 1] - terms[:, 2], log_prior - log_posterior)


def test_the_terms_of_a_weight_are_those_of_its_parts() -> None:
    """They are log p(x|z), log p(z), log q(z|x), in that order, at the z drawn by that noise."""
    model = tiny_vae(prior="normal")
    images, eps = in_domain(model, pictures(3, 1, 28)), noise(3, 6).float()
    statistics = model.encode(images)
    posterior = model.posterior(statistics)
    assert isinstance(posterior, DiagonalNormal)
    latents = posterior.mean + posterior.log_scale.exp() * eps

    terms = model.log_weights(images, statistics, eps)

    logits = model.decoder(latents)
    bits = torch.nn.functional.binary_cross_entropy_with_logits(logits, images, reduction="none")
    torch.testing.assert_close(terms[:, 0], -bits.sum((1, 2, 3)), rtol=1e-5, atol=1e-3)
    torch.testing.assert_close(terms[:, 1], Normal(0.0, 1.0).log_prob(latents).sum(1))
    expected = Normal(posterior.mean, posterior.log_scale.exp()).log_prob(latents).sum(1)
    torch.testing.assert_close(terms[:, 2], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("prior", ["normal", "realnvp"])
def test_the_elbo_moves_every_parameter_of_a_vae(likelihood: str, prior: str) -> None:
    """No weight is dead, no gradient is NaN."""
    model = tiny_vae(likelihood=likelihood, prior=prior)
    images = pictures(3, 1, 28)

    terms = model.log_weights(in_domain(model, images), model.encode(images), noise(3, 6).float())
    (terms[:, 0] + terms[:, 1] - terms[:, 2]).sum().backward()

    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@pytest.mark.parametrize("value", [-1e6, 0.0, 1e6])
@torch.inference_mode()
def test_no_encoder_output_makes_an_infinite_draw(value: float) -> None:
    """The scale is bounded on both sides, so a wild encoder gives wide or narrow posteriors and no NaN."""
    model = tiny_vae(prior="normal")
    statistics = torch.zeros(2, 12)
    statistics[:, 6:] = value

    latents, log_density = model.posterior(statistics).draw(noise(2, 6).float())

    assert latents.isfinite().all()
    assert log_density.isfinite().all()
    assert model.decode(latents).isfinite().all()


@pytest.mark.parametrize(("size", "start", "doublings"), [(28, 7, 2), (32, 4, 3), (64, 4, 4), (8, 4, 1)])
def test_a_dcgan_doubles_a_small_picture(size: int, start: int, doublings: int) -> None:
    """From 7 pixels for 28 and from 4 for 32 and 64, each doubling with half the channels, down to `width`."""
    config = DCGANConfig(image_size=size, width=3)
    model = DCGAN(config)
    layers = [layer for layer in model.layers if isinstance(layer, torch.nn.ConvTranspose2d)]

    assert config.doublings == doublings
    assert layers[0].kernel_size == (start, start)
    assert [layer.in_channels for layer in layers[1:]] == [3 * 2**k for k in reversed(range(doublings))]
    for first, second in itertools.pairwise(layers):
        assert first.out_channels == second.in_channels


def test_a_dcgan_covers_each_pixel_equally_often() -> None:
    """With all weights equal the picture has no checkerboard inside its border."""
    layer = DCGAN(DCGANConfig(image_size=32, width=2)).layers[-1]
    assert isinstance(layer, torch.nn.ConvTranspose2d)
    layer.weight.data.fill_(1.0)

    inside = layer(torch.ones(1, 2, 16, 16))[..., 1:-1, 1:-1]

    assert inside.unique().numel() == 1


@pytest.mark.parametrize("size", [0, 1, 4, 7, 29, 31])
def test_a_dcgan_refuses_a_size_it_cannot_double_to(size: int) -> None:
    """The error names the size."""
    with pytest.raises(ValueError, match=str(size)):
        DCGANConfig(image_size=size)


def test_a_vae_refuses_a_config_that_makes_no_network() -> None:
    """The error names the value: a size that cannot be halved, a family or a prior that does not exist."""
    with pytest.raises(ValueError, match="30"):
        VAEConfig(image_size=30)
    with pytest.raises(ValueError, match="gauss"):
        VAEConfig(likelihood="gauss")  # type: ignore[arg-type]  # what a header could say
    with pytest.raises(ValueError, match="vamp"):
        VAEConfig(prior="vamp")  # type: ignore[arg-type]  # what a header could say


def test_a_fresh_vae_starts_near_the_likelihood_of_a_coin() -> None:
    """Untrained, with its flow the identity, -log p(x|z) is of the order of log 2 a pixel: a sum, not a mean."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = VAE(VAEConfig(latent_dim=6, widths=(4, 8), hidden=16))

    terms = model.log_weights(torch.ones(4, 1, 28, 28), model.encode(torch.ones(4, 1, 28, 28)), noise(4, 6).float())

    torch.testing.assert_close(terms[:, 0], torch.full((4,), -784 * math.log(2)), rtol=0.3, atol=0)
