"""What blurs is known exactly; the pictures of the lesson are only measured."""

import pytest
import torch
from torch import Tensor

from models_store.classifier import Classifier, ClassifierConfig
from training.data import ImageSet, Split
from training.lecture import blur
from training.metrics import sharpness

WEIGHTS = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64)


def pictures(count: int, *, seed: int) -> Tensor:
    """Random pixels (count, 1, 6, 6) in [0, 1]."""
    return torch.rand(count, 1, 6, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_average_has_the_least_squared_error_by_a_known_margin() -> None:
    """E|x - c|² = E|x - m|² + |c - m|² for every other mean c, each of the sharp pictures among them."""
    modes = pictures(3, seed=0)
    best = blur.independent_optimum(modes, WEIGHTS)

    def expected_error(mean: Tensor) -> Tensor:
        return WEIGHTS @ (modes - mean).square().flatten(1).sum(1)

    for other in (*modes, *pictures(5, seed=1)):
        margin = expected_error(other) - expected_error(best)
        torch.testing.assert_close(margin, (other - best).square().sum())


def test_the_average_is_the_likeliest_mean_of_independent_bits_too() -> None:
    """E log p(b|c) over bits b drawn from the modes falls short of that of the average by KL(m ‖ c)."""
    modes = pictures(3, seed=2)
    best = blur.independent_optimum(modes, WEIGHTS)

    def expected_log_likelihood(mean: Tensor) -> Tensor:
        each = torch.xlogy(modes, mean) + torch.xlogy(1 - modes, 1 - mean)
        return WEIGHTS @ each.flatten(1).sum(1)

    for other in (*modes, *pictures(5, seed=3)):
        shortfall = expected_log_likelihood(best) - expected_log_likelihood(other)
        bits = torch.distributions.Bernoulli(best), torch.distributions.Bernoulli(other)
        torch.testing.assert_close(shortfall, torch.distributions.kl_divergence(*bits).sum())


@pytest.mark.parametrize("shift", [1, 2])
def test_an_ambiguous_edge_is_remembered_as_a_slope(shift: int) -> None:
    """Edges at two places, equally likely: the best mean keeps a quarter or half of the sharpness of either."""
    columns = torch.arange(12, dtype=torch.float64)
    edges = torch.stack([(columns > 4 + move).double().expand(1, 12, 12) for move in (0, shift)])
    best = blur.independent_optimum(edges, torch.full((2,), 0.5, dtype=torch.float64))

    kept = sharpness(best[None]) / sharpness(edges[:1])

    # Laplacians of ±½ in place of ±1: four where the steps lie apart, two where those between them cancel.
    assert kept.item() == pytest.approx(0.25 if shift == 1 else 0.5)


def test_shrinking_keeps_the_mean_of_every_block() -> None:
    """To the rounding of a byte."""
    images = torch.randint(0, 256, (3, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(4))

    small = blur.shrunk(Split(images, None)).images.double()

    blocks = images.double().reshape(3, 1, 4, 2, 4, 2).mean((3, 5))
    assert small.shape == (3, 1, 4, 4)
    assert (small - blocks).abs().max() <= 0.5


def test_real_pictures_pass_and_their_average_does_not() -> None:
    """The same set gets sharpness and overlap 1; copies of the average picture recall nothing and are blurred."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        judge = Classifier(ClassifierConfig(widths=(4,), features=8)).eval()
    real = torch.rand(60, 1, 14, 14, generator=torch.Generator().manual_seed(6))

    found = blur.verdicts(judge, real, {"same": real, "average": real.mean(0, keepdim=True).expand_as(real)})

    assert found["same"].sharpness == pytest.approx(1.0)
    assert found["same"].overlap.precision == found["same"].overlap.recall == 1.0
    assert found["average"].overlap.recall == 0.0
    # The variance of an average of n independent pictures is an n-th of theirs.
    assert found["average"].sharpness == pytest.approx(1 / 60, rel=0.5)


@pytest.mark.parametrize("cost", ["maximum-likelihood", "minimax", "non-saturating"])
def test_training_is_a_function_of_its_seeds(cost: str, fashion: ImageSet) -> None:
    """The same pictures twice, in [0, 1]."""
    train = blur.shrunk(fashion.train.take(torch.arange(200)))
    latents = torch.zeros(2, blur.LATENT_DIM)

    once, again = (blur.gan_pictures(train, latents, cost, steps=2) for _ in range(2))

    torch.testing.assert_close(once, again, rtol=0, atol=0)
    assert once.shape == (2, 1, 14, 14)
    assert 0 <= once.min() <= once.max() <= 1
