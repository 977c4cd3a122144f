"""How the bound climbs with the draws, on a model whose log p(x) is known."""

import pytest
import torch

from models_store.likelihoods import Domain
from tests.models_store.test_estimators import LinearGaussian
from training.data import Split
from training.rungs import rungs


class OfBytes(LinearGaussian):
    """The same, and it says what its data are."""

    domain: Domain = "8-bit"


@pytest.fixture
def test_images() -> Split:
    return Split(torch.randint(60, 200, (150, 1, 1, 5), generator=torch.Generator().manual_seed(3)).byte(), None)


def test_nothing_is_to_be_climbed_where_the_posterior_is_exact(test_images: Split) -> None:
    """Every weight is p(x) itself, so that one draw says all."""
    model = OfBytes()
    evidence = float(model.log_evidence(test_images.pixels().double()).mean())

    ladder = rungs(model, test_images, images=150, seed=0, draws=(1, 5, 50))

    assert [rung["draws"] for rung in ladder] == [1, 5, 50]
    for rung in ladder:
        assert rung["value"] == pytest.approx(evidence, abs=1e-4)
        assert rung["gain"] == pytest.approx(0.0, abs=1e-4)


def test_more_draws_come_nearer_to_the_evidence_and_the_gains_add_up(test_images: Split) -> None:
    """With a posterior that is wrong, from below, by more than the paired errors."""
    model = OfBytes(shift=1.0, widen=0.8)
    evidence = float(model.log_evidence(test_images.pixels().double()).mean())

    ladder = rungs(model, test_images, images=150, seed=0, draws=(1, 10, 2_000))

    first, second, last = (rung["value"] for rung in ladder)
    assert first < second < last
    assert last == pytest.approx(evidence, abs=0.05)
    assert evidence - first > 0.5
    assert sum(rung["gain"] for rung in ladder) == pytest.approx(last - first)
    assert all(rung["gain"] > 3 * rung["standard_error_of_the_gain"] for rung in ladder[1:])


@pytest.mark.parametrize("images", [1, 151])
def test_a_number_of_images_that_cannot_be_had_is_named(test_images: Split, images: int) -> None:
    """With the limits."""
    with pytest.raises(ValueError, match=f"{images} images: want 2 to 150"):
        rungs(OfBytes(), test_images, images=images, seed=0)
