"""Annealed importance sampling (Neal 2001; for decoders Wu et al. 2017): log p(x) by a walk from a normal to p(z|x).

Chains start as draws from some density s(z), N(0, I) if nothing better is known, and are led through
log f_β(z) = (1 - β) log s(z) + β log p(x, z) for rising β, by a transition of Hamiltonian Monte Carlo (Neal 2011) at
each. The product w of the ratios met on the way has E[w] = p(x) whatever the chains did, so log w is a lower
bound in the mean, and log(1/M Σ w) of M chains a better one. Neither needs an encoder. The same walk backwards, from
an exact draw of p(z|x), has E[w] = 1 / p(x) and gives an upper bound (Grosse et al. 2015). Exact draws exist for data
that the model made itself: the latents that made them.

All walking is done in the normal noise u that the start makes into its draw z, where log f_β(u) = log N(u; 0, I) +
β · tilt(u): a start near the posterior straightens the walk as well. Step sizes come from a pilot run with noise of
its own: sizes that follow the chains they move would cost the bounds their validity.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from models_store.base import Autoencoder
from models_store.estimators import Estimate, ImportanceBound, importance_weighted
from models_store.posteriors import DiagonalNormal, FlowNormal

Start = DiagonalNormal | FlowNormal
"""Where chains begin, a density for each image: these give back the noise of a draw, too."""
Tilt = Callable[[Tensor], Tensor]
"""Points u (R, D) -> log f_1(u) - log N(u; 0, I) in nats, (R,); differentiable."""

ACCEPTANCE = 0.65
"""The best rate of Hamiltonian Monte Carlo in many dimensions (Neal 2011, section 5.4.4)."""
FIRST_STEP = 0.3
ADAPTATION = 0.2
"""How fast the pilot's log step size follows the difference from that rate."""
PILOTS = 4
"""Chains of an image that go ahead to find its step sizes."""
JITTER = 0.2
"""Relative; a trajectory of fixed length may return to where it began (Neal 2011, section 5.4.2.2)."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """What is spent on an image: `temperatures` rungs, `chains` that climb them, `leaps` leapfrog steps on each."""

    temperatures: int = 200
    chains: int = 8
    leaps: int = 10

    def __post_init__(self) -> None:
        if min(self.temperatures, self.chains, self.leaps) < 1:
            raise ValueError(f"{self}: none of the three may be below 1")


@dataclass(frozen=True)
class Annealed:
    """A bound on log p(x) for each image, and the acceptance rate of its chains, (B,), in the mean over temperatures.

    A rate near 0 or 1 is a warning: the bound stays valid, but is loose.
    """

    bound: ImportanceBound
    acceptance: Tensor


@dataclass(frozen=True)
class Sandwich:
    """In the mean over walks, `lower` ≤ log p(x) ≤ `upper`, (B,) each, in nats."""

    lower: Estimate
    upper: Estimate


def annealed(
    model: Autoencoder, data: Tensor, schedule: Schedule, noise: torch.Generator, *, start: Start | None = None
) -> Annealed:
    """A lower bound on log p(x) for data (B, C, H, W) of the likelihood's domain; `start` has a row for each image.

    The model lies on the device of `noise`. The standard error is that of the mean weight over the chains.
    """
    bridge = Bridge.of(model, data, schedule.chains, start)
    ladder = sigmoid_temperatures(schedule.temperatures)
    sizes = tuned(model, data, ladder, schedule, noise, start)
    walk = climb(bridge.tilt, bridge.first_points(noise), ladder, sizes, schedule.leaps, noise)
    chains = schedule.chains
    return Annealed(
        importance_weighted(walk.log_weights.reshape(chains, -1)), walk.acceptance.reshape(chains, -1).mean(0)
    )


def sandwiched(
    model: Autoencoder,
    latents: Tensor,
    data: Tensor,
    schedule: Schedule,
    noise: torch.Generator,
    *,
    start: Start | None = None,
) -> Sandwich:
    """Both bounds for data (B, C, H, W) that the model drew itself, x ~ p(x|z) from `latents` z ~ p(z), (B, D).

    All chains of an image go down from its one exact draw z, so that the standard error of the upper bound is that of
    the walks alone; for the error of a mean over images take the spread over images.
    """
    bridge = Bridge.of(model, data, schedule.chains, start)
    ladder = sigmoid_temperatures(schedule.temperatures)
    sizes = tuned(model, data, ladder, schedule, noise, start)
    shape = (schedule.chains, len(data))
    up = climb(bridge.tilt, bridge.first_points(noise), ladder, sizes, schedule.leaps, noise)
    down = climb(bridge.tilt, bridge.points(latents), ladder.flip(0), sizes.flip(0), schedule.leaps, noise)
    lower, reciprocal = (importance_weighted(walk.log_weights.reshape(shape)) for walk in (up, down))
    return Sandwich(lower, Estimate(-reciprocal.value, reciprocal.standard_error))


def matched_normal(model: Autoencoder, data: Tensor, noise: torch.Generator, *, draws: int = 64) -> DiagonalNormal:
    """A start for any family of q(z|x): the mean and the scale of draws from it."""
    with torch.no_grad():
        posterior = model.posterior(model.encode(data))
        shape = (draws, len(data), model.latent_dim)
        every = torch.randn(shape, generator=noise, device=noise.device, dtype=posterior.center.dtype)
        latents = torch.stack([posterior.draw(each)[0] for each in every])
    return DiagonalNormal(latents.mean(0), latents.std(0).log())


def sigmoid_temperatures(count: int, *, steepness: float = 4.0) -> Tensor:
    """β from 0 to 1 in `count` steps, (count + 1,), densest at both ends (Grosse et al. 2015, section 6.1), float64."""
    rungs = torch.sigmoid(torch.linspace(-steepness, steepness, count + 1, dtype=torch.float64))
    return (rungs - rungs[0]) / (rungs[-1] - rungs[0])


def repeated(start: Start, chains: int) -> Start:
    """The rows B of a start, `chains` times over."""
    match start:
        case DiagonalNormal(mean, log_scale):
            return DiagonalNormal(mean.repeat(chains, 1), log_scale.repeat(chains, 1))
        case FlowNormal(DiagonalNormal(mean, log_scale), flow):
            return FlowNormal(DiagonalNormal(mean.repeat(chains, 1), log_scale.repeat(chains, 1)), flow)


def noise_behind(start: Start, latents: Tensor) -> Tensor:
    """The standard-normal noise (B, D) of which `draw` makes the latents (B, D)."""
    match start:
        case DiagonalNormal(mean, log_scale):
            return (latents - mean) * (-log_scale).exp()
        case FlowNormal(normal, flow):
            return noise_behind(normal, flow(latents))


@dataclass(frozen=True)
class Bridge:
    """The chains of all images, `chains` times B rows, between their starts and their posteriors."""

    model: Autoencoder
    data: Tensor
    start: Start
    images: int

    @classmethod
    def of(cls, model: Autoencoder, data: Tensor, chains: int, start: Start | None) -> "Bridge":
        if start is None:
            zeros = data.new_zeros(len(data), model.latent_dim)
            start = DiagonalNormal(zeros, zeros)
        return cls(model, data.repeat(chains, *[1] * (data.ndim - 1)), repeated(start, chains), len(data))

    def first_points(self, noise: torch.Generator) -> Tensor:
        """Fresh draws from the starts: standard normal in u, (R, D)."""
        shape = (len(self.data), self.model.latent_dim)
        return torch.randn(shape, generator=noise, device=self.data.device, dtype=self.data.dtype)

    def points(self, latents: Tensor) -> Tensor:
        """One z an image (B, D) -> u for each of its chains, (R, D)."""
        with torch.no_grad():
            return noise_behind(self.start, latents.repeat(len(self.data) // self.images, 1))

    def tilt(self, points: Tensor) -> Tensor:
        """Log p(x|z) + log p(z) - log s(z) at the z that the start makes of u, (R,)."""
        latents, log_start = self.start.draw(points)
        return self.model.likelihood(latents).log_prob(self.data) + self.model.log_prior(latents) - log_start


@dataclass(frozen=True)
class Place:
    """Where the chains stand: u (R, D), the tilt there (R,) and its slope (R, D), which serve every temperature."""

    points: Tensor
    tilt: Tensor
    slope: Tensor

    @classmethod
    def at(cls, tilt: Tilt, points: Tensor) -> "Place":
        with torch.enable_grad():
            leaf = points.detach().requires_grad_()
            value = tilt(leaf)
            (slope,) = torch.autograd.grad(value.sum(), leaf)
        return cls(points.detach(), value.detach(), slope)

    def energy(self, temperature: float) -> Tensor:
        """-log f_β(u) up to a constant, (R,)."""
        return 0.5 * self.points.square().sum(1) - temperature * self.tilt

    def force(self, temperature: float) -> Tensor:
        """∇ log f_β(u), (R, D)."""
        return temperature * self.slope - self.points

    def where(self, chosen: Tensor, other: "Place") -> "Place":
        """This place in the rows `chosen` (R,), the other elsewhere."""
        column = chosen[:, None]
        return Place(
            torch.where(column, self.points, other.points),
            torch.where(chosen, self.tilt, other.tilt),
            torch.where(column, self.slope, other.slope),
        )


def leapfrog(
    tilt: Tilt, place: Place, momentum: Tensor, *, temperature: float, sizes: Tensor, leaps: int
) -> tuple[Place, Tensor]:
    """Hamilton's equations by `leaps` steps of `sizes` (R,): reversible, and it keeps volume (Neal 2011, eq. 5.18)."""
    step = sizes[:, None]
    momentum = momentum + 0.5 * step * place.force(temperature)
    for leap in range(leaps):
        place = Place.at(tilt, place.points + step * momentum)
        share = 1.0 if leap < leaps - 1 else 0.5
        momentum = momentum + share * step * place.force(temperature)
    return place, momentum


