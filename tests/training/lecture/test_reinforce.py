"""Eight bits on pictures of bars: the enumeration against other closed forms, the estimators against it."""

import math
from pathlib import Path

import pytest
import torch

from models_store.discrete_vae import DiscreteVAE
from training.lecture import bars, reinforce
from training.score_function import ESTIMATORS, vimco

COUNT = 1500


@pytest.fixture(scope="module")
def data() -> torch.Tensor:
    """Four pictures."""
    return bars.bars(4, seed=9)


@pytest.fixture(scope="module")
def model(data: torch.Tensor) -> DiscreteVAE:
    """On its way to the bars, its posteriors widened to |logits| ≤ 3.

    The mean of some thousand estimates is near a normal only where both values of a bit turn up in them.
    """
    network = bars.train_exactly(steps=75)[0].requires_grad_(requires_grad=False)
    largest = network.encode(data).abs().max()
    for parameter in network.encoder[-1].parameters():
        parameter.mul_(3 / largest)
    return network


def test_bars_have_their_share_of_white() -> None:
    """A pixel is white unless neither its row nor its column is a bar: 1 - (3/4)², within 4 standard errors."""
    pictures = bars.bars(20_000, seed=0).flatten(1)

    error = pictures.mean(1).std() / math.sqrt(len(pictures))

    assert (pictures.mean() - (1 - 0.75**2)).abs() < 4 * error
    assert set(pictures.unique().tolist()) == {0.0, 1.0}
    every, probabilities = bars.every_picture()
    assert probabilities.sum().item() == pytest.approx(1)
    assert (probabilities @ every.flatten(1).mean(1)).item() == pytest.approx(1 - 0.75**2)


def test_the_entropy_is_that_of_drawn_pictures() -> None:
    """Minus the mean of log p over pictures drawn, p counted from others, and below the 8 H(¼) of the choices."""
    weights = 2.0 ** torch.arange(16)
    known, fresh = (bars.bars(200_000, seed=seed).flatten(1) @ weights for seed in (1, 2))
    counts = torch.bincount(known.long(), minlength=2**16)[fresh.long()]

    surprise = -(counts.clamp(min=0.5) / len(known)).log()

    assert bars.entropy() == pytest.approx(surprise.mean().item(), abs=0.01)
    assert bars.entropy() < 8 * 0.5623


@torch.no_grad()
def test_the_table_holds_the_likelihoods_of_the_model(model: DiscreteVAE, data: torch.Tensor) -> None:
    """Row by row what the network says itself, and the ELBO made of it is the mean of its weights."""
    table = bars.log_likelihoods(model, data)
    codes = bars.codes()

    for index in range(len(data)):
        expected = model.likelihood_of_bits(codes).log_prob(data[index].expand(256, -1, -1, -1))
        torch.testing.assert_close(table[:, index], expected, rtol=1e-4, atol=1e-4)

    noise = torch.randn(4 * COUNT, bars.BITS, generator=torch.Generator().manual_seed(1))
    terms = model.log_weights(data.repeat(COUNT, 1, 1, 1), model.encode(data).repeat(COUNT, 1), noise)
    weights = (terms[:, 0] + terms[:, 1] - terms[:, 2]).reshape(COUNT, 4)
    assert ((weights.mean(0) - bars.elbo(model, data)).abs() < 4 * weights.std(0) / math.sqrt(COUNT)).all()


def test_the_exact_gradient_is_the_effect_of_turning_each_bit(model: DiscreteVAE, data: torch.Tensor) -> None:
    """∂E[f]/∂ℓ = π(1 - π) (E[f | bit is 1] - E[f | bit is 0]), a sum without any derivative."""
    with torch.no_grad():
        logits = model.posterior(model.encode(data)).logits
        log_q = model.posterior(logits).log_prob(bars.codes()[:, None])
        parts = log_q.exp() * bars.log_likelihoods(model, data)
    on = torch.sigmoid(logits)
    ones = torch.einsum("cb,cd->bd", parts, bars.codes()) / on
    zeros = torch.einsum("cb,cd->bd", parts, 1 - bars.codes()) / (1 - on)

    torch.testing.assert_close(bars.exact_gradient(model, data), on * (1 - on) * (ones - zeros), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", reinforce.NAMES)
def test_the_estimators_that_train_against_enumeration(name: str, model: DiscreteVAE, data: torch.Tensor) -> None:
    """The unbiased meet it within 4 standard errors in every bit of every picture, VIMCO its own; the others fail."""
    exact = bars.exact_vimco_gradient(model, data) if name == "vimco" else bars.exact_gradient(model, data)
    estimator = {**ESTIMATORS, "vimco": vimco}.get(name) or bars.fitted_nvil(model, data, steps=100)

    found = bars.estimates(model, data, estimator, count=COUNT, seed=1)

    distance = (found.mean(0) - exact).abs() / (found.std(0) / math.sqrt(COUNT)).clamp(min=1e-6)
    assert (distance > 8).any() if name in reinforce.BIASED else (distance < 4).all()


def test_baselines_and_pairs_lower_the_variance(data: torch.Tensor) -> None:
    """At first f is nearly a constant c and REINFORCE pays c² Σ π(1 - π) / K for it, the others almost nothing."""
    model = bars.learned(bars.fresh())
    with torch.no_grad():
        on = torch.sigmoid(model.posterior(model.encode(data)).logits)
        constants = bars.log_likelihoods(model, data).mean(0)
    estimators = {**ESTIMATORS, "nvil": bars.fitted_nvil(model, data, steps=100)}

    found = {
        name: bars.estimates(model, data, estimators[name], count=COUNT).var(0).sum(1)
        for name in ("reinforce", "nvil", "leave-one-out", "disarm")
    }

    expected = constants.square() * (on * (1 - on)).sum(1) / bars.DRAWS
    torch.testing.assert_close(found["reinforce"], expected, rtol=0.1, atol=0.0)
    for name in ("nvil", "leave-one-out", "disarm"):
        assert (found[name] < 1e-2 * found["reinforce"]).all()
    assert found["disarm"].mean() < found["leave-one-out"].mean()


def test_training_by_estimates_lifts_the_exact_elbo() -> None:
    """Above what any model without bits can reach, -16 H(7/16), and below the entropy, which none passes."""
    without_bits = 16 * sum(share * math.log(share) for share in (7 / 16, 9 / 16))

    curve = bars.train(bars.fresh(steps=125), steps=125)

    assert without_bits < curve[-1] < -bars.entropy()
    assert curve[0] < curve[-1]


@pytest.mark.slow
def test_the_lesson_draws_its_figure(tmp_path: Path) -> None:
    """In small: a picture of some size, and every finding is a number."""
    findings = reinforce.lesson(tmp_path / "figure.png", draws=100, steps=25, exact_steps=25, count=20, images=2)

    assert (tmp_path / "figure.png").stat().st_size > 5000
    assert all(math.isfinite(value) for value in findings.values())
