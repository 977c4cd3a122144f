"""An energy model whose normalizer nobody can integrate, learned by telling data from noise: in a plane, and on codes.

In two dimensions Z can be integrated after all, on a grid, so that the learned c is held against -log Z. With a noise
that is refreshed by the model itself the game is the self-contrastive one, whose expected gradient is that of maximum
likelihood times a constant (Goodfellow 2014, arXiv 1412.6515, §4). Last, the same code that trains `EnergyVAE` learns
the prior of a VAE with two latents, whose codes of a blob going round leave the middle of N(0, I) empty.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import torch
from rich.progress import track
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution, Independent, MixtureSameFamily, MultivariateNormal, Normal

from models_store.checkpoint import read_checkpoint
from models_store.energy_vae import EnergyVAE, EnergyVAEConfig, Tilt
from models_store.store import SHIPPED
from models_store.vae import VAE, VAEConfig
from training.config import EnergyRun, VAERun
from training.data import ImageSet, Split
from training.elbo import ELBOObjective
from training.energy import EnergyObjective, contrastive_cost, log_normalizer
from training.lecture.figure import figure
from training.lecture.rehearsal import CPU, rehearse
from training.objective import noise_of

SPREAD = 3.0
"""Standard deviation of the normal that an untrained energy model is."""
WIDE = MultivariateNormal(torch.zeros(2), SPREAD**2 * torch.eye(2))
REFRESH = 100
"""Steps after which the model takes the place of its noise."""
SHIPPED_NAME = "fashion-energy"


@dataclass(frozen=True)
class Grid:
    """The midpoints of square cells over [-half, half]²: integrals become sums."""

    half: float = 6.0
    cells: int = 160

    @property
    def area(self) -> float:
        """Of one cell."""
        return (2 * self.half / self.cells) ** 2

    @cached_property
    def points(self) -> Tensor:
        """Midpoints (cells², 2), x first."""
        ticks = (torch.arange(self.cells) + 0.5) * (2 * self.half / self.cells) - self.half
        return torch.cartesian_prod(ticks, ticks)

    def log_integral(self, log_values: Tensor) -> float:
        """Log ∫ exp f from f at the midpoints, (cells²,)."""
        return float(log_values.double().logsumexp(0)) + math.log(self.area)

    def divergence(self, log_true: Tensor, log_model: Tensor) -> float:
        """KL(true ‖ model) in nats from the logarithms of both densities at the midpoints, (cells²,) each."""
        true = log_true.double()
        return float((true.exp() * (true - log_model.double())).sum()) * self.area


class GridNoise:
    """A density that is constant in each cell, and exactly so: its draws are jittered over the cell that was chosen."""

    def __init__(self, grid: Grid, log_density: Tensor) -> None:
        self.grid = grid
        self.log_density = log_density - grid.log_integral(log_density)
        self.choice = (self.log_density.double().exp() * grid.area).cumsum(0)

    def log_prob(self, points: Tensor) -> Tensor:
        """Points (N, 2) -> (N,); those beyond the grid count to the cell next to them."""
        grid = self.grid
        place = ((points + grid.half) * grid.cells / (2 * grid.half)).long().clamp(0, grid.cells - 1)
        return self.log_density[place[:, 0] * grid.cells + place[:, 1]]

    def draw(self, count: int, noise: torch.Generator) -> Tensor:
        """Draws (count, 2)."""
        uniforms = torch.rand(count, generator=noise, dtype=torch.float64) * self.choice[-1]
        chosen = torch.searchsorted(self.choice, uniforms).clamp(max=len(self.choice) - 1)
        jitter = torch.rand((count, 2), generator=noise) - 0.5
        return self.grid.points[chosen] + jitter * math.sqrt(self.grid.area)


def spiral(arms: int = 2, beads: int = 24) -> Distribution:
    """A mixture of equal normals strung along spirals: no exponential family, but a density known everywhere."""
    turn = torch.linspace(0.6, 1.0, beads)
    angles = (2.2 * math.pi * turn)[None] + 2 * math.pi * torch.arange(arms)[:, None] / arms
    radii = (3.6 * (turn - 0.35) / 0.65).expand(arms, -1)
    centers = torch.stack([radii * angles.cos(), radii * angles.sin()], 2).flatten(0, 1)
    beads_of_all = Independent(Normal(centers, torch.full_like(centers, 0.3)), 1)
    return MixtureSameFamily(Categorical(torch.ones(len(centers))), beads_of_all)


class PlaneEnergy(nn.Module):
    """log p(x) = h(x) - |x|²/(2·3²) + c, with h the bounded network that tilts the prior of an `EnergyVAE`."""

    def __init__(self, hidden: int = 64) -> None:
        super().__init__()
        self.tilt = Tilt(2, hidden)
        self.constant = nn.Parameter(torch.zeros(()))

    def unnormalized(self, points: Tensor) -> Tensor:
        """Points (N, 2) -> minus the energy, (N,)."""
        return self.tilt(points) - points.square().sum(1) / (2 * SPREAD**2)

    def forward(self, points: Tensor) -> Tensor:
        """Points (N, 2) -> log p, normalized only as far as c is, (N,)."""
        return self.unnormalized(points) + self.constant

    @torch.no_grad()
    def log_normalizer(self, grid: Grid) -> float:
        """Log Z by quadrature."""
        return grid.log_integral(self.unnormalized(grid.points))


@dataclass(frozen=True)
class Fit:
    """A trained energy model, the last noise it was told from, and c beside -log Z along the way."""

    model: PlaneEnergy
    noise: GridNoise
    steps: list[int]
    constants: list[float]
    truths: list[float]


def fit_plane(data: Distribution, *, refresh: int = 0, steps: int = 1200, batch: int = 512, seed: int = 0) -> Fit:
    """Noise-contrastive estimation from N(0, 3²I); with `refresh` the model replaces its noise every so many steps."""
    grid = Grid()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = PlaneEnergy()
        points = data.sample(torch.Size((20_000,)))
    noise = GridNoise(grid, WIDE.log_prob(grid.points))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    marks, constants, truths = [], [], []
    for step in track(range(steps), "energy in the plane", transient=True):
        if step % 50 == 0:
            marks.append(step)
            constants.append(float(model.constant.detach()))
            truths.append(-model.log_normalizer(grid))
        if refresh and step and step % refresh == 0:
            with torch.no_grad():
                noise = GridNoise(grid, model(grid.points))
        generator = noise_of(seed, step, points.device)
        real = points[torch.randint(len(points), (batch,), generator=generator)]
        fake = noise.draw(batch, generator)
        optimizer.zero_grad()
        cost = contrastive_cost(model(real) - noise.log_prob(real), model(fake) - noise.log_prob(fake), ratio=1)
        cost.backward()
        optimizer.step()
        scheduler.step()
    return Fit(model, noise, marks, constants, truths)


def expected_cost(logits: Tensor, data: Tensor, noise: Tensor, *, ratio: float) -> Tensor:
    """`contrastive_cost` with sums over a grid for means; `data` and `noise` are the probabilities of the cells."""
    offset = math.log(ratio)
    missed = (data * nn.functional.softplus(offset - logits)).sum()
    mistaken = (noise * nn.functional.softplus(logits - offset)).sum()
    return (missed + ratio * mistaken) / (1 + ratio)


def blobs(count: int, *, seed: int, size: int = 12) -> Split:
    """Pictures of a bright blob at any angle of a circle, seen as bytes: a world with one direction and no middle."""
    angles = 2 * math.pi * torch.rand(count, generator=torch.Generator().manual_seed(seed))
    ticks = (torch.arange(size) + 0.5) / size * 2 - 1
    x, y = (0.6 * wave(angles)[:, None, None] for wave in (torch.cos, torch.sin))
    brightness = torch.exp(-((ticks[None, None, :] - x).square() + (ticks[None, :, None] - y).square()) / 0.1)
    return Split((255 * brightness).round().to(torch.uint8)[:, None], None)


def blob_world() -> ImageSet:
    """4,000 pictures to learn from, 1,000 to validate."""
    train, validation = blobs(4000, seed=0), blobs(1000, seed=1)
    return ImageSet("blobs", "none", "0" * 64, (), train, validation, validation)


def fit_codes(data: ImageSet, *, steps: int = 500) -> EnergyVAE:
    """A VAE with two latents and a normal prior, then the energy prior of its codes: the objectives of `training`."""
    shape: dict[str, Any] = {"image_size": 12, "latent_dim": 2, "widths": (8,), "hidden": 64, "prior": "normal"}
    batch: dict[str, Any] = {"batch_size": 128, "steps": steps, "average": 0.99}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        base = VAE(VAEConfig(**shape))
        vae = ELBOObjective(
            VAERun(model=base.config, warm_up=20, kl_warm_up=100, learning_rate=3e-3, **batch), base, CPU
        )
        rehearse(vae, data.train, steps=steps, batch=128, name="VAE of blobs")
        run = EnergyRun(model=EnergyVAEConfig(**shape, energy_hidden=64), learning_rate=5e-3, weight_decay=0.0, **batch)
        energy = EnergyObjective(run, cast("VAE", vae.network()), CPU)
    rehearse(energy, data.train, steps=steps, batch=128, name="energy of codes")
    return energy.network()


@torch.no_grad()
def aggregated_posterior(model: VAE, images: Tensor, points: Tensor) -> Tensor:
    """Log of the mean of q(z|x) over images (N, C, H, W) at points (P, 2), (P,); the posterior is a diagonal normal."""
    mean, log_scale = model.encode(images).chunk(2, dim=1)
    scale = log_scale.clamp(-7.0, 2.0).exp()
    columns = [
        Independent(Normal(mean[:, None], scale[:, None]), 1).log_prob(part[None]).logsumexp(0)
        for part in points.split(2000)
    ]
    return torch.cat(columns) - math.log(len(images))


def lesson(path: Path) -> dict[str, float]:
    """The spiral by fixed and by refreshed noise, the codes of blobs, and the shipped energy prior if there is one."""
    grid, data = Grid(), spiral()
    fits = {"wide noise": fit_plane(data), "refreshed noise": fit_plane(data, refresh=REFRESH)}
    world = blob_world()
    codes = fit_codes(world)
    with torch.no_grad():
        codes_grid = Grid(half=4.0)
        posterior = aggregated_posterior(codes, world.validation.pixels(), codes_grid.points)
        _draw(path, grid, data, fits, codes_grid, posterior, codes)
        return _findings(grid, data, fits, codes_grid, posterior, codes) | shipped_findings()


def _findings(
    grid: Grid, data: Distribution, fits: dict[str, Fit], codes_grid: Grid, posterior: Tensor, codes: EnergyVAE
) -> dict[str, float]:
    found = {}
    for name, fit in fits.items():
        log_z = fit.model.log_normalizer(grid)
        found[f"c + log Z of the spiral, {name}"] = float(fit.model.constant) + log_z
        log_model = fit.model.unnormalized(grid.points) - log_z
        found[f"KL(data ‖ model) in nats, {name}"] = grid.divergence(data.log_prob(grid.points), log_model)
    normal = VAE.log_prior(codes, codes_grid.points)
    log_z = codes_grid.log_integral(normal + codes.tilt(codes_grid.points))
    before = codes_grid.divergence(posterior, normal)
    after = codes_grid.divergence(posterior, normal + codes.tilt(codes_grid.points) - log_z)
    return found | {
        "c + log Z of the blobs' codes": float(codes.constant) + log_z,
        "KL(codes ‖ N(0, I)) in nats": before,
        "KL(codes ‖ energy prior) in nats": after,
    }


def shipped_findings(store: Path = SHIPPED, *, draws: int = 1_000_000) -> dict[str, float]:
    """C of the stored energy prior beside an estimate of -log Z; nothing where the store has none."""
    if not (store / f"{SHIPPED_NAME}.json").exists():
        return {}
    model = cast("EnergyVAE", read_checkpoint(store, SHIPPED_NAME).network)
    noise = torch.Generator().manual_seed(0)
    estimate = log_normalizer(model, torch.randn((draws, model.latent_dim), generator=noise))
    plane = Grid(half=7.0, cells=400)
    by_grid = (
        {f"-log Z of {SHIPPED_NAME} by quadrature": -plane.log_integral(model.log_prior(plane.points) - model.constant)}
        if model.latent_dim == 2  # a plane
        else {}
    )
    return by_grid | {
        f"c of {SHIPPED_NAME}": float(model.constant),
        f"-log Z of {SHIPPED_NAME} by {draws:,} draws": -float(estimate.value),
        "standard error of that": float(estimate.standard_error),
        "effective share of those draws": float(estimate.effective_sample_size) / draws,
    }


def _draw(
    path: Path,
    grid: Grid,
    data: Distribution,
    fits: dict[str, Fit],
    codes_grid: Grid,
    posterior: Tensor,
    codes: EnergyVAE,
) -> None:
    with figure(path, width=9.6, height=5.0) as (whole,):
        drawing = whole.figure
        whole.remove()
        axes = drawing.subplot_mosaic(
            [["data", "noise", "wide", "fitted"], ["constants", "constants", "codes", "prior"]]
        )
        fit = fits["refreshed noise"]
        _density(axes["data"], grid, data.log_prob(grid.points), "data: a spiral")
        _density(axes["noise"], grid, WIDE.log_prob(grid.points), "noise: N(0, 3²I)")
        _density(axes["wide"], grid, fits["wide noise"].model(grid.points), "told from that noise")
        _density(axes["fitted"], grid, fit.model(grid.points), "told from itself, refreshed")
        _density(axes["codes"], codes_grid, posterior, "codes of blobs")
        _density(axes["prior"], codes_grid, codes.log_prior(codes_grid.points), "their energy prior")
        for color, (name, each) in zip(("tab:blue", "tab:orange"), fits.items(), strict=True):
            axes["constants"].plot(each.steps, each.constants, color=color, label=f"c, {name}")
            axes["constants"].plot(
                each.steps, each.truths, color=color, linestyle=":", label=f"-log Z by quadrature, {name}"
            )
        axes["constants"].set(xlabel="step")
        axes["constants"].legend(fontsize=7)


def _density(axes: Any, grid: Grid, log_density: Tensor, title: str) -> None:
    picture = log_density.exp().reshape(grid.cells, grid.cells).T
    extent = (-grid.half, grid.half, -grid.half, grid.half)
    axes.imshow(picture.numpy(), origin="lower", extent=extent, cmap="magma")
    axes.set_title(title, fontsize=9)
    axes.set(xticks=[], yticks=[])