def transition(
    tilt: Tilt, place: Place, noise: torch.Generator, *, temperature: float, sizes: Tensor, leaps: int
) -> tuple[Place, Tensor]:
    """One move that leaves f_β as it is, and the probability with which each row accepted it, (R,)."""
    points = place.points
    momentum = torch.randn(points.shape, generator=noise, device=points.device, dtype=points.dtype)
    draws = torch.rand((2, len(points)), generator=noise, device=points.device, dtype=points.dtype)
    jittered = sizes * (1 + JITTER * (2 * draws[0] - 1))
    proposal, after = leapfrog(tilt, place, momentum, temperature=temperature, sizes=jittered, leaps=leaps)
    before = place.energy(temperature) + 0.5 * momentum.square().sum(1)
    change = proposal.energy(temperature) + 0.5 * after.square().sum(1) - before
    # A trajectory that left the numbers is refused like any other that gained too much energy.
    probability = (-change).clamp(max=0.0).exp().nan_to_num(0.0)
    return proposal.where(draws[1] < probability, place), probability


@dataclass(frozen=True)
class Walk:
    """log w of each chain, (R,), in float64, and its mean acceptance, (R,)."""

    log_weights: Tensor
    acceptance: Tensor


def climb(tilt: Tilt, points: Tensor, ladder: Tensor, sizes: Tensor, leaps: int, noise: torch.Generator) -> Walk:
    """From exact draws u (R, D) of the ladder's first temperature to its last: E[w] is the ratio of the normalizers.

    `ladder` (T + 1,) leads from 0 up to 1 or from 1 down to 0, `sizes` (T - 1, R) are those at its inner rungs.
    """
    place = Place.at(tilt, points)
    log_weights = place.tilt.double() * float(ladder[1] - ladder[0])
    total = torch.zeros_like(place.tilt)
    for rung in range(1, len(ladder) - 1):
        place, probability = transition(
            tilt, place, noise, temperature=float(ladder[rung]), sizes=sizes[rung - 1], leaps=leaps
        )
        total += probability
        log_weights += place.tilt.double() * float(ladder[rung + 1] - ladder[rung])
    return Walk(log_weights, total / max(1, len(ladder) - 2))


