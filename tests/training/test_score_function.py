"""Gradients through bits against enumeration of all of them, and variances against their closed forms."""

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli

from training.score_function import (
    LearnedBaseline,
    disarm,
    gumbel_softmax,
    leave_one_out,
    nvil,
    reinforce,
    straight_through,
    vimco,
)

LOGITS = torch.tensor([-2.0, 0.0, 0.7, 1.5], dtype=torch.float64)
CODES = torch.tensor(list(itertools.product((0.0, 1.0), repeat=4)), dtype=torch.float64)
COUNT = 30_000
MIXED = torch.tensor([[1.0, -0.5, 0.3, 0.8], [0.2, 1.1, -0.9, 0.4]], dtype=torch.float64)
"""What the cost makes of the bits before it bends them."""

Estimator = Callable[[Tensor, Callable[[Tensor], Tensor], torch.Generator, int], Tensor]


def cost(bits: Tensor, *, mixed: Tensor = MIXED) -> Tensor:
    """A curved function of all bits at once, far from zero, (..., D) -> (...)."""
    return 3.0 + (bits @ mixed.T - 0.4).square().sum(-1) + torch.sin(2 * bits.sum(-1))


def fixed_nvil(logits: Tensor, f: Callable[[Tensor], Tensor], noise: torch.Generator, draws: int) -> Tensor:
    """With a baseline that depends on the row, as on an image, and a scale that the caller knows."""
    baseline = torch.linspace(-1, 8, len(logits), dtype=logits.dtype)
    return nvil(logits, f, noise, draws, baseline=baseline, scale=1 / 3) / 3


UNBIASED: dict[str, tuple[Estimator, int]] = {
    "REINFORCE, 1 draw": (reinforce, 1),
    "REINFORCE, 3 draws": (reinforce, 3),
    "NVIL": (fixed_nvil, 1),
    "leave-one-out, 2 draws": (leave_one_out, 2),
    "leave-one-out, 5 draws": (leave_one_out, 5),
    "DisARM, 1 pair": (disarm, 2),
    "DisARM, 3 pairs": (disarm, 6),
}
BIASED: dict[str, Estimator] = {"straight-through": straight_through, "Gumbel-softmax": gumbel_softmax}


def estimates(estimator: Estimator, draws: int, f: Callable[[Tensor], Tensor] = cost) -> Tensor:
    """(COUNT, D), independent of one another."""
    logits = LOGITS.expand(COUNT, -1).clone().requires_grad_()
    surrogate = estimator(logits, f, torch.Generator().manual_seed(7), draws)
    (gradients,) = torch.autograd.grad(surrogate.sum(), logits)
    return gradients


def distance(found: Tensor, exact: Tensor) -> Tensor:
    """Of the mean from the truth, in standard errors, (D,)."""
    return (found.mean(0) - exact).abs() / (found.std(0) / math.sqrt(len(found)))


def exact_gradient() -> Tensor:
    """Of E[f(b)] with respect to the logits, by enumeration, (D,)."""
    logits = LOGITS.clone().requires_grad_()
    probabilities = Bernoulli(logits=logits).log_prob(CODES).sum(1).exp()
    (gradient,) = torch.autograd.grad((probabilities * cost(CODES)).sum(), logits)
    return gradient


@pytest.mark.parametrize("name", UNBIASED)
def test_the_unbiased_meet_enumeration(name: str) -> None:
    """Within 4 standard errors in every logit."""
    assert (distance(estimates(*UNBIASED[name]), exact_gradient()) < 4).all()


@pytest.mark.parametrize("name", BIASED)
def test_the_biased_fail_the_same_test(name: str) -> None:
    """By far, in some logit; more draws would only make them surer."""
    assert (distance(estimates(BIASED[name], 2), exact_gradient()) > 20).any()


@pytest.mark.parametrize("name", BIASED)
def test_the_biased_are_right_where_the_cost_is_a_plane(name: str) -> None:
    """Straight-through has no bias there; the relaxation keeps one, as E[σ((ℓ + noise) / τ)] is not σ(ℓ)."""
    slope = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)
    probabilities = torch.sigmoid(LOGITS)
    exact = slope * probabilities * (1 - probabilities)

    found = estimates(BIASED[name], 2, lambda bits: bits @ slope)

    if name == "straight-through":
        torch.testing.assert_close(found.mean(0), exact)
    else:
        assert (distance(found, exact) > 20).any()


@pytest.mark.parametrize("draws", [2, 3])
def test_vimco_meets_the_gradient_of_its_own_bound(draws: int) -> None:
    """Of E[log 1/K Σ exp(f(b) - log q(b))] over all K-tuples of codes."""
    logits = LOGITS.clone().requires_grad_()
    log_q = Bernoulli(logits=logits).log_prob(CODES).sum(1)
    tuples = torch.cartesian_prod(*[torch.arange(16)] * draws)
    bounds = (cost(CODES) - log_q)[tuples].logsumexp(1) - math.log(draws)
    (exact,) = torch.autograd.grad((log_q[tuples].sum(1).exp() * bounds).sum(), logits)

    found = estimates(vimco, draws)

    assert (distance(found, exact) < 4).all()


