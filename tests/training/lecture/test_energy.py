"""Energy models against quadrature, and how far their constant wanders against the asymptotic theory."""

import math

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from models_store import Card, write_checkpoint
from models_store.energy_vae import LARGEST_TILT, EnergyVAE, EnergyVAEConfig
from models_store.vae import VAE, VAEConfig
from training.energy import contrastive_cost
from training.lecture import energy, estimation


def powers(points: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
    """θ·(x, x², x³, x⁴) less a fourth power that keeps it integrable: an exponential family on the line."""
    return sum(theta[k] * points ** (k + 1) for k in range(4)) - 0.1 * points**4


@pytest.mark.parametrize("constant", [0.0, 0.4])
def test_the_self_contrastive_gradient_is_that_of_maximum_likelihood(constant: float) -> None:
    """By quadrature: a quarter of ∇ KL(data ‖ model), when the noise is the model itself and c = -log Z; else not."""
    points = torch.linspace(-6, 6, 4001, dtype=torch.float64)
    width = float(points[1] - points[0])
    data = powers(points, torch.tensor([0.5, 0.3, 0.2, -0.1], dtype=torch.float64)).softmax(0)
    theta = torch.tensor([-0.3, 0.1, 0.0, -0.05], dtype=torch.float64, requires_grad=True)

    values = powers(points, theta)
    likelihood = (data * (values - values.logsumexp(0))).sum()
    (exact,) = torch.autograd.grad(-likelihood, theta, retain_graph=True)
    copy = (values.detach() - values.detach().logsumexp(0)).exp()
    log_z = float(values.detach().logsumexp(0)) + math.log(width)
    c = torch.tensor(-log_z + constant, dtype=torch.float64, requires_grad=True)
    cost = energy.expected_cost(values + c - (copy / width).log(), data, copy, ratio=1)
    found, of_constant = torch.autograd.grad(cost, [theta, c])

    assert (constant == 0.0) == torch.allclose(found, 0.25 * exact, atol=1e-9)
    assert (constant == 0.0) == (abs(float(of_constant)) < 1e-9)


def test_sums_over_the_grid_are_what_the_means_tend_to() -> None:
    """`contrastive_cost` of many draws lies within 4 standard errors of `expected_cost`, at any ratio."""
    noise = torch.Generator().manual_seed(0)
    line = torch.linspace(-9, 9, 2001, dtype=torch.float64)
    masses = [Normal(mean, 1.0).log_prob(line).softmax(0) for mean in (1.0, 0.0)]
    draws = [mean + torch.randn(100_000, generator=noise, dtype=torch.float64) for mean in (1.0, 0.0)]
    curve = torch.sin

    exact = energy.expected_cost(curve(line), *masses, ratio=3)
    sampled = contrastive_cost(curve(draws[0]), curve(draws[1]), ratio=3)

    assert abs(float(sampled - exact)) < 4 * 0.5 / math.sqrt(100_000)


def test_noise_on_a_grid_is_the_density_that_it_says() -> None:
    """It integrates to 1, and its draws have the shares of the cells: 4 standard errors of the probability x > y."""
    grid = energy.Grid(half=3.0, cells=40)
    noise = energy.GridNoise(grid, energy.spiral().log_prob(grid.points))

    draws = noise.draw(50_000, torch.Generator().manual_seed(1))

    assert grid.log_integral(noise.log_prob(grid.points)) == pytest.approx(0.0, abs=1e-5)
    right = (grid.points[:, 0] > 0.5) & (grid.points[:, 1] > 0)
    share = float(noise.log_density[right].exp().sum()) * grid.area
    found = float(((draws[:, 0] > 0.45) & (draws[:, 1] > 0)).float().mean())
    assert abs(found - share) < 4 * math.sqrt(share * (1 - share) / 50_000)
    assert noise.log_prob(draws).isfinite().all()


def test_the_spiral_is_a_density() -> None:
    """Its integral over the grid is 1, so the grid misses none of it."""
    grid = energy.Grid()

    assert grid.log_integral(energy.spiral().log_prob(grid.points)) == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize("refresh", [0, 100], ids=["wide noise", "refreshed by the model"])
def test_a_network_learns_a_density_and_its_normalizer(refresh: int) -> None:
    """Of two lumps: c within 0.1 of -log Z by quadrature, the density within 0.1 nats, from above 1 at the start."""
    grid = energy.Grid()
    centers = torch.tensor([[-1.5, 0.0], [1.5, 1.0]])
    lumps = MixtureSameFamily(Categorical(torch.ones(2)), Independent(Normal(centers, 0.6 * torch.ones(2, 2)), 1))

    fit = energy.fit_plane(lumps, refresh=refresh, steps=400, batch=256)

    log_z = fit.model.log_normalizer(grid)
    true = lumps.log_prob(grid.points)
    with torch.no_grad():
        assert grid.divergence(true, fit.model.unnormalized(grid.points) - log_z) < 0.1
    assert grid.divergence(true, energy.WIDE.log_prob(grid.points)) > 1
    assert float(fit.model.constant.detach()) == pytest.approx(-log_z, abs=0.1)


def test_the_prior_of_the_blobs_codes_comes_closer_to_them() -> None:
    """By quadrature: KL(codes ‖ prior) falls by more than half, and c is -log Z."""
    world, grid = energy.blob_world(), energy.Grid(half=4.0, cells=80)
    codes = energy.fit_codes(world, steps=120)
    with torch.no_grad():
        posterior = energy.aggregated_posterior(codes, world.validation.take(torch.arange(200)).pixels(), grid.points)
        normal = VAE.log_prior(codes, grid.points)
        log_z = grid.log_integral(normal + codes.tilt(grid.points))

        before = grid.divergence(posterior, normal)
        after = grid.divergence(posterior, normal + codes.tilt(grid.points) - log_z)

    assert grid.log_integral(posterior) == pytest.approx(0.0, abs=1e-3)
    assert after < 0.5 * before
    assert float(codes.constant.detach()) == pytest.approx(-log_z, abs=0.1)


def test_a_stored_energy_prior_is_reported_where_there_is_one(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Its c beside -log Z by draws; an empty store has nothing to report."""
    folder = tmp_path_factory.mktemp("store")
    model = EnergyVAE(EnergyVAEConfig(**vars(VAEConfig(latent_dim=3, widths=(4,), hidden=8, prior="normal"))))
    model.tilt.layers[-2].bias.data.fill_(1.0)  # type: ignore[operator]  # the last linear layer
    write_checkpoint(folder, energy.SHIPPED_NAME, model, Card(summary="a tilt that is constant"))

    found = energy.shipped_findings(folder, draws=1000)

    assert energy.shipped_findings(folder / "empty") == {}
    height = LARGEST_TILT * math.tanh(1 / LARGEST_TILT)
    assert found["-log Z of fashion-energy by 1,000 draws"] == pytest.approx(-height, rel=1e-5)
    assert found["standard error of that"] == pytest.approx(0.0, abs=1e-6)
    assert found["effective share of those draws"] == pytest.approx(1.0)


@pytest.mark.parametrize("ratio", [1, 8])
@pytest.mark.parametrize("scale", [0.7, 1.4, 6.0])
def test_c_wanders_as_far_as_theory_says(scale: float, ratio: int) -> None:
    """Gutmann & Hyvärinen 2012, theorem 3: the deviation of 400 fits within 5 errors of it; their mean is -log Z."""
    constants = estimation.fitted_constants(scale, ratio=ratio, fits=400)

    predicted = estimation.predicted_deviation(scale, ratio=ratio)
    assert float(constants.std()) == pytest.approx(predicted, rel=5 / math.sqrt(2 * 400))
    # The bias of a maximum-likelihood estimate is of the order of its variance.
    assert abs(float(constants.mean()) - estimation.ONE_DIMENSION) < 4 * predicted / math.sqrt(400) + predicted**2


def test_more_noise_and_nearer_noise_is_better() -> None:
    """The deviation falls with the ratio, and is larger for far noise than for noise a little wider than the data."""
    spread = {
        (scale, ratio): estimation.predicted_deviation(scale, ratio=ratio) for scale in (1.4, 8.0) for ratio in (1, 16)
    }

    assert spread[8.0, 1] > spread[8.0, 16]
    assert spread[1.4, 1] > spread[1.4, 16]
    assert spread[8.0, 1] > 2 * spread[1.4, 1]


def test_with_noise_without_end_c_is_as_good_as_by_maximum_likelihood() -> None:
    """Then c = ½ log(a / 2π) with a estimated by maximum likelihood, whose variance is 2a²/T: deviation √(1 / 2T)."""
    assert estimation.predicted_deviation(1.4, ratio=1_000_000) == pytest.approx(
        math.sqrt(0.5 / estimation.POINTS), rel=1e-3
    )
