"""The table of gaps of a network whose log p(x) can be summed."""

import math

import pytest
import torch

from models_store.likelihoods import to_domain
from models_store.vae import VAE
from tests.conftest import tiny_vae
from training.data import Split
from training.gap import gap_table

IMAGES = 30


def split() -> Split:
    """Grey pictures of four pixels."""
    levels = torch.randint(0, 256, (IMAGES, 1, 2, 2), generator=torch.Generator().manual_seed(3), dtype=torch.uint8)
    return Split(levels, None)


def network(**changes: object) -> VAE:
    return tiny_vae(image_size=2, latent_dim=2, widths=(4,), **changes)


def mean_evidence(model: VAE) -> float:
    """Of the bits that the table sees, by quadrature over both latents."""
    noise = torch.Generator().manual_seed(0)
    pixels = split().shuffled().pixels()
    data = to_domain(pixels, "binarized", torch.rand(pixels.shape, generator=noise))
    axis = torch.linspace(-7, 7, 101)
    grid = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        log_prior, likelihood = model.log_prior(grid), model.likelihood(grid)
        joint = [likelihood.log_prob(image.expand(len(grid), -1, -1, -1)) + log_prior for image in data]
    return float((torch.stack(joint).double().logsumexp(1) + 2 * math.log(float(axis[1] - axis[0]))).mean())


@pytest.mark.parametrize("prior", ["normal", "realnvp"])
def test_the_table_holds_the_true_gap(prior: str) -> None:
    """AIS and IWAE meet the quadrature, the ELBO stays below by what the difference says."""
    model = network(prior=prior)
    truth = mean_evidence(model)

    table = gap_table(model, split(), images=IMAGES, draws=200, temperatures=12, chains=8, seed=0)

    annealed, elbo = table["annealed"], table["elbo"]
    assert annealed["value"] == pytest.approx(truth, abs=4 * annealed["standard_error_of_the_walks"] + 0.01)
    assert table["importance_weighted_200"]["value"] == pytest.approx(truth, abs=0.1)
    assert elbo["value"] < truth - 0.05
    assert table["annealed_less_elbo"]["value"] == pytest.approx(annealed["value"] - elbo["value"], abs=1e-9)
    gap = table["simulated"]["upper_less_lower"]
    assert abs(gap["value"]) < 4 * gap["standard_error"] + 0.01
    assert gap["standard_error"] < 0.1
    assert "30 test images, shuffled once, binarized" in table["protocol"]


def test_a_likelihood_without_exact_draws_has_no_simulated_part() -> None:
    """Of 8-bit images only the three lower bounds are told."""
    table = gap_table(network(likelihood="logistic"), split(), images=3, draws=5, temperatures=3, chains=2, seed=0)

    assert "simulated" not in table
    assert table["elbo"]["value"] < 0


def test_more_images_than_there_are_is_refused() -> None:
    """One image has no standard error, and there are only thirty."""
    for images in (1, IMAGES + 1):
        with pytest.raises(ValueError, match="want 2 to 30"):
            gap_table(network(), split(), images=images, draws=2, temperatures=2, chains=2, seed=0)


def test_the_seed_alone_decides() -> None:
    """The same table twice, another one with another seed."""
    one, again, other = (
        gap_table(network(), split(), images=4, draws=3, temperatures=3, chains=2, seed=seed) for seed in (1, 1, 2)
    )

    assert one == again
    assert one["annealed"] != other["annealed"]


def test_one_draw_gives_the_elbo_twice() -> None:
    """IWAE-1 is the ELBO of that draw."""
    table = gap_table(network(), split(), images=5, draws=1, temperatures=2, chains=2, seed=0)

    assert table["importance_weighted_1_less_elbo"]["value"] == pytest.approx(0, abs=1e-9)
