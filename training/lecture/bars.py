"""A VAE of eight bits on pictures of bars: so small that its ELBO and every gradient are sums over all 256 codes.

In a picture of 4x4 pixels each of four rows and four columns is a bar with probability ¼ (after Földiák 1990): eight
independent causes, for eight bits to find.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim import Adam

from models_store.discrete_vae import DiscreteVAE, DiscreteVAEConfig
from training.config import DiscreteVAERun
from training.data import Split
from training.discrete_vae import DiscreteVAEObjective
from training.objective import noise_of
from training.score_function import ESTIMATORS, Cost, LearnedBaseline, nvil, vimco

SIZE, BITS = 4, 8
SHARE = 0.25
"""Probability of a bar."""
DRAWS = 2
"""Decoder evaluations an image and estimate, the same for all: one pair."""
MODEL = DiscreteVAEConfig(image_size=SIZE, latent_dim=BITS, widths=(8,), hidden=32)
RATE = 1e-2
"""Peak learning rate."""
EVERY = 25
"""Steps between two looks at the exact ELBO."""
CPU = torch.device("cpu")

Estimator = Callable[[Tensor, Cost, torch.Generator, int], Tensor]


@dataclass(frozen=True)
class Quality:
    """Of estimates of a gradient, over images and bits."""

    variance: float
    """Of one estimate, summed over the bits, the mean over images, in nats²."""
    bias: float
    """‖mean - exact‖ / ‖exact‖."""
    error: float
    """What `bias` would be, in the root mean square, without any: the standard error of the mean."""


def bars(count: int, *, seed: int) -> Tensor:
    """Bits (count, 1, 4, 4)."""
    noise = torch.Generator().manual_seed(seed)
    rows = torch.rand((count, 1, SIZE, 1), generator=noise) < SHARE
    columns = torch.rand((count, 1, 1, SIZE), generator=noise) < SHARE
    return (rows | columns).float()


def every_picture() -> tuple[Tensor, Tensor]:
    """All choices of bars, (256, 1, 4, 4), and their probabilities (256,); some choices give the same picture."""
    chosen = codes().bool()
    pictures = (chosen[:, :SIZE, None] | chosen[:, None, SIZE:]).float()[:, None]
    count = codes().sum(1)
    return pictures, SHARE**count * (1 - SHARE) ** (2 * SIZE - count)


def entropy() -> float:
    """Of a picture, in nats: minus that is above the mean ELBO of any model."""
    pictures, probabilities = every_picture()
    distinct, which = pictures.flatten(1).unique(dim=0, return_inverse=True)
    shares = torch.zeros(len(distinct)).index_add(0, which, probabilities)
    return float(-(shares * shares.log()).sum())


def codes() -> Tensor:
    """All of them, (256, 8)."""
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=BITS)))


def log_likelihoods(model: DiscreteVAE, data: Tensor) -> Tensor:
    """The log of p(x|b) for every code and image, (256, B): each code is decoded once."""
    logits = model.decoder(2 * codes() - 1).flatten(1)
    return logits @ data.flatten(1).T - functional.softplus(logits).sum(1, keepdim=True)


def elbo(model: DiscreteVAE, data: Tensor) -> Tensor:
    """Without a draw, in nats, (B,)."""
    posterior = model.posterior(model.encode(data))
    log_q = posterior.log_prob(codes()[:, None])
    return (log_q.exp() * log_likelihoods(model, data)).sum(0) + model.log_prior_of_bits + posterior.entropy


def exact_gradient(model: DiscreteVAE, data: Tensor) -> Tensor:
    """Of E[log p(x|b)] with respect to the logits, (B, 8), as every estimator but VIMCO wants it."""
    logits, log_q = _posterior(model, data)
    (gradient,) = torch.autograd.grad((log_q.exp() * log_likelihoods(model, data).detach()).sum(), logits)
    return gradient


def exact_vimco_gradient(model: DiscreteVAE, data: Tensor) -> Tensor:
    """Of E[log ½ Σ p(x|b) / q(b|x)] over all pairs of codes, (B, 8)."""
    logits, log_q = _posterior(model, data)
    log_weights = log_likelihoods(model, data).detach() - log_q
    bounds = torch.logaddexp(log_weights[:, None], log_weights[None]) - math.log(2)
    pairs = (log_q[:, None] + log_q[None]).exp()
    (gradient,) = torch.autograd.grad((pairs * bounds).sum(), logits)
    return gradient


def estimates(model: DiscreteVAE, data: Tensor, estimator: Estimator, *, count: int, seed: int = 0) -> Tensor:
    """Independent ones of the gradient for each image, (count, B, 8)."""
    logits = _posterior(model, data)[0].detach().repeat(count, 1).requires_grad_()
    rows = data.repeat(count * DRAWS, 1, 1, 1)

    def log_likelihood(bits: Tensor) -> Tensor:
        return model.likelihood_of_bits(bits.flatten(0, 1)).log_prob(rows).unflatten(0, bits.shape[:2])

    surrogate = estimator(logits, log_likelihood, torch.Generator().manual_seed(seed), DRAWS)
    (gradients,) = torch.autograd.grad(surrogate.sum(), logits)
    return gradients.unflatten(0, (count, len(data)))


def fitted_nvil(model: DiscreteVAE, data: Tensor, *, steps: int = 300) -> Estimator:
    """NVIL whose baseline C(x) + c has learned, from draws for other pictures of bars, what f is for this model."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        learned = LearnedBaseline(SIZE * SIZE)
    optimizer = Adam(learned.parameters(), lr=1e-2)
    images = bars(256, seed=5)
    table = log_likelihoods(model, images).detach()
    probabilities = _posterior(model, images)[1].detach().exp()
    noise = torch.Generator().manual_seed(6)
    for _ in range(steps):
        drawn = torch.multinomial(probabilities.T, 1, generator=noise)
        errors = table.T.gather(1, drawn)[:, 0] - learned(images)
        optimizer.zero_grad()
        errors.square().mean().backward()
        optimizer.step()
        learned.observe(errors.detach())
    baseline = learned(data).detach()

    def estimator(logits: Tensor, cost: Cost, noise: torch.Generator, draws: int) -> Tensor:
        return nvil(logits, cost, noise, draws, baseline=baseline.repeat(len(logits) // len(baseline)))

    return estimator


def qualities(model: DiscreteVAE, data: Tensor, *, count: int) -> dict[str, Quality]:
    """Of all seven estimators on these images, by that many estimates each."""
    exact, exact_vimco = exact_gradient(model, data), exact_vimco_gradient(model, data)
    found = {}
    for name, estimator in {**ESTIMATORS, "nvil": fitted_nvil(model, data), "vimco": vimco}.items():
        every = estimates(model, data, estimator, count=count)
        truth = exact_vimco if name == "vimco" else exact
        variance = every.var(0).sum(1).mean()
        bias = (every.mean(0) - truth).norm() / truth.norm()
        error = (variance * len(data) / count).sqrt() / truth.norm()
        found[name] = Quality(float(variance), float(bias), float(error))
    return found


def fresh(estimator: str = "disarm", *, steps: int = 1) -> DiscreteVAEObjective:
    """The objective that trains, for bars: the same initial weights at every call."""
    run = DiscreteVAERun(
        model=MODEL,
        estimator=estimator,  # type: ignore[arg-type]  # one of the seven
        draws=DRAWS,
        steps=steps,
        learning_rate=RATE,
        warm_up=20,
        kl_warm_up=0,
        average=0.9,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return DiscreteVAEObjective(run, CPU)


def train(objective: DiscreteVAEObjective, *, steps: int, batch: int = 64) -> list[float]:
    """The exact mean ELBO over all pictures after each `EVERY` steps, each on new pictures."""
    images = (255 * bars(steps * batch, seed=1)).to(torch.uint8)
    data = Split(images, torch.zeros(len(images), dtype=torch.long))
    pictures, probabilities = every_picture()
    curve = []
    for step in range(steps):
        rows = torch.arange(step * batch, (step + 1) * batch)
        objective.step(data.take(rows), step, noise_of(0, step, CPU))
        if (step + 1) % EVERY == 0:
            with torch.no_grad():
                curve.append(float(probabilities @ elbo(learned(objective), pictures)))
    return curve


def train_exactly(*, steps: int) -> tuple[DiscreteVAE, list[float]]:
    """What could be had: the same initial weights, by the exact gradient of the same mean ELBO; network and curve."""
    model = fresh().modules["model"]
    assert isinstance(model, DiscreteVAE)  # noqa: S101  # the objective makes no other
    optimizer = Adam(model.parameters(), lr=RATE)
    pictures, probabilities = every_picture()
    curve = []
    for step in range(steps):
        mean = probabilities @ elbo(model, pictures)
        optimizer.zero_grad()
        (-mean).backward()
        optimizer.step()
        if (step + 1) % EVERY == 0:
            curve.append(float(mean.detach()))
    return model, curve


def learned(objective: DiscreteVAEObjective) -> DiscreteVAE:
    """The network that an objective trains, averaged over its last steps."""
    network = objective.network()
    assert isinstance(network, DiscreteVAE)  # noqa: S101  # the objective makes no other
    return network


def _posterior(model: DiscreteVAE, data: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (B, 8), a leaf, and log q(b|x) of all codes as a function of them, (256, B)."""
    logits = model.posterior(model.encode(data)).logits.detach().requires_grad_()
    return logits, (codes()[:, None] * logits - functional.softplus(logits)).sum(-1)
