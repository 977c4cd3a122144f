"""The flow on images: a bijection with the determinant that autograd finds, and a probability over images."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal

from models_store import Card, image_flow, likelihoods, write_checkpoint
from models_store.checkpoint import read_checkpoint
from models_store.estimators import importance_weighted
from models_store.image_flow import ImageFlow, ImageFlowConfig, Rotation
from models_store.likelihoods import Quantized
from tests.models_store.examples import noise


def bent(*, strength: float = 0.2, **options: object) -> ImageFlow:
    """A small flow in float64 whose couplings, scales and rotations are all far from what a fresh one has."""
    config = ImageFlowConfig(**({"image_size": 4, "widths": (6, 6), "couplings": (2, 2)} | options))  # type: ignore[arg-type]
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = ImageFlow(config).double()
        for parameter in network.parameters():
            parameter.data += strength * torch.randn_like(parameter)
    return network.requires_grad_(False).eval()


def pictures(count: int, size: int = 4, channels: int = 1) -> Tensor:
    """Random levels, the first image black, the last white, in float64."""
    levels = torch.randint(0, 256, (count, channels, size, size), generator=torch.Generator().manual_seed(0))
    levels[0], levels[-1] = 0, 255
    return levels.double() / 255


@pytest.mark.parametrize("channels", [1, 3])
def test_both_ways_undo_each_other(channels: int) -> None:
    """Picture to latents to picture, and latents to picture to latents, to 1e-9 in float64."""
    model = bent(channels=channels)
    points, latents = pictures(9, channels=channels), noise(9, model.latent_dim)

    torch.testing.assert_close(model.point(model.latents(points)[0]), points, atol=1e-9, rtol=0)
    torch.testing.assert_close(model.latents(model.point(latents))[0], latents, atol=1e-9, rtol=1e-9)


def test_the_log_determinant_is_that_of_the_jacobian() -> None:
    """Value and sign, for each picture, against autograd."""
    model, points = bent(), pictures(5)

    found = model.latents(points)[1]

    for point, value in zip(points, found, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda y: model.latents(y[None])[0][0], point)
        assert value.item() == pytest.approx(torch.linalg.slogdet(jacobian.reshape(16, 16))[1].item(), abs=1e-9)


def test_each_latent_depends_on_each_pixel() -> None:
    """Squeezes, rotations and couplings leave no part of the picture to itself."""
    model = bent(couplings=(3, 3))

    jacobian = torch.autograd.functional.jacobian(lambda y: model.latents(y[None])[0][0], pictures(2)[1])

    assert (jacobian != 0).all()


def test_without_couplings_it_is_a_normal_behind_a_logistic_function() -> None:
    """A fresh coupling is the identity; what is left is affine, and its density has a closed form."""
    model = bent(image_size=2, widths=(4,), couplings=(2,))
    for layer in model.layers:
        if isinstance(layer, image_flow.ImageCoupling):
            torch.nn.init.zeros_(layer.rest[-1].weight)  # type: ignore[arg-type]  # of a convolution
            torch.nn.init.zeros_(layer.rest[-1].bias)  # type: ignore[arg-type]  # of a convolution
    margin = image_flow.MARGIN

    def logits(points: Tensor) -> Tensor:
        return torch.logit(margin + (1 - 2 * margin) * points).flatten(1)

    offset = logits(model.point(torch.zeros(1, 4, dtype=torch.float64)))
    matrix = (logits(model.point(torch.eye(4, dtype=torch.float64))) - offset).T
    points = pictures(6, size=2).clamp(0.01, 0.99).requires_grad_()
    values = logits(points)
    slopes = torch.autograd.grad(values.sum(), points)[0].flatten(1)
    expected = MultivariateNormal(offset[0], matrix @ matrix.T).log_prob(values) + slopes.log().sum(1)

    latents, log_determinant = model.latents(points)

    torch.testing.assert_close(model.log_prior(latents) + log_determinant, expected)


def test_no_generator_makes_a_rotation_that_is_none() -> None:
    """Orthogonal with determinant 1, from zero to numbers no training reaches."""
    for scale in (0.0, 1.0, 1e4):
        rotation = Rotation(6).double()
        rotation.generator.data = scale * noise(6, 6)

        matrix = rotation(torch.eye(6, dtype=torch.float64)[..., None, None])[..., 0, 0]

        torch.testing.assert_close(matrix @ matrix.T, torch.eye(6, dtype=torch.float64), atol=1e-9, rtol=0)
        assert torch.linalg.det(matrix).item() == pytest.approx(1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_level_survives_the_way_there_and_back(dtype: torch.dtype) -> None:
    """All 256 levels beside any others: what is decoded from the middle of a bin is its level, to the bit."""
    model = bent(image_size=16, couplings=(4, 4), strength=0.1).to(dtype)
    order = torch.randperm(256, generator=torch.Generator().manual_seed(1))
    flat = torch.arange(256)[:, None].expand(256, 256)
    levels = torch.cat([order.reshape(1, 256), flat]).reshape(-1, 1, 16, 16)
    images = levels.to(dtype) / 255

    decoded = model.decode(model.posterior(model.encode(images)).center)

    assert torch.equal((decoded * 255).round().long(), levels)


def test_a_draw_lies_in_the_cube_of_its_image() -> None:
    """So p(x|z) = 1 for it, and 0 for any other image: what the weights say without going back."""
    model, images = bent(), pictures(50)
    statistics, eps = model.encode(images), noise(50, 16, seed=1)

    latents, _ = model.posterior(statistics).draw(eps)
    own = model.log_weights(images, statistics, eps)
    other = model.log_weights(images.roll(1, 0), statistics, eps)

    assert torch.equal(model.likelihood(latents).log_prob(images), torch.zeros(50, dtype=torch.float64))
    assert torch.equal(model.likelihood(latents).log_prob(images.roll(1, 0)), other[:, 0])
    assert not own[:, 0].any()
    assert other[:, 0].isneginf().all()
    torch.testing.assert_close(own[:, 1], Normal(0.0, 1.0).log_prob(latents).sum(1))


def test_the_density_of_a_draw_is_that_of_uniform_noise() -> None:
    """The density log q(z|x) = -log |det ∂z/∂u|, against autograd through the whole draw from u."""
    model, image, uniforms = (
        bent(),
        pictures(3)[1:2],
        torch.rand(16, generator=torch.Generator().manual_seed(2)).double(),
    )
    posterior = model.posterior(model.encode(image))

    jacobian = torch.autograd.functional.jacobian(
        lambda u: posterior.draw(Normal(0.0, 1.0).icdf(u)[None])[0][0], uniforms
    )
    found = posterior.draw(Normal(0.0, 1.0).icdf(uniforms)[None])[1]

    assert found.item() == pytest.approx(-torch.linalg.slogdet(jacobian)[1].item(), abs=1e-6)


@pytest.fixture
def few_levels(monkeypatch: pytest.MonkeyPatch) -> int:
    """Four levels instead of 256, so that the images of four pixels can be counted."""
    for module in (image_flow, likelihoods):
        monkeypatch.setattr(module, "LEVELS", 4)
    # Much falls beyond both ends, and the density at them is smooth enough for a few nodes of quadrature.
    monkeypatch.setattr(image_flow, "MARGIN", 0.1)
    return 4


def every_image(levels: int) -> Tensor:
    """All images of 2x2 pixels, (levels⁴, 1, 2, 2); the place of each is its number in base `levels`."""
    return torch.tensor(list(itertools.product(range(levels), repeat=4))).double().reshape(-1, 1, 2, 2) / (levels - 1)


def probabilities(model: ImageFlow, images: Tensor, *, nodes: int = 4) -> Tensor:
    """P(x) of each image of four pixels: the weights of `log_weights` integrated over u by Gauss-Legendre."""
    places, shares = (torch.from_numpy(each) for each in np.polynomial.legendre.leggauss(nodes))
    uniforms = torch.cartesian_prod(*[(places + 1) / 2] * 4)
    mass = torch.cartesian_prod(*[shares / 2] * 4).prod(1)
    eps = Normal(0.0, 1.0).icdf(uniforms)
    found = []
    for image in images:
        data = image.expand(len(eps), 1, 2, 2)
        terms = model.log_weights(data, model.encode(data), eps)
        found.append(((terms[:, 0] + terms[:, 1] - terms[:, 2]).exp() * mass).sum())
    return torch.stack(found)


def test_the_images_share_all_the_probability_that_falls_on_them(few_levels: int) -> None:
    """Σ P(x) over every image and the mass outside [0, 1]⁴ make 1; and images are drawn as often as P says.

    P goes from pictures to noise, draws go from noise to pictures: Pearson's χ² compares the two ways.
    """
    model = bent(image_size=2, widths=(4,), couplings=(3,), strength=0.3)
    count, images = 200_000, every_image(few_levels)
    expected = probabilities(model, images)

    points = model.point(noise(count, 4, seed=5))
    inside = ((points >= 0) & (points <= 1)).flatten(1).all(1)
    drawn = (points[inside].flatten(1) * few_levels).long().clamp(max=few_levels - 1)
    numbers = (drawn * few_levels ** torch.arange(3, -1, -1)).sum(1)
    counts = torch.cat([torch.bincount(numbers, minlength=len(images)), (~inside).sum()[None]]).double()

    outside = float((~inside).double().mean())
    assert expected.sum().item() + outside == pytest.approx(1, abs=4 * math.sqrt(outside / count) + 1e-4)
    likely = count * torch.cat([expected, 1 - expected.sum()[None]])
    common = likely > 10
    assert common.sum() > 50, "the flow should spread its mass"
    statistic = ((counts - likely).square() / likely)[common].sum().item()
    degrees = common.sum().item()
    assert abs(statistic - degrees) < 4 * math.sqrt(2 * degrees)


def test_importance_weighting_over_the_cube_finds_the_probability(few_levels: int) -> None:
    """The mean weight of 5000 draws is P(x) within 4 standard errors, and the ELBO lies below."""
    model = bent(image_size=2, widths=(4,), couplings=(3,), strength=0.3)
    images = every_image(few_levels)[[0, 85, 27, 255]]
    exact = probabilities(model, images).log()

    many = images.repeat(5000, 1, 1, 1)
    terms = model.log_weights(many, model.encode(many), noise(len(many), 4))
    log_weights = (terms[:, 0] + terms[:, 1] - terms[:, 2]).reshape(5000, len(images))
    bound = importance_weighted(log_weights)

    assert ((bound.value - exact).abs() < 4 * bound.standard_error).all()
    assert (log_weights.mean(0) < exact).all()


def test_all_mass_of_the_point_likelihood_lies_on_one_image() -> None:
    """The nearest levels have probability 1, a neighbour none; the mean is that image, whatever the location."""
    likelihood = Quantized.of(torch.tensor([[[[-3.0, 0.5]]], [[[1.2, 0.2501]]]]))
    own = torch.tensor([[[[0.0, 128.0]]], [[[255.0, 64.0]]]]) / 255
    near = own + torch.tensor([0.0, 1 / 255])

    assert torch.equal(likelihood.mean, own)
    assert likelihood.log_prob(own).tolist() == [0.0, 0.0]
    assert likelihood.log_prob(near).tolist() == [-math.inf, -math.inf]


def test_rows_do_not_see_each_other() -> None:
    """A row alone gives what the batch gave it, to rounding."""
    model, images, eps = bent().float(), pictures(5).float(), noise(5, 16).float()
    statistics = model.encode(images)
    terms, center, decoded = (
        model.log_weights(images, statistics, eps),
        model.posterior(statistics).center,
        model.decode(eps),
    )

    for row in range(5):
        only = slice(row, row + 1)

        torch.testing.assert_close(model.log_weights(images[only], statistics[only], eps[only]), terms[only])
        torch.testing.assert_close(model.posterior(statistics[only]).center, center[only])
        assert torch.equal(model.decode(eps[only]), decoded[only])


def test_wild_latents_and_noise_stay_finite() -> None:
    """Far from the prior a picture is still one, and noise where Φ rounds to 0 or 1 still has a weight."""
    model, images = bent().float(), pictures(3).float()

    decoded = model.decode(1e3 * noise(3, 16).float())
    terms = model.log_weights(images, model.encode(images), 30 * noise(3, 16).float())

    assert ((decoded >= 0) & (decoded <= 1)).all()
    assert terms.isfinite().all()


def test_the_density_moves_every_parameter() -> None:
    """No weight is dead, no gradient is NaN."""
    model, images = bent().requires_grad_(), pictures(6)

    model.log_weights(images, model.encode(images), noise(6, 16)).sum().backward()

    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_a_checkpoint_holds_all_of_it(tmp_path: Path) -> None:
    """Written and read again it draws the same images, to the bit."""
    model = bent().float()
    write_checkpoint(tmp_path, "flow", model, Card(summary="a bent flow"))

    found = read_checkpoint(tmp_path, "flow")

    assert found.architecture == "flow"
    assert isinstance(found.network, ImageFlow)
    assert torch.equal(found.network.decode(noise(3, 16).float()), model.decode(noise(3, 16).float()))


@pytest.mark.parametrize(
    ("options", "message"),
    [({"image_size": 30}, "30"), ({"couplings": (4,)}, "2 widths"), ({"couplings": (4, 999)}, "128")],
)
def test_a_config_that_makes_no_flow_is_refused(options: dict[str, object], message: str) -> None:
    """The error names the value: a size that cannot be halved, lists of two lengths, too many couplings."""
    with pytest.raises(ValueError, match=message):
        ImageFlowConfig(**options)  # type: ignore[arg-type]  # what a header could say
