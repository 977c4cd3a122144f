"""A VAE learns a manifold: with two latent dimensions, a map of the data that can be drawn (*Deep Learning*, 20.10.3).

If the decoder is linear and the noise normal, the manifold is a plane, and it is the principal plane: the linear VAE is
probabilistic PCA (Tipping & Bishop 1999; Lucas et al. 2019). A network bends the plane. The map is drawn at the
quantiles of the prior, so that every picture stands for the same share of it; the same pictures are served at
`GET /v1/models/{m}/manifold.png`.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.functional import jvp

from models_store.base import Autoencoder, LatentModel
from models_store.store import SHIPPED
from models_store.vae import VAE, VAEConfig
from training import data as datasets
from training.config import VAERun
from training.data import ImageSet, Split
from training.elbo import ELBOObjective
from training.lecture.figure import figure
from training.lecture.rehearsal import CPU, rehearse, shipped

FASHION_MAP = "fashion-vae-2d"
SIDE = 20
SCATTERED = 3000
SMALL = VAEConfig(latent_dim=2, widths=(8, 16), hidden=64, prior="normal")


@dataclass(frozen=True)
class LinearVAE:
    """p(x|z) = N(Wz + μ, σ²I): W is `weight` (D, d), σ² `variance`, `elbo` its mean over the data in nats."""

    weight: Tensor
    variance: float
    elbo: float


def probabilistic_pca(covariance: Tensor, latent_dim: int) -> LinearVAE:
    """The closed form for a covariance (D, D): W = U(Λ - σ²I)^½, σ² the mean of the eigenvalues left out.

    Up to a rotation of z (Tipping & Bishop 1999, eq. 3.8); its posterior is exact, so its ELBO is log p(x).
    """
    values, vectors = torch.linalg.eigh(covariance)
    kept, left_out = values[-latent_dim:], values[:-latent_dim]
    variance = float(left_out.mean())
    size = len(values)
    log_determinant = float(kept.log().sum()) + len(left_out) * math.log(variance)
    weight = vectors[:, -latent_dim:] * (kept - variance).sqrt()
    return LinearVAE(weight, variance, -0.5 * (size * math.log(2 * math.pi) + log_determinant + size))


def linear_elbo(
    covariance: Tensor, weight: Tensor, recognition: Tensor, log_scales: Tensor, log_variance: Tensor
) -> Tensor:
    """The mean ELBO in nats of p(x|z) = N(Wz + μ, σ²I) and q(z|x) = N(V(x - μ), diag s²), μ the mean of the data.

    For data of a covariance C (D, D), W (D, d), V (d, D), log s (d,), log σ² (): every expectation is a trace. The
    squared error is tr((I - WV)C(I - WV)ᵀ) + tr(W diag(s²) Wᵀ), the KL ½Σ(s² - log s² - 1) + ½tr(VCVᵀ).
    """
    size = len(covariance)
    missed = torch.eye(size, dtype=covariance.dtype) - weight @ recognition
    scatter = (2 * log_scales).exp()
    error = (missed @ covariance @ missed.T).trace() + (weight.square() @ scatter).sum()
    reconstruction = -0.5 * (error / log_variance.exp() + size * (math.log(2 * math.pi) + log_variance))
    divergence = 0.5 * ((scatter - 2 * log_scales - 1).sum() + (recognition @ covariance @ recognition.T).trace())
    return reconstruction - divergence


def fit_linear_vae(covariance: Tensor, latent_dim: int, *, seed: int = 0) -> LinearVAE:
    """Maximizes `linear_elbo` by L-BFGS from small random weights; covariance (D, D) in float64."""
    noise = torch.Generator().manual_seed(seed)
    shape = (len(covariance), latent_dim)
    weight, recognition = (0.1 * torch.randn(shape, generator=noise, dtype=covariance.dtype) for _ in range(2))
    start = (weight, recognition.T.contiguous(), covariance.new_zeros(latent_dim), covariance.diagonal().mean().log())
    parameters = [each.clone().requires_grad_() for each in start]
    optimizer = torch.optim.LBFGS(
        parameters, max_iter=5000, tolerance_grad=1e-10, tolerance_change=1e-15, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = -linear_elbo(covariance, *parameters)
        loss.backward()
        return loss

    optimizer.step(closure)
    fitted = [each.detach() for each in parameters]
    return LinearVAE(fitted[0], math.exp(float(fitted[-1])), float(linear_elbo(covariance, *fitted)))


def largest_angle(one: Tensor, other: Tensor) -> float:
    """Between the column spaces of (D, d) each, in radians: 0 if they are one subspace."""
    first, second = (torch.linalg.qr(each).Q for each in (one, other))
    # By the sine: the cosine of a small angle is 1 to machine precision long before the angle is 0.
    beyond = second - first @ (first.T @ second)
    return math.asin(min(1.0, float(torch.linalg.matrix_norm(beyond, 2))))


def grid_points(side: int) -> Tensor:
    """The points of the map, (side², 2), row by row: quantiles (i + ½)/side of N(0, 1), to the right and up."""
    quantiles = torch.tensor([NormalDist().inv_cdf((number + 0.5) / side) for number in range(side)])
    up, right = torch.meshgrid(quantiles.flip(0), quantiles, indexing="ij")
    return torch.stack([right, up], dim=-1).reshape(-1, 2)


@torch.no_grad()
def codes_of(network: Autoencoder, pictures: Split) -> Tensor:
    """The centre of q(z|x) of each picture, (N, 2)."""
    return torch.cat([network.posterior(network.encode(part.pixels())).center for part in pictures.batches(500)])


def stretch(network: LatentModel, latents: Tensor) -> Tensor:
    """The largest singular value of the decoder's Jacobian at latents (N, 2), (N,): change of pixels a unit of z.

    Along any path |g(z) - g(z')| ≤ ∫ stretch · |dz|: near points of the map are near pictures.
    """
    directions = [torch.eye(2)[axis].expand_as(latents).contiguous() for axis in range(2)]
    columns = [jvp(network.decode, latents, each)[1].flatten(1) for each in directions]
    return torch.linalg.matrix_norm(torch.stack(columns, dim=2), 2)


def same_class_neighbours(codes: Tensor, labels: Tensor) -> float:
    """Share of the points (N, d) whose nearest neighbour among the others has their label (N,)."""
    distances = torch.cdist(codes, codes).fill_diagonal_(math.inf)
    return float((labels[distances.argmin(1)] == labels).double().mean())


def train_map(pictures: Split, shape: VAEConfig, *, steps: int, batch: int = 64) -> VAE:
    """A small VAE, in seconds."""
    run = VAERun(model=shape, steps=steps, learning_rate=3e-3, warm_up=50, kl_warm_up=steps // 4, average=0.99)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        objective = ELBOObjective(run, VAE(shape), CPU)
    return cast("VAE", rehearse(objective, pictures, steps=steps, batch=batch, name="a small VAE"))


def shipped_map(store: Path = SHIPPED) -> VAE | None:
    """The checkpoint that comes with the project, if the store has it."""
    return cast("VAE | None", shipped(store, FASHION_MAP))


@torch.no_grad()
def lesson(path: Path) -> dict[str, float]:
    """The shipped map of Fashion-MNIST, or that of a VAE of half a minute; beside it PCA with as many dimensions."""
    data = datasets.load("fashion-mnist", image_size=28, channels=1)
    network = shipped_map()
    if network is None:
        with torch.enable_grad():
            network = train_map(data.train, SMALL, steps=800)
    codes = codes_of(network, data.test)
    grid = network.decode(grid_points(SIDE))
    _draw(path, grid, codes, data)
    labels = cast("Tensor", data.test.labels)[:SCATTERED]
    flat, test = (each.pixels().flatten(1).double() for each in (data.train, data.test))
    mean, plane = flat.mean(0), torch.linalg.eigh(torch.cov(flat.T)).eigenvectors[:, -2:]
    flat_codes = (test - mean) @ plane
    remade = torch.cat([network.decode(part) for part in codes.split(500)]).flatten(1)
    near, far = neighbour_and_mean_distance(grid)
    return {
        "squared error a test image, VAE": float((test - remade).square().sum(1).mean()),
        "squared error a test image, PCA": float((test - mean - flat_codes @ plane.T).square().sum(1).mean()),
        "nearest neighbour of the same class, VAE": same_class_neighbours(codes[:SCATTERED], labels),
        "nearest neighbour of the same class, PCA": same_class_neighbours(flat_codes[:SCATTERED], labels),
        "distance of neighbours on the map": near,
        "distance of any two on the map": far,
    }


def neighbour_and_mean_distance(grid: Tensor) -> tuple[float, float]:
    """Mean Euclidean distance of pictures (side², C, H, W) next to one another on the map, and of any two."""
    side = math.isqrt(len(grid))
    rows = grid.reshape(side, side, -1)
    steps = torch.cat([rows.diff(dim=axis).norm(dim=2).flatten() for axis in (0, 1)])
    return float(steps.mean()), float(torch.pdist(grid.flatten(1)).mean())


def _draw(path: Path, grid: Tensor, codes: Tensor, data: ImageSet) -> None:
    """The map, and the codes on the same axes: of a code z it shows Φ(z), the share of the prior below it."""
    shares = torch.special.ndtr(codes)
    labels = cast("Tensor", data.test.labels)
    side, (height, width) = math.isqrt(len(grid)), grid.shape[2:]
    sheet = grid[:, 0].reshape(side, side, height, width).permute(0, 2, 1, 3).reshape(side * height, side * width)
    with figure(path, columns=2, width=4.6, height=4.7) as (pictures, points):
        pictures.imshow(sheet.numpy(), cmap="gray", vmin=0, vmax=1, extent=(0, 1, 0, 1))
        pictures.set(title="decoder means at the quantiles of N(0, I)")
        for label, name in enumerate(data.classes):
            rows = (labels[:SCATTERED] == label).nonzero().squeeze(1)
            x, y = shares[rows].T
            colour = f"C{label}"
            points.scatter(x, y, s=3, color=colour, linewidths=0, alpha=0.8)
            points.annotate(
                name,
                (float(x.median()), float(y.median())),
                ha="center",
                va="center",
                fontsize=8,
                bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": colour, "alpha": 0.85},
            )
        points.set(title=f"codes of {SCATTERED} test images", xlim=(0, 1), ylim=(0, 1), aspect="equal")
        for axes in (pictures, points):
            _label_axes(axes)


def _label_axes(axes: Any) -> None:
    marks = [-2, -1, 0, 1, 2]
    places = [NormalDist().cdf(mark) for mark in marks]
    axes.set(xlabel="z₁", ylabel="z₂", xticks=places, xticklabels=marks, yticks=places, yticklabels=marks)
