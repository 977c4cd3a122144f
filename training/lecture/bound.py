"""The evidence lower bound: its proof step by step in numbers, and the two estimators of it while a VAE learns.

For any density q(z):

    log p(x) = E_q[log p(x)]                                          (1) a constant is its own mean
             = E_q[log p(x, z) / p(z|x)]                              (2) the definition of p(z|x)
             = E_q[log p(x, z) / q(z)] + E_q[log q(z) / p(z|x)]       (3) multiplied and divided by q
             = L + KL(q ‖ p(z|x)) ≥ L                                 (4) no KL is negative
    L        = E_q[log p(x|z)] - KL(q ‖ p(z))                         (5) log p(x, z) = log p(x|z) + log p(z)

L^A samples every term of L, L^B takes the KL of (5) in closed form (Kingma & Welling 2014, eqs. 6 and 7). Neither
always varies less. At q = p(z|x) the value of L^A is log p(x) for every draw; its gradient still has the noise of the
score, unless log q is differentiated through z only (Roeder et al. 2017, "sticking the landing").
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from rich.progress import track
from torch import Tensor
from torch.distributions import Normal

from models_store.base import Autoencoder
from models_store.posteriors import DiagonalNormal
from models_store.vae import VAE, VAEConfig
from training.lecture.figure import figure
from training.lecture.miniatures import SIZE, Miniatures, bits_of, load_miniatures

GRID = torch.linspace(-9, 9, 3601, dtype=torch.float64)
STEP = float(GRID[1] - GRID[0])
NOISE = 0.5
LOADINGS = torch.tensor([1.2, -0.7], dtype=torch.float64)


@dataclass(frozen=True)
class PlaneModel:
    """z ~ N(0, 1) is decoded to a point of the plane, x ~ N(decode(z), NOISE² I); `decode` takes (N,) to (N, 2)."""

    decode: Callable[[Tensor], Tensor]

    def log_likelihood(self, x: Tensor) -> Tensor:
        """Log p(x|z) of one x (2,) at all z of GRID."""
        return Normal(self.decode(GRID), NOISE).log_prob(x).sum(1)


LINE = PlaneModel(lambda z: z[:, None] * LOADINGS)
"""Linear: posterior and evidence are normal, in closed form."""
PARABOLA = PlaneModel(lambda z: torch.stack([0.3 * z, z.square()], dim=1))
"""z and -z give nearly the same x: for most x the posterior has two modes, which no normal q can follow."""


def normal(mean: float, scale: float) -> Normal:
    """A q in float64: torch's own default would end the digits of the proof at the seventh."""
    return Normal(*torch.tensor([mean, scale], dtype=torch.float64))


@dataclass(frozen=True)
class Chain:
    """Each member of the proof for one x and one q, by quadrature over z, in nats."""

    evidence: float
    """log ∫ p(x, z) dz."""
    expected_evidence: float
    """(1)."""
    expected_ratio: float
    """(2)."""
    bound: float
    """L, the first term of (3)."""
    divergence: float
    """KL(q ‖ p(z|x)), the second."""
    reconstruction: float
    """E_q[log p(x|z)] of (5)."""
    prior_divergence: float
    """KL(q ‖ p(z)) of (5)."""


def chain(model: PlaneModel, x: Tensor, q: Normal, *, log_posterior: Tensor | None = None) -> Chain:
    """The proof for x (2,) and q; log p(z|x) on GRID is p(x, z) normalized there, unless given in closed form."""
    log_prior, log_q = Normal(0.0, 1.0).log_prob(GRID), q.log_prob(GRID)
    log_likelihood = model.log_likelihood(x)
    log_joint = log_likelihood + log_prior
    evidence = log_joint.logsumexp(0) + math.log(STEP)
    if log_posterior is None:
        log_posterior = log_joint - evidence

    def expectation(values: Tensor) -> float:
        return float((log_q.exp() * values).sum()) * STEP

    return Chain(
        evidence=float(evidence),
        expected_evidence=expectation(evidence.expand_as(GRID)),
        expected_ratio=expectation(log_joint - log_posterior),
        bound=expectation(log_joint - log_q),
        divergence=expectation(log_q - log_posterior),
        reconstruction=expectation(log_likelihood),
        prior_divergence=expectation(log_q - log_prior),
    )


@dataclass(frozen=True)
class Spread:
    """Variances over draws in the mean over images: of the two values in nats², and of three gradients by (μ, log σ).

    A gradient's variance is the sum over its coordinates.
    """

    sampled: float
    analytic: float
    sampled_gradient: float
    analytic_gradient: float
    path_gradient: float
    """Of L^A without the score: log q is differentiated through z only."""


def estimators(model: Autoencoder, data: Tensor, statistics: Tensor, noise: Tensor) -> dict[str, Tensor]:
    """One draw a row of L^A, L^B and L^A without the score, (R,) each, differentiable by `statistics` (R, 2D)."""
    posterior = cast("DiagonalNormal", model.posterior(statistics))
    latents, log_posterior = posterior.draw(noise)
    log_likelihood, log_prior = model.likelihood(latents).log_prob(data), model.log_prior(latents)
    fixed = Normal(posterior.mean.detach(), posterior.log_scale.detach().exp(), validate_args=False)
    return {
        "sampled": log_likelihood + log_prior - log_posterior,
        "analytic": log_likelihood - posterior.divergence.sum(1),
        "path": log_likelihood + log_prior - fixed.log_prob(latents).sum(1),
    }


