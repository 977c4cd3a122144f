"""Weak posterior or prior: how far the ELBO lies below log p(x), for two posteriors times three priors.

log p(x) - ELBO = KL(q(z|x) ‖ p(z|x)), whatever the prior: the loss of a posterior that cannot follow. Part of it is the
family's, which even the best member for an image loses; the rest is the encoder's, which does not find that member
(Cremer et al. 2018). A better prior, a VampPrior (Tomczak & Welling 2018) or a RealNVP, raises log p(x) itself.

With two latents log p(x) = log ∫ p(x|z) p(z) dz is a sum over a grid, and nothing has to be believed.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from rich.progress import track
from torch import Tensor, nn

from models_store.base import Autoencoder
from models_store.estimators import importance_weighted, monte_carlo_mean
from models_store.flow import RealNVP
from models_store.likelihoods import Bernoulli
from models_store.posteriors import LOG_2_PI, DiagonalNormal, Posterior
from training.annealing import Schedule, annealed
from training.lecture.figure import figure
from training.lecture.miniatures import SIZE, Miniatures, bits_of, load_miniatures

POSTERIORS = ("normal", "flow")
PRIORS = ("normal", "VampPrior", "RealNVP")
LATENTS, PIXELS = 2, SIZE * SIZE
COUPLINGS, COUPLING_HIDDEN = 4, 8
PSEUDO_INPUTS = 30
CHUNK = 20_000


class Couplings(nn.Module):
    """Affine couplings of two latents by turns; what one says about the other depends on the image, too.

    The image speaks through the biases (…, couplings, hidden) of their hidden layers, which the encoder gives.
    """

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Parameter(torch.randn(COUPLINGS, COUPLING_HIDDEN))
        # They start at zero: an untrained flow is the identity.
        self.scale = nn.Parameter(torch.zeros(COUPLINGS, COUPLING_HIDDEN))
        self.shift = nn.Parameter(torch.zeros(COUPLINGS, COUPLING_HIDDEN))

    def forward(self, base: Tensor, biases: Tensor) -> tuple[Tensor, Tensor]:
        """Base points (…, 2) -> points (…, 2) and log |det ∂point/∂base|, (…)."""
        pair, total = list(base.unbind(-1)), base.new_zeros(())
        for layer in range(COUPLINGS):
            log_scale, shift = self._affine(layer, pair[layer % 2], biases)
            pair[1 - layer % 2] = pair[1 - layer % 2] * log_scale.exp() + shift
            total = total + log_scale
        return torch.stack(pair, -1), total

    def inverse(self, points: Tensor, biases: Tensor) -> tuple[Tensor, Tensor]:
        """Points (…, 2) -> base points (…, 2) and log |det ∂base/∂point|, (…); biases may broadcast."""
        pair, total = list(points.unbind(-1)), points.new_zeros(())
        for layer in reversed(range(COUPLINGS)):
            log_scale, shift = self._affine(layer, pair[layer % 2], biases)
            pair[1 - layer % 2] = (pair[1 - layer % 2] - shift) * (-log_scale).exp()
            total = total - log_scale
        return torch.stack(torch.broadcast_tensors(*pair), -1), total

    def _affine(self, layer: int, given: Tensor, biases: Tensor) -> tuple[Tensor, Tensor]:
        hidden = torch.tanh(given[..., None] * self.hidden[layer] + biases[..., layer, :])
        # Bounded, so that neither direction explodes.
        return torch.tanh(hidden @ self.scale[layer]), hidden @ self.shift[layer]


class DensePosterior(Posterior, ABC):
    """A posterior whose density is known at any point, as a VampPrior needs it."""

    @abstractmethod
    def log_density(self, points: Tensor) -> Tensor:
        """Points (R, 1, 2) against rows (B, 2), or any two that broadcast -> log q(point|row), (R, B)."""


@dataclass(frozen=True)
class NormalPosterior(DensePosterior):
    """N(mean, diag(exp(log_scale)²)), one a row."""

    normal: DiagonalNormal

    @property
    def center(self) -> Tensor:
        return self.normal.mean

    def draw(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        return self.normal.draw(noise)

    def log_density(self, points: Tensor) -> Tensor:
        deviation = (points - self.normal.mean) * (-self.normal.log_scale).exp()
        return -(0.5 * deviation.square() + self.normal.log_scale + 0.5 * LOG_2_PI).sum(-1)


@dataclass(frozen=True)
class FlowPosterior(DensePosterior):
    """That normal, bent by the couplings; `biases` is (B, couplings, hidden)."""

    base: NormalPosterior
    biases: Tensor
    couplings: Couplings

    @property
    def center(self) -> Tensor:
        return self.couplings(self.base.center, self.biases)[0]

    def draw(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        points, log_density = self.base.draw(noise)
        bent, log_determinant = self.couplings(points, self.biases)
        return bent, log_density - log_determinant

    def log_density(self, points: Tensor) -> Tensor:
        base, log_determinant = self.couplings.inverse(points, self.biases)
        return self.base.log_density(base) + log_determinant


class SmallVAE(Autoencoder):
    """Two latents, dense layers, bits of 14 x 14 pixels; here the learned prior is on z itself.

    The names are of POSTERIORS and PRIORS; a VampPrior starts at `pseudo_inputs` (K, 196) in [0, 1].
    """

    def __init__(self, posterior_name: str, prior_name: str, pseudo_inputs: Tensor, *, hidden: int = 100) -> None:
        super().__init__()
        self.latent_dim, self.image_shape, self.domain = LATENTS, (1, SIZE, SIZE), "binarized"
        self.couplings = Couplings() if posterior_name == "flow" else None
        statistics = 2 * LATENTS + (COUPLINGS * COUPLING_HIDDEN if self.couplings else 0)
        self.encoder = _dense(PIXELS, hidden, statistics)
        self.decoder = _dense(LATENTS, hidden, PIXELS)
        self.flow = RealNVP(LATENTS, couplings=6, hidden=24) if prior_name == "RealNVP" else None
        self.pseudo_logits = nn.Parameter(torch.logit(pseudo_inputs, eps=0.05)) if prior_name == "VampPrior" else None

    def encode(self, images: Tensor) -> Tensor:
        return self.encoder(images.flatten(1) - 0.5)

    def posterior(self, statistics: Tensor) -> DensePosterior:
        mean, log_scale = statistics[:, :LATENTS], statistics[:, LATENTS : 2 * LATENTS]
        normal = NormalPosterior(DiagonalNormal(mean, log_scale.clamp(-7.0, 2.0)))
        if self.couplings is None:
            return normal
        biases = statistics[:, 2 * LATENTS :].reshape(-1, COUPLINGS, COUPLING_HIDDEN)
        return FlowPosterior(normal, biases, self.couplings)

    def likelihood(self, latents: Tensor) -> Bernoulli:
        return Bernoulli.of(self.decoder(latents).reshape(-1, *self.image_shape))

    def log_prior(self, latents: Tensor) -> Tensor:
        if self.pseudo_logits is not None:
            every = self.components().log_density(latents[:, None])
            return every.logsumexp(1) - math.log(every.shape[1])
        if self.flow is not None:
            base, log_determinant = self.flow.inverse(latents)
            return super().log_prior(base) + log_determinant
        return super().log_prior(latents)

    def components(self) -> DensePosterior:
        """What a VampPrior mixes: q(z|u) of its pseudo-inputs u, (K, 2)."""
        return self.posterior(self.encode(cast("Tensor", self.pseudo_logits).sigmoid()))

    def prior_draws(self, count: int, noise: torch.Generator) -> Tensor:
        """Draws from p(z), (count, 2)."""
        normals = torch.randn((count, LATENTS), generator=noise, dtype=next(self.parameters()).dtype)
        if self.pseudo_logits is not None:
            rows = torch.randint(0, len(self.pseudo_logits), (count,), generator=noise)
            return self.posterior(self.encode(self.pseudo_logits.sigmoid())[rows]).draw(normals)[0]
        return normals if self.flow is None else self.flow(normals)


def train(posterior: str, prior: str, data: Miniatures, *, steps: int, batch: int = 128, seed: int = 0) -> SmallVAE:
    """The ELBO by one draw (L^A, for no flow or mixture has a KL in closed form), Adam with a cosine to zero."""
    noise = torch.Generator().manual_seed(seed)
    pseudo_inputs = data.batch(PSEUDO_INPUTS, noise).flatten(1)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = SmallVAE(posterior, prior, pseudo_inputs)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        images = data.batch(batch, noise)
        terms = model.log_weights(images, model.encode(images), torch.randn((batch, LATENTS), generator=noise))
        elbo = (terms[:, 0] + terms[:, 1] - terms[:, 2]).mean()
        optimizer.zero_grad()
        (-elbo).backward()
        optimizer.step()
        schedule.step()
    return model.eval().requires_grad_(requires_grad=False)


@dataclass(frozen=True)
class Grid:
    """A square lattice of latents (side², 2) with `spacing` between neighbours."""

    points: Tensor
    spacing: tuple[float, float]
    side: int

    @classmethod
    def around(cls, latents: Tensor, *, side: int, margin: float = 0.15) -> "Grid":
        """A box that holds all given latents (N, 2), wider than they need by the margin on each side."""
        low, high = latents.amin(0), latents.amax(0)
        room = margin * (high - low)
        ends = zip((low - room).tolist(), (high + room).tolist(), strict=True)
        axes = [torch.linspace(first, last, side, dtype=latents.dtype) for first, last in ends]
        spacing = (float(axes[0][1] - axes[0][0]), float(axes[1][1] - axes[1][0]))
        return cls(torch.cartesian_prod(*axes), spacing, side)

    def log_integral(self, log_values: Tensor) -> tuple[Tensor, Tensor]:
        """Log ∫ exp(values) of values (N, side²), (N,), and how much every second point alone would change it, (N,).

        The sum over a lattice converges exponentially for smooth integrands that vanish at the border (Trefethen &
        Weideman 2014): the change from twice the spacing bounds the error from above by far.
        """
        cell = math.log(self.spacing[0] * self.spacing[1])
        whole = log_values.double().logsumexp(1) + cell
        square = log_values.reshape(-1, self.side, self.side)[:, ::2, ::2]
        coarse = square.flatten(1).double().logsumexp(1) + cell + 2 * math.log(2)
        return whole, (whole - coarse).abs()


@dataclass(frozen=True)
class Evidence:
    """Log p(x), (N,), the quadrature's error, (N,), and ∫ p(z) dz over its grid, which ought to be 1."""

    value: Tensor
    error: Tensor
    prior_mass: float


