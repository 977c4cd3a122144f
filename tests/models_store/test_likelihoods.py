"""Every p(x|z) is a probability of its domain: enumerated over all images, finite at its extremes, its mean right."""

import math
from itertools import product

import pytest
import torch
from torch import Tensor

from models_store.likelihoods import (
    LEVELS,
    LIKELIHOODS,
    Bernoulli,
    Categorical,
    DiscretizedLogistic,
    binarize,
    quantize,
)
from tests.models_store.examples import noise

ALL_LEVELS = torch.arange(LEVELS, dtype=torch.float64).reshape(-1, 1, 1, 1) / (LEVELS - 1)
"""Each 8-bit image of one pixel, (256, 1, 1, 1)."""


def one_pixel(location: float, log_scale: float, dtype: torch.dtype = torch.float64) -> DiscretizedLogistic:
    """The same distribution for each of the 256 levels; it takes gradients."""
    size = (LEVELS, 1, 1, 1)
    return DiscretizedLogistic(
        torch.full(size, location, dtype=dtype, requires_grad=True),
        torch.full(size, log_scale, dtype=dtype, requires_grad=True),
    )


def test_bernoulli_probabilities_of_all_images_sum_to_one() -> None:
    """Over the 16 binary images of four pixels, for logits near and far from zero."""
    images = torch.tensor(list(product([0.0, 1.0], repeat=4)), dtype=torch.float64).reshape(16, 1, 2, 2)
    for scale in (0.1, 1.0, 30.0):
        logits = scale * noise(1, 1, 2, 2)

        log_probabilities = Bernoulli(logits.expand(16, 1, 2, 2)).log_prob(images)

        assert log_probabilities.shape == (16,)
        assert log_probabilities.exp().sum().item() == pytest.approx(1, abs=1e-12)
        mean = (log_probabilities.exp()[:, None, None, None] * images).sum(0)
        torch.testing.assert_close(Bernoulli(logits).mean[0], mean)


def test_bernoulli_of_a_fair_coin_costs_one_bit_a_pixel() -> None:
    """Zero logits: log ½ for each pixel and channel, summed and not averaged."""
    likelihood = Bernoulli.of(torch.zeros(2, 3, 4, 5))

    found = likelihood.log_prob(torch.randint(0, 2, (2, 3, 4, 5)).float())

    torch.testing.assert_close(found, torch.full((2,), -60 * math.log(2)))


@pytest.mark.parametrize("logit", [-1e4, -100.0, 100.0, 1e4])
@pytest.mark.parametrize("bit", [0.0, 1.0])
def test_bernoulli_of_a_certain_pixel_is_finite(logit: float, bit: float) -> None:
    """A wrong bit costs |logit| nats, a right one nothing, and the gradient is the error of the mean."""
    logits = torch.full((1, 1, 1, 1), logit, requires_grad=True)
    wrong = (logit > 0) != (bit > 0)

    found = Bernoulli(logits).log_prob(torch.full((1, 1, 1, 1), bit))
    found.sum().backward()

    assert found.item() == pytest.approx(-abs(logit) if wrong else 0.0)
    assert logits.grad is not None
    assert logits.grad.item() == pytest.approx(bit - float(logit > 0), abs=1e-6)


@pytest.mark.parametrize("location", [-100.0, -1.0, 0.0, 0.1234, 0.5, 1.0, 1.7, 100.0])
@pytest.mark.parametrize("log_scale", [-8.0, -5.5, -3.0, 0.0, 2.0])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-4)])
def test_logistic_probabilities_of_all_levels_sum_to_one(
    location: float, log_scale: float, dtype: torch.dtype, tolerance: float
) -> None:
    """The bins tile the line, tails included, also far outside the picture and much narrower than a bin."""
    log_probabilities = one_pixel(location, log_scale, dtype).log_prob(ALL_LEVELS.to(dtype))

    assert log_probabilities.exp().sum().item() == pytest.approx(1, abs=tolerance)