@pytest.mark.parametrize("name", [*UNBIASED, "VIMCO"])
def test_the_parameters_of_the_cost_get_their_ordinary_gradient(name: str) -> None:
    """Which is the mean of ∂f/∂parameter over the draws; VIMCO weighs the draws, and its bound's gradient is that."""
    estimator, draws = (vimco, 2) if name == "VIMCO" else UNBIASED[name]
    mixed = MIXED.clone().requires_grad_()
    seen: list[Tensor] = []

    def observed(bits: Tensor) -> Tensor:
        seen.append(bits)
        return cost(bits, mixed=mixed)

    surrogate = estimator(LOGITS.expand(50, -1), observed, torch.Generator().manual_seed(1), draws)
    (found,) = torch.autograd.grad(surrogate.sum(), mixed)

    values = cost(seen[0], mixed=mixed)
    expected = values.mean(0)
    if name == "VIMCO":
        log_q = Bernoulli(logits=LOGITS).log_prob(seen[0]).sum(-1)
        expected = (values - log_q).logsumexp(0)
    scale = 1 / 3 if name == "NVIL" else 1.0
    torch.testing.assert_close(found, scale * torch.autograd.grad(expected.sum(), mixed)[0])


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.8])
def test_variances_of_one_bit_are_the_closed_forms(probability: float) -> None:
    """For f(1) = 5, f(0) = 2 and p, q: what enumeration of the draws gives; DisARM knows a fair bit without error."""
    p, q, high, low = probability, 1 - probability, 5.0, 2.0
    step, mean = high - low, (high - low) * p * q
    expected = {
        reinforce: (p * (high * q) ** 2 + q * (low * p) ** 2 - mean**2, 1),
        leave_one_out: (step**2 * p * q * (0.5 - p * q), 2),
        disarm: (step**2 * max(p, q) ** 2 * min(p, q) * (0.5 - min(p, q)), 2),
    }
    logits = torch.full((200_000, 1), math.log(p / q), dtype=torch.float64)

    for estimator, (variance, draws) in expected.items():
        leaf = logits.clone().requires_grad_()
        surrogate = estimator(leaf, lambda bits: low + step * bits[..., 0], torch.Generator().manual_seed(2), draws)
        (found,) = torch.autograd.grad(surrogate.sum(), leaf)

        assert found.var().item() == pytest.approx(variance, rel=0.03, abs=1e-12)


def test_pairs_and_baselines_want_their_number_of_draws() -> None:
    """The error says the number."""
    noise = torch.Generator()
    with pytest.raises(ValueError, match="3"):
        disarm(LOGITS[None], cost, noise, 3)
    for estimator in (leave_one_out, vimco):
        with pytest.raises(ValueError, match="1"):
            estimator(LOGITS[None], cost, noise, 1)


def test_a_learned_baseline_follows_the_cost_and_lowers_the_variance() -> None:
    """Its averages arrive at mean and standard deviation; with C(x) + c NVIL is quieter than plain REINFORCE."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        learned = LearnedBaseline(4)
    images = torch.randn(500, 1, 2, 2, generator=torch.Generator().manual_seed(1))
    offset = 10 * images.flatten(1)[:, 0]
    optimizer = torch.optim.Adam(learned.parameters(), lr=1e-2)
    noise = torch.Generator().manual_seed(2)
    logits = LOGITS.float().expand(500, -1).clone().requires_grad_()

    def shifted(bits: Tensor) -> Tensor:
        return cost(bits.double()).float() + offset

    for _ in range(200):
        baseline = learned(images)
        values = nvil(logits, shifted, noise, 1, baseline=baseline.detach(), scale=learned.scale).detach()
        errors = values - baseline
        optimizer.zero_grad()
        errors.square().mean().backward()
        optimizer.step()
        learned.observe(errors.detach())
    found = {}
    for name, baseline in (("plain", torch.zeros(500)), ("learned", learned(images).detach())):
        surrogate = nvil(logits, shifted, noise, 1, baseline=baseline)
        (gradients,) = torch.autograd.grad(surrogate.sum(), logits)
        found[name] = float(gradients.var(0).sum())

    spread = Bernoulli(logits=LOGITS).log_prob(CODES).sum(1).exp() @ cost(CODES).square()
    spread -= (Bernoulli(logits=LOGITS).log_prob(CODES).sum(1).exp() @ cost(CODES)).square()
    assert learned.scale.item() == pytest.approx(math.sqrt(spread), rel=0.15)
    assert found["learned"] < 0.1 * found["plain"]


def test_a_broken_batch_does_not_break_the_averages() -> None:
    """NaN is not taken in."""
    learned = LearnedBaseline(4)

    learned.observe(torch.tensor([1.0, math.nan]))

    assert learned.mean == 0
    assert learned.variance == 1