@torch.no_grad()
def evidence_of(model: SmallVAE, data: Tensor, grid: Grid) -> Evidence:
    """By quadrature for data (N, 1, 14, 14)."""
    rows = data.flatten(1)
    joints, priors = [], []
    for points in grid.points.split(CHUNK):
        logits = model.decoder(points)
        # log p(x|z) of all images at all points is one product of matrices.
        log_likelihood = rows @ logits.T - nn.functional.softplus(logits).sum(1)
        priors.append(model.log_prior(points))
        joints.append(log_likelihood + priors[-1])
    value, error = grid.log_integral(torch.cat(joints, 1))
    mass, _ = grid.log_integral(torch.cat(priors)[None])
    return Evidence(value, error, float(mass.exp()))


def log_weights(model: SmallVAE, data: Tensor, statistics: Tensor, draws: int, noise: torch.Generator) -> Tensor:
    """Log importance weights of `draws` from q(z|x), (draws, N)."""
    rows = data.repeat(draws, 1, 1, 1)
    terms = model.log_weights(rows, statistics.repeat(draws, 1), torch.randn((len(rows), LATENTS), generator=noise))
    return (terms[:, 0] + terms[:, 1] - terms[:, 2]).reshape(draws, len(data))


def refined(model: SmallVAE, data: Tensor, noise: torch.Generator, *, steps: int, draws: int = 16) -> Tensor:
    """The statistics (N, S) of nearly the best q(z|x) in the family for each image, by ascent from the encoder's."""
    statistics = model.encode(data).detach().requires_grad_()
    optimizer = torch.optim.Adam([statistics], lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        (-log_weights(model, data, statistics, draws, noise).mean(0).sum()).backward()
        optimizer.step()
        schedule.step()
    return statistics.detach()


@dataclass(frozen=True)
class Cell:
    """One posterior and one prior: numbers for each test image, (N,) in nats, from the loosest to the truth."""

    elbo: Tensor
    refined: Tensor
    """ELBO of nearly the best member of the family for the image."""
    importance: Tensor
    annealed: Tensor
    """(A,) of the first A images."""
    evidence: Evidence

    @property
    def gap(self) -> Tensor:
        """KL(q(z|x) ‖ p(z|x)), (N,)."""
        return self.evidence.value - self.elbo

    @property
    def annealed_distance(self) -> Tensor:
        """Annealed importance sampling less the quadrature, (A,)."""
        return self.annealed - self.evidence.value[: len(self.annealed)]


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is spent on the measurement of a cell; the annealing sees the first `annealed_images` only."""

    draws: int = 300
    refinement: int = 60
    side: int = 401
    annealed_images: int = 40
    schedule: Schedule = field(default_factory=lambda: Schedule(temperatures=80, chains=10, leaps=5))


def measure(model: SmallVAE, data: Tensor, effort: Effort, *, seed: int = 1) -> Cell:
    """All bounds on data (N, 1, 14, 14); the annealing starts from a normal as wide as the prior, with no encoder."""
    noise = torch.Generator().manual_seed(seed)
    best = refined(model, data, noise, steps=effort.refinement)
    with torch.no_grad():
        weights = log_weights(model, data, model.encode(data), effort.draws, noise)
        near = log_weights(model, data, best, effort.draws, noise)
    few = data[: effort.annealed_images]
    walk = annealed(model, few, effort.schedule, noise, start=_broad_start(model, len(few), noise))
    evidence = evidence_of(model, data, grid_for(model, data, noise, side=effort.side))
    return Cell(
        elbo=monte_carlo_mean(weights).value,
        refined=monte_carlo_mean(near).value,
        importance=importance_weighted(weights).value,
        annealed=walk.bound.value,
        evidence=evidence,
    )


@torch.no_grad()
def grid_for(model: SmallVAE, data: Tensor, noise: torch.Generator, *, side: int, draws: int = 20) -> Grid:
    """A lattice over all places to which the prior or a posterior of the data leads."""
    normals = torch.randn((draws * len(data), LATENTS), generator=noise)
    from_posteriors, _ = model.posterior(model.encode(data).repeat(draws, 1)).draw(normals)
    return Grid.around(torch.cat([model.prior_draws(5000, noise), from_posteriors]), side=side)


def table(data: Miniatures, effort: Effort, *, steps: int, images: int) -> dict[tuple[str, str], Cell]:
    """(prior, posterior) -> what was measured on the first test images, after the same number of steps for all."""
    test = bits_of(data.test[:images], torch.Generator().manual_seed(2))
    pairs = [(prior, posterior) for prior in PRIORS for posterior in POSTERIORS]
    return {
        (prior, posterior): measure(train(posterior, prior, data, steps=steps), test, effort)
        for prior, posterior in track(pairs, "gap", transient=True)
    }


def lesson(path: Path) -> dict[str, float]:
    """Six small VAEs of 1,500 steps each, on 100 test images."""
    cells = table(load_miniatures(), Effort(), steps=1500, images=100)
    with figure(path, columns=2, width=4.6, height=3.6) as (bounds, parts):
        _draw_bounds(bounds, cells)
        _draw_parts(parts, cells)
    findings: dict[str, float] = {}
    for (prior, posterior), cell in cells.items():
        name = f"p(z) {prior}, q(z|x) {posterior}"
        findings |= {
            f"log p(x): {name}": float(cell.evidence.value.mean()),
            f"gap of the ELBO: {name}": float(cell.gap.mean()),
            f"… standard error over images: {name}": _error(cell.gap),
            f"… of it lost by the family: {name}": float((cell.evidence.value - cell.refined).mean()),
            f"gap of IWAE-{Effort().draws}: {name}": float((cell.evidence.value - cell.importance).mean()),
            f"AIS - log p(x): {name}": float(cell.annealed_distance.mean()),
            f"… standard error over images, AIS: {name}": _error(cell.annealed_distance),
            f"largest quadrature error: {name}": float(cell.evidence.error.max()),
            f"∫ p(z) dz: {name}": cell.evidence.prior_mass,
        }
    return findings


def _broad_start(model: SmallVAE, images: int, noise: torch.Generator) -> DiagonalNormal:
    """As wide as the prior, whatever its shape; the same for each image."""
    with torch.no_grad():
        draws = model.prior_draws(2000, noise)
    return DiagonalNormal(draws.mean(0).expand(images, -1), draws.std(0).log().expand(images, -1))


def _error(values: Tensor) -> float:
    return float(values.std()) / math.sqrt(len(values))


def _draw_bounds(axes: Any, cells: dict[tuple[str, str], Cell]) -> None:
    rows = range(len(cells))
    means = [(cell.elbo.mean(), cell.importance.mean(), cell.evidence.value.mean()) for cell in cells.values()]
    elbo, importance, evidence = ([float(each) for each in column] for column in zip(*means, strict=True))
    distances = [cell.annealed_distance for cell in cells.values()]
    annealed_at = [truth + float(distance.mean()) for truth, distance in zip(evidence, distances, strict=True)]
    axes.hlines(rows, elbo, evidence, color="0.8", linewidth=6)
    axes.plot(elbo, rows, "|", color="C0", markersize=14, markeredgewidth=2.5, label="ELBO")
    axes.plot(importance, rows, "o", color="C1", markersize=5, label=f"IWAE-{Effort().draws}")
    axes.errorbar(
        annealed_at,
        [row + 0.22 for row in rows],
        xerr=[2 * _error(distance) for distance in distances],
        fmt="s", color="C2", markersize=3, linewidth=1, label="AIS (± 2 s.e. of its distance)",
    )  # fmt: skip
    axes.plot(evidence, rows, "|", color="black", markersize=14, markeredgewidth=2.5, label="log p(x), quadrature")
    _name_rows(axes, cells)
    axes.locator_params(axis="x", nbins=5)
    axes.set(xlabel="nats an image", title="Bounds and the truth")
    axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(0, -0.16), ncols=2)


def _draw_parts(axes: Any, cells: dict[tuple[str, str], Cell]) -> None:
    rows = range(len(cells))
    family = [float((cell.evidence.value - cell.refined).mean()) for cell in cells.values()]
    whole = [float(cell.gap.mean()) for cell in cells.values()]
    encoder = [total - part for total, part in zip(whole, family, strict=True)]
    axes.barh(rows, family, height=0.55, color="C3", label="the family's: no q in it is p(z|x)")
    axes.barh(
        rows, encoder, left=family, height=0.55, color="C4", label="the encoder's: q is not the best of its family"
    )
    axes.errorbar(whole, rows, xerr=[2 * _error(cell.gap) for cell in cells.values()], fmt="none", color="0.3")
    _name_rows(axes, cells)
    axes.set(xlabel="nats an image (± 2 s.e.)", title="Gap log p(x) - ELBO, and whose loss it is", xlim=(0, None))
    axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(0, -0.16), ncols=1)


def _name_rows(axes: Any, cells: dict[tuple[str, str], Cell]) -> None:
    """Three pairs of rows, the first on top."""
    axes.set_yticks(range(len(cells)), [f"p(z) {prior}\nq(z|x) {posterior}" for prior, posterior in cells], fontsize=7)
    axes.set_ylim(len(cells) - 0.4, -0.6)


def _dense(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    layers = (nn.Linear(inputs, hidden), nn.ELU(), nn.Linear(hidden, hidden), nn.ELU(), nn.Linear(hidden, outputs))
    return nn.Sequential(*layers)