@pytest.mark.parametrize("location", [-1e4, -100.0, -1.0, 0.0, 0.5, 1.0, 2.0, 100.0, 1e4])
@pytest.mark.parametrize("log_scale", [-8.0, -3.0, 0.0, 2.0])
def test_logistic_is_finite_with_finite_gradients_in_float32(location: float, log_scale: float) -> None:
    """Also for the levels whose branch is not taken: no 0·∞ comes back through `where`."""
    likelihood = one_pixel(location, log_scale, torch.float32)

    log_probabilities = likelihood.log_prob(ALL_LEVELS.float())
    log_probabilities.sum().backward()

    assert log_probabilities.isfinite().all()
    assert likelihood.location.grad is not None
    assert likelihood.log_scale.grad is not None
    assert likelihood.location.grad.isfinite().all()
    assert likelihood.log_scale.grad.isfinite().all()


@pytest.mark.parametrize("location", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("log_scale", [-5.0, -3.0, -1.0])
def test_logistic_is_the_difference_of_two_distribution_functions(location: float, log_scale: float) -> None:
    """The mass of a level is F(level + half a bin) - F(level - half a bin), the end bins open."""
    edges = (torch.arange(257, dtype=torch.float64) - 0.5) / 255
    edges[0], edges[-1] = -math.inf, math.inf
    cumulated = torch.sigmoid((edges - location) / math.exp(log_scale))

    masses = one_pixel(location, log_scale).log_prob(ALL_LEVELS).exp()

    torch.testing.assert_close(masses, cumulated.diff(), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("log_scale", [-8.0, -3.0, 2.0])
def test_logistic_in_float32_agrees_with_float64(log_scale: float) -> None:
    """Single precision loses less than 1e-4 of a log-probability, in the tails as in the middle."""
    for location in torch.linspace(-0.5, 1.5, 17).tolist():
        exact = one_pixel(location, log_scale).log_prob(ALL_LEVELS)

        single = one_pixel(location, log_scale, torch.float32).log_prob(ALL_LEVELS.float())

        torch.testing.assert_close(single.double(), exact, rtol=1e-4, atol=1e-4)


def test_logistic_of_a_decoder_is_centred_and_bounded() -> None:
    """Zero output means mid-grey, and no output makes a scale of zero or infinity."""
    output = torch.zeros(2, 6, 4, 4)
    output[1, 3:] = 1e9
    output[0, 3:] = -1e9

    likelihood = DiscretizedLogistic.of(output)

    assert likelihood.location.shape == likelihood.log_scale.shape == (2, 3, 4, 4)
    assert (likelihood.location == 0.5).all()
    assert likelihood.log_prob(torch.ones(2, 3, 4, 4)).isfinite().all()


@pytest.mark.parametrize("location", [0.25, 0.5, 0.8])
def test_a_narrow_logistic_inside_the_picture_has_its_location_as_mean(location: float) -> None:
    """Where neither tail is cut off, E[x|z] enumerated over the levels is the location."""
    likelihood = one_pixel(location, -4.5)

    enumerated = (likelihood.log_prob(ALL_LEVELS).exp() * ALL_LEVELS.flatten()).sum()

    assert likelihood.mean[0].item() == pytest.approx(enumerated.item(), abs=1e-6)


def test_the_mean_of_a_logistic_stays_in_the_picture() -> None:
    """Locations outside [0, 1] still decode to pixels."""
    assert one_pixel(-3.0, -5.0).mean.min().item() == pytest.approx(0, abs=1e-6)
    assert one_pixel(4.0, -5.0).mean.max().item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("scale", [0.0, 1.0, 50.0])
def test_categorical_probabilities_of_all_levels_sum_to_one(scale: float) -> None:
    """And the mean is Σ p·level, for one pixel."""
    logits = scale * noise(1, LEVELS, 1, 1, 1)

    log_probabilities = Categorical(logits.expand(LEVELS, -1, -1, -1, -1)).log_prob(ALL_LEVELS)

    assert log_probabilities.exp().sum().item() == pytest.approx(1, abs=1e-12)
    enumerated = (log_probabilities.exp() * ALL_LEVELS.flatten()).sum()
    assert Categorical(logits).mean.item() == pytest.approx(enumerated.item())


def test_categorical_keeps_channels_and_pixels_apart() -> None:
    """Each pixel and channel reads its own 256 logits: the image that follows them has probability one."""
    wanted = torch.randint(0, LEVELS, (2, 3, 4, 5), generator=torch.Generator().manual_seed(0))
    logits = 100.0 * torch.nn.functional.one_hot(wanted, LEVELS).movedim(-1, 1).double()
    likelihood = Categorical.of(logits.flatten(1, 2))
    image = wanted.double() / 255

    assert likelihood.logits.shape == (2, LEVELS, 3, 4, 5)
    torch.testing.assert_close(likelihood.log_prob(image), torch.zeros(2).double(), atol=1e-9, rtol=0)
    torch.testing.assert_close(likelihood.mean, image, atol=1e-9, rtol=0)
    image[1, 2, 3, 4] = (wanted[1, 2, 3, 4] ^ 1) / 255
    torch.testing.assert_close(likelihood.log_prob(image), torch.tensor([0.0, -100.0]).double(), atol=1e-9, rtol=0)


@pytest.mark.parametrize("family", LIKELIHOODS.values(), ids=LIKELIHOODS.keys())
def test_a_log_probability_is_the_sum_over_pixels_of_its_own_row(family: type[Bernoulli]) -> None:
    """Pixels are independent given z, and no row sees another."""
    output = noise(3, family.maps * 2, 2, 3)
    image = binarize(torch.rand(3, 2, 2, 3), torch.rand(3, 2, 2, 3)).double()
    whole = family.of(output)

    found = whole.log_prob(image)

    assert found.shape == (3,)
    assert whole.mean.shape == image.shape
    for row in range(3):
        alone = family.of(output[row : row + 1])
        torch.testing.assert_close(alone.log_prob(image[row : row + 1]), found[row : row + 1])
    columns = [family.of(output[..., x : x + 1]).log_prob(image[..., x : x + 1]) for x in range(3)]
    torch.testing.assert_close(torch.stack(columns).sum(0), found)


@pytest.mark.parametrize("family", LIKELIHOODS.values(), ids=LIKELIHOODS.keys())
def test_a_mean_is_a_picture_whatever_the_decoder_says(family: type[Bernoulli]) -> None:
    """E[x|z] lies in [0, 1]."""
    for scale in (0.0, 1.0, 1e3):
        mean = family.of((scale * noise(2, family.maps, 3, 3)).float()).mean

        assert mean.shape == (2, 1, 3, 3)
        assert 0 <= mean.min() <= mean.max() <= 1 + 1e-6


def test_the_domain_of_each_family_is_named() -> None:
    """Bits for the Bernoulli, bytes for the others."""
    assert {name: family.domain for name, family in LIKELIHOODS.items()} == {
        "bernoulli": "binarized",
        "categorical": "8-bit",
        "logistic": "8-bit",
    }


def test_binarized_bits_have_the_pixel_as_their_probability() -> None:
    """Over evenly spaced uniforms the share of ones is the pixel; black and white are certain."""
    uniforms = ((torch.arange(1000) + 0.5) / 1000).double()
    for pixel in (0.0, 0.001, 0.25, 0.5, 0.999, 1.0):
        bits = binarize(torch.full_like(uniforms, pixel), uniforms)

        assert set(bits.tolist()) <= {0.0, 1.0}
        assert bits.mean().item() == pytest.approx(pixel, abs=1e-12)


def test_binarizing_a_binary_image_changes_nothing() -> None:
    """Bits stay what they are, even for a uniform of exactly zero."""
    image = torch.tensor([0.0, 1.0, 0.0, 1.0])

    assert torch.equal(binarize(image, torch.tensor([0.0, 0.0, 0.999999, 0.999999])), image)


def test_quantized_pixels_are_the_nearest_levels() -> None:
    """At most half a level away, each level its own, and nothing is left to do a second time."""
    images = torch.linspace(0, 1, 10_001)

    levels = quantize(images)

    assert ((levels - images).abs() <= 0.5 / 255 + 1e-6).all()
    assert torch.equal(quantize(levels), levels)
    assert len(levels.unique()) == LEVELS
    exact: Tensor = torch.arange(LEVELS) / 255
    assert torch.equal(quantize(exact), exact)