def tuned(
    model: Autoencoder,
    data: Tensor,
    ladder: Tensor,
    schedule: Schedule,
    noise: torch.Generator,
    start: Start | None,
) -> Tensor:
    """Step sizes (T - 1, R) for the inner rungs of the ladder, one for all chains of an image, from a pilot run."""
    chains = min(PILOTS, schedule.chains)
    bridge = Bridge.of(model, data, chains, start)
    sizes = pilot(bridge.tilt, bridge.first_points(noise), ladder, noise, chains=chains, leaps=schedule.leaps)
    return sizes.repeat(1, schedule.chains)


def pilot(tilt: Tilt, points: Tensor, ladder: Tensor, noise: torch.Generator, *, chains: int, leaps: int) -> Tensor:
    """Step sizes (T - 1, B) that follow the acceptance of this walk of `chains` times B rows, which is thrown away."""
    place = Place.at(tilt, points)
    log_size = points.new_full((len(points) // chains,), math.log(FIRST_STEP))
    sizes = []
    for temperature in ladder[1:-1].tolist():
        rows = log_size.exp().repeat(chains)
        place, probability = transition(tilt, place, noise, temperature=temperature, sizes=rows, leaps=leaps)
        log_size = log_size + ADAPTATION * (probability.reshape(chains, -1).mean(0) - ACCEPTANCE)
        sizes.append(log_size.exp())
    return torch.stack(sizes) if sizes else points.new_zeros(0, len(log_size))