def draws_of(
    model: Autoencoder, data: Tensor, *, draws: int, noise: torch.Generator
) -> dict[str, tuple[Tensor, Tensor]]:
    """Each estimator's values (draws, B) and gradients by the statistics of q(z|x), (draws, B, 2D)."""
    statistics = model.encode(data).detach().repeat(draws, 1).requires_grad_()
    rows = data.repeat(draws, *[1] * (data.ndim - 1))
    normals = torch.randn((len(rows), model.latent_dim), generator=noise, dtype=statistics.dtype)
    found = {}
    for name, values in estimators(model, rows, statistics, normals).items():
        (gradients,) = torch.autograd.grad(values.sum(), statistics, retain_graph=True)
        found[name] = (values.detach().reshape(draws, -1), gradients.reshape(draws, len(data), -1))
    return found


def spread(model: Autoencoder, data: Tensor, *, draws: int, noise: torch.Generator) -> Spread:
    """For data (B, C, H, W) and q as it is, from so many draws an image."""
    found = draws_of(model, data, draws=draws, noise=noise)
    value = {name: float(values.var(0).mean()) for name, (values, _) in found.items()}
    gradient = {name: float(gradients.var(0).sum(1).mean()) for name, (_, gradients) in found.items()}
    return Spread(value["sampled"], value["analytic"], gradient["sampled"], gradient["analytic"], gradient["path"])


def while_learning(
    data: Miniatures, probes: list[int], *, images: int = 50, draws: int = 40, batch: int = 64, seed: int = 0
) -> Iterator[tuple[int, Spread]]:
    """A small convolutional VAE learns by L^B; yields the spread on some test images after so many steps."""
    noise, probe_noise = (torch.Generator().manual_seed(seed + part) for part in (0, 1))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = VAE(VAEConfig(image_size=SIZE, latent_dim=8, widths=(12,), hidden=64, prior="normal"))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    test = bits_of(data.test[:images], probe_noise)
    for step in range(probes[-1] + 1):
        if step in probes:
            yield step, spread(model, test, draws=draws, noise=probe_noise)
        rows = data.batch(batch, noise)
        normals = torch.randn((batch, model.latent_dim), generator=noise)
        optimizer.zero_grad()
        (-estimators(model, rows, model.encode(rows), normals)["analytic"].mean()).backward()
        optimizer.step()


def lesson(path: Path) -> dict[str, float]:
    """The proof for a q that walks past a posterior of two modes; then 800 steps of a VAE on Fashion-MNIST."""
    x = torch.tensor([0.1, 1.0], dtype=torch.float64)
    means = torch.linspace(-2.0, 2.0, 81).tolist()
    chains = [chain(PARABOLA, x, normal(mean, 0.25)) for mean in means]
    probes = sorted({round(800 ** (part / 16)) for part in range(17)} | {0})
    steps = list(track(while_learning(load_miniatures(), probes), "bound", total=len(probes), transient=True))
    with figure(path, columns=3, width=3.6, height=3.2) as (proof, value, gradient):
        _draw_proof(proof, means, chains)
        _draw_spread(value, steps, {"sampled": "$L^A$, all sampled", "analytic": "$L^B$, KL in closed form"})
        value.set(title="Variance of the value, one draw", ylabel="nats²")
        names = {"sampled": "$L^A$", "analytic": "$L^B$", "path": "$L^A$ without the score"}
        _draw_spread(gradient, steps, {f"{name}_gradient": label for name, label in names.items()})
        gradient.set(title="Variance of the gradient by (μ, log σ)")
    best = max(chains, key=lambda each: each.bound)
    first, last = steps[0][1], steps[-1][1]
    return {
        "log p(x)": best.evidence,
        "largest |log p(x) - L - KL|": max(abs(each.evidence - each.bound - each.divergence) for each in chains),
        "best L of a narrow normal q": best.bound,
        "its KL(q ‖ p(z|x))": best.divergence,
        "variance of L^A at step 0": first.sampled,
        "variance of L^B at step 0": first.analytic,
        f"variance of L^A at step {probes[-1]}": last.sampled,
        f"variance of L^B at step {probes[-1]}": last.analytic,
        f"gradient variance of L^A at step {probes[-1]}": last.sampled_gradient,
        f"gradient variance of L^B at step {probes[-1]}": last.analytic_gradient,
        f"gradient variance of L^A without the score at step {probes[-1]}": last.path_gradient,
    }


def _draw_proof(axes: Any, means: list[float], chains: list[Chain]) -> None:
    bounds, evidence = [each.bound for each in chains], chains[0].evidence
    axes.axhline(evidence, color="black", linewidth=1)
    axes.plot(means, bounds, color="C0")
    axes.fill_between(means, bounds, evidence, color="C0", alpha=0.15, linewidth=0)
    middle = len(means) // 2
    axes.annotate("", (0, evidence), (0, bounds[middle]), arrowprops={"arrowstyle": "<->", "color": "C0"})
    axes.text(0.1, evidence - 0.35, "KL(q ‖ p(z|x))", va="center", color="C0")
    axes.text(0, evidence + 0.1, "log p(x)", ha="center", va="bottom")
    axes.text(0, bounds[middle] - 0.2, "L", ha="center", va="top", color="C0")
    axes.set(
        title="log p(x) = L + KL, two modes", xlabel="mean of q", ylabel="nats", ylim=(evidence - 5, evidence + 0.8)
    )


def _draw_spread(axes: Any, steps: list[tuple[int, Spread]], names: dict[str, str]) -> None:
    for (field, label), colour in zip(names.items(), ("C0", "C1", "C2"), strict=False):
        axes.loglog(
            [1 + step for step, _ in steps], [vars(each)[field] for _, each in steps], color=colour, label=label
        )
    axes.set(xlabel="1 + training steps")
    axes.legend(fontsize=8)
