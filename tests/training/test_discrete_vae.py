"""The objective of the discrete VAE: the gradient that a step follows is that of the enumerated bound."""

import itertools
import math
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from models_store.discrete_vae import DiscreteVAE, DiscreteVAEConfig
from training.config import DiscreteVAERun
from training.data import ImageSet
from training.discrete_vae import DiscreteVAEObjective

CPU = torch.device("cpu")
MODEL = DiscreteVAEConfig(image_size=8, latent_dim=3, widths=(4,), hidden=8)
CODES = torch.tensor(list(itertools.product((0.0, 1.0), repeat=3)))
COPIES, GROUPS = 100, 40


def objective(**options: object) -> DiscreteVAEObjective:
    """Of a network whose posteriors and pictures are far from those of fresh weights."""
    with torch.random.fork_rng():
        torch.manual_seed(4)
        made = DiscreteVAEObjective(DiscreteVAERun(model=MODEL, **cast("dict[str, Any]", options)), CPU)
        for parameter in made.modules["model"].parameters():
            parameter.data += 0.3 * torch.randn_like(parameter)
    return made


def picture(world: ImageSet) -> Tensor:
    """One binary image, (1, 1, 8, 8)."""
    return (world.train.pixels()[:1] > 0.5).float()


def outputs_of(model: DiscreteVAE) -> list[Tensor]:
    """What is asked for its gradient: the last biases of encoder and decoder."""
    return [cast("Tensor", model.encoder[-1].bias), cast("Tensor", model.decoder[-1].bias)]


def bound(model: DiscreteVAE, data: Tensor, *, weight: float, draws: int) -> Tensor:
    """By enumeration of all tuples of codes, the KL (in VIMCO: log q - log p of each draw) taken by that weight."""
    posterior = model.posterior(model.encode(data))
    log_q = posterior.log_prob(CODES[:, None])[:, 0]
    log_likelihood = model.likelihood_of_bits(CODES).log_prob(data.expand(len(CODES), -1, -1, -1))
    log_weights = log_likelihood + weight * (model.log_prior_of_bits - log_q)
    tuples = torch.cartesian_prod(*[torch.arange(len(CODES))] * draws).reshape(-1, draws)
    bounds = log_weights[tuples].logsumexp(1) - math.log(draws)
    return (log_q[tuples].sum(1).exp() * bounds).sum()


@pytest.mark.parametrize(
    ("estimator", "weight"),
    [("disarm", 1.0), ("disarm", 0.3), ("leave-one-out", 1.0), ("nvil", 0.3), ("vimco", 1.0), ("vimco", 0.3)],
)
def test_a_step_follows_the_gradient_of_the_bound(estimator: str, weight: float, little_world: ImageSet) -> None:
    """Within 4 standard errors of enumeration, for encoder and decoder, also while the KL has not its full weight."""
    made, data = objective(estimator=estimator, draws=2), picture(little_world)
    model = cast("DiscreteVAE", made.modules["model"])
    exact = torch.autograd.grad(
        bound(model, data, weight=weight, draws=2 if estimator == "vimco" else 1), outputs_of(model)
    )
    scale = 1.0
    if estimator == "nvil":
        made.modules["baseline"].observe = lambda errors: None  # type: ignore[assignment]  # it stays as it is
        cast("Tensor", made.modules["baseline"].variance).fill_(9.0)
        scale = 3.0

    found: tuple[list[Tensor], list[Tensor]] = ([], [])
    for seed in range(GROUPS):
        loss, _ = made._loss(data.expand(COPIES, -1, -1, -1), weight, torch.Generator().manual_seed(seed))
        encoder, decoder = torch.autograd.grad(-loss, outputs_of(model))
        found[0].append(scale * encoder)
        found[1].append(decoder)

    for estimates, truth in zip(found, exact, strict=True):
        every = torch.stack(estimates)
        assert ((every.mean(0) - truth).abs() < 4 * every.std(0) / math.sqrt(GROUPS)).all()


@pytest.mark.parametrize("estimator", ["disarm", "vimco", "straight-through"])
def test_the_terms_reported_are_those_of_the_elbo(estimator: str, little_world: ImageSet) -> None:
    """E[log p(x|b)], the KL in closed form, and their difference, whatever the estimator; by enumeration."""
    made, data = objective(estimator=estimator, draws=4), picture(little_world)
    model = cast("DiscreteVAE", made.modules["model"])
    log_q = model.posterior(model.encode(data)).log_prob(CODES[:, None])[:, 0]
    log_likelihood = model.likelihood_of_bits(CODES).log_prob(data.expand(len(CODES), -1, -1, -1))
    reconstruction = (log_q.exp() * log_likelihood).sum()
    spread = ((log_q.exp() * log_likelihood.square()).sum() - reconstruction.square()).sqrt()

    _, terms = made._loss(data.expand(2000, -1, -1, -1), 1.0, torch.Generator().manual_seed(0))

    torch.testing.assert_close(terms["kl"], (log_q.exp() * (log_q - model.log_prior_of_bits)).sum())
    torch.testing.assert_close(terms["elbo"], terms["reconstruction"] - terms["kl"])
    assert (terms["reconstruction"] - reconstruction).abs() < 4 * spread / math.sqrt(2000)


@pytest.mark.parametrize("estimator", ["disarm", "nvil"])
def test_training_moves_every_weight_and_the_averages(estimator: str, little_world: ImageSet) -> None:
    """Some steps on little pictures lift the ELBO on others of the kind, and nothing stays as it was."""
    made = objective(estimator=estimator, draws=2, warm_up=5, kl_warm_up=5, average=0.9, learning_rate=1e-2)
    before = {name: value.clone() for name, value in made.modules["model"].named_parameters()}
    first = made.validate(little_world)["elbo"]

    for step in range(40):
        made.step(little_world.train, step, torch.Generator().manual_seed(step))

    assert made.validate(little_world)["elbo"] > first + 5
    for name, value in made.modules["model"].named_parameters():
        assert not torch.equal(value, before[name]), name
        assert value.isfinite().all(), name


@pytest.mark.parametrize(("estimator", "draws"), [("disarm", 3), ("leave-one-out", 1), ("vimco", 1), ("reinforce", 0)])
def test_a_run_with_too_few_draws_is_refused(estimator: str, draws: int) -> None:
    """The error says how many there were."""
    with pytest.raises(ValueError, match=str(draws)):
        objective(estimator=estimator, draws=draws)
