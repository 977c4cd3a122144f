"""The table of gaps: densities that integrate to one, a quadrature that others meet, and bounds in their order."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from training.annealing import Schedule
from training.lecture import gap
from training.lecture.gap import Couplings, Effort, FlowPosterior, Grid, NormalPosterior, SmallVAE
from training.lecture.miniatures import Miniatures, bits_of

CELLS = [("normal", "normal"), ("flow", "VampPrior"), ("normal", "RealNVP"), ("flow", "normal")]
"""(posterior, prior)."""


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def stripes(count: int, *, seed: int = 0) -> Tensor:
    """Waves of random phase and direction, (count, 1, 14, 14): two numbers fix an image."""
    phase, angle = 3 * torch.rand((2, count, 1, 1, 1), generator=generator(seed))
    row, column = torch.meshgrid(torch.arange(14.0), torch.arange(14.0), indexing="ij")
    return 0.5 + 0.45 * torch.sin(phase + 0.5 * (angle.cos() * row + angle.sin() * column))


def shaken(posterior: str, prior: str) -> SmallVAE:
    """Without training, but nowhere at its start, where flows are the identity; float64."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = SmallVAE(posterior, prior, stripes(5).flatten(1), hidden=20)
        for name, parameter in model.named_parameters():
            # An encoder shaken hard gives posteriors narrower than any grid.
            strength = 0.4 if name.startswith(("couplings", "flow")) else 0.05
            parameter.data += strength * torch.randn_like(parameter)
    return model.double().eval().requires_grad_(requires_grad=False)


@pytest.fixture(scope="module", params=CELLS, ids="-".join)
def learnt(request: pytest.FixtureRequest) -> tuple[SmallVAE, Tensor]:
    """A cell after 80 steps on stripes, and sixteen other stripes as bits."""
    posterior, prior = request.param
    data = Miniatures(stripes(300), stripes(16, seed=1))
    return gap.train(posterior, prior, data, steps=80, batch=32), bits_of(data.test, generator(2))


def flow_posterior(rows: int) -> FlowPosterior:
    """Far from normal."""
    posterior = shaken("flow", "normal").posterior(torch.randn((rows, 4 + 32), generator=generator(3)).double())
    assert isinstance(posterior, FlowPosterior)
    return posterior


@pytest.mark.parametrize("posterior", gap.POSTERIORS)
@pytest.mark.parametrize("prior", gap.PRIORS)
def test_each_prior_is_a_density(prior: str, posterior: str) -> None:
    """Its integral over the plane is 1."""
    model = shaken(posterior, prior)
    grid = Grid.around(model.prior_draws(5000, generator(4)), side=401, margin=1.0)

    mass, _ = grid.log_integral(model.log_prior(grid.points)[None])

    assert float(mass.exp()) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("prior", gap.PRIORS)
def test_draws_from_a_prior_have_its_density(prior: str) -> None:
    """The mean of a bounded function over 20,000 draws is its integral under the density, within 4 standard errors."""
    model = shaken("flow", prior)
    draws = model.prior_draws(20_000, generator(4))
    grid = Grid.around(draws, side=241, margin=0.3)

    def waves(points: Tensor) -> Tensor:
        return torch.sin(points @ torch.tensor([[1.0, 0.4], [-0.7, 1.3]], dtype=torch.float64)) + 2

    values = waves(draws)
    for column in range(2):
        expected, _ = grid.log_integral((model.log_prior(grid.points) + waves(grid.points)[:, column].log())[None])
        error = float(values[:, column].std()) / math.sqrt(20_000)
        assert abs(float(values[:, column].mean()) - float(expected.exp())) < 4 * error


def test_the_vamp_prior_is_the_mixture_of_its_posteriors() -> None:
    """With normal posteriors: torch's own mixture of the same means and scales."""
    model = shaken("normal", "VampPrior")
    components = model.components()
    assert isinstance(components, NormalPosterior)
    normals = Independent(Normal(components.normal.mean, components.normal.log_scale.exp()), 1)
    mixture = MixtureSameFamily(Categorical(torch.ones(5).double()), normals)
    points = 2 * torch.randn((50, 2), generator=generator(5)).double()

    torch.testing.assert_close(model.log_prior(points), mixture.log_prob(points))


def test_the_vamp_prior_of_flow_posteriors_is_their_mixture() -> None:
    """Component by component, each row of a batch of its own: nothing is mixed up by broadcasting."""
    model = shaken("flow", "VampPrior")
    components = model.components()
    assert isinstance(components, FlowPosterior)
    points = 2 * torch.randn((7, 2), generator=generator(5)).double()

    densities = torch.zeros(7, dtype=torch.float64)
    for row in range(5):
        normal = components.base.normal
        base, log_determinant = components.couplings.inverse(points, components.biases[row].expand(7, -1, -1))
        log_base = Normal(normal.mean[row], normal.log_scale[row].exp()).log_prob(base).sum(1)
        densities += (log_base + log_determinant).exp() / 5

    torch.testing.assert_close(model.log_prior(points), densities.log())


def test_couplings_undo_one_another_and_know_their_determinant() -> None:
    """Inverse of forward is the identity; log |det| in both directions is that of the Jacobian by autograd."""
    couplings = shaken("flow", "normal").couplings
    assert isinstance(couplings, Couplings)
    base = torch.randn((6, 2), generator=generator(6)).double()
    biases = torch.randn((6, 4, 8), generator=generator(7)).double()

    points, log_determinant = couplings(base, biases)
    back, inverse_log_determinant = couplings.inverse(points, biases)

    assert (points - base).abs().mean() > 0.3
    torch.testing.assert_close(back, base)
    torch.testing.assert_close(inverse_log_determinant, -log_determinant)
    for row in range(6):
        jacobian = torch.autograd.functional.jacobian(
            lambda point, row=row: couplings(point[None], biases[row : row + 1])[0][0], base[row]
        )
        torch.testing.assert_close(torch.linalg.det(jacobian).abs().log(), log_determinant[row])


def test_the_density_of_a_flow_posterior_is_that_of_its_draws() -> None:
    """At its draws, and it integrates to 1 for each image; it is no normal."""
    posterior = flow_posterior(3)
    latents, log_density = posterior.draw(torch.randn((3, 2), generator=generator(8)).double())
    torch.testing.assert_close(posterior.log_density(latents), log_density)

    every = torch.randn((2000, 3, 2), generator=generator(9)).double()
    draws = torch.cat([posterior.draw(each)[0] for each in every])
    grid = Grid.around(draws, side=301, margin=0.7)
    mass, _ = grid.log_integral(posterior.log_density(grid.points[:, None]).T)
    torch.testing.assert_close(mass, torch.zeros(3).double(), atol=2e-3, rtol=0)


def test_the_quadrature_meets_importance_sampling_from_the_prior(learnt: tuple[SmallVAE, Tensor]) -> None:
    """Log of the mean of p(x|z) over 20,000 draws from p(z), which no grid has seen, within 4 standard errors."""
    model, data = learnt
    evidence = gap.evidence_of(model, data, gap.grid_for(model, data, generator(1), side=201))
    logits = model.decoder(model.prior_draws(20_000, generator(10)))
    log_likelihood = (data.flatten(1) @ logits.T - torch.nn.functional.softplus(logits).sum(1)).double()

    value = log_likelihood.logsumexp(1) - math.log(20_000)
    weights = (log_likelihood - value[:, None]).exp()
    error = weights.std(1) / math.sqrt(20_000)

    assert ((value - evidence.value).abs() < 4 * error + 1e-3).all()
    assert evidence.prior_mass == pytest.approx(1, abs=5e-3)


def test_the_stated_error_of_the_quadrature_covers_the_real_one(learnt: tuple[SmallVAE, Tensor]) -> None:
    """A grid of 61 x 61 differs from one of 201 x 201 by no more than it says, plus rounding of float32."""
    model, data = learnt
    few, many = (gap.evidence_of(model, data, gap.grid_for(model, data, generator(1), side=side)) for side in (61, 201))

    assert ((few.value - many.value).abs() <= few.error + 2e-4).all()


def test_the_gap_is_the_divergence_from_the_true_posterior(learnt: tuple[SmallVAE, Tensor]) -> None:
    """Log p(x) - ELBO of 4,000 draws is KL(q ‖ p(z|x)), integrated on a grid, within 4 standard errors."""
    model, data = learnt
    data = data[:3]
    grid = gap.grid_for(model, data, generator(1), side=161)
    evidence = gap.evidence_of(model, data, grid)
    posterior = model.posterior(model.encode(data))
    log_posterior = posterior.log_density(grid.points[:, None]).double()
    logits = model.decoder(grid.points)
    log_likelihood = logits @ data.flatten(1).T - torch.nn.functional.softplus(logits).sum(1, keepdim=True)
    log_truth = log_likelihood.double() + model.log_prior(grid.points)[:, None] - evidence.value
    cell = grid.spacing[0] * grid.spacing[1]
    divergence = (log_posterior.exp() * (log_posterior - log_truth)).sum(0) * cell

    weights = gap.log_weights(model, data, model.encode(data), 4000, generator(11)).double()

    error = weights.std(0) / math.sqrt(4000)
    assert ((evidence.value - weights.mean(0) - divergence).abs() < 4 * error + 2e-3).all()


def test_the_bounds_lie_in_their_order_and_annealing_meets_the_truth(learnt: tuple[SmallVAE, Tensor]) -> None:
    """ELBO < ELBO of the best q ≤ log p(x) and ELBO < IWAE ≤ log p(x) in the mean; AIS within 4 standard errors."""
    model, data = learnt
    effort = Effort(
        draws=400, refinement=30, side=161, annealed_images=8, schedule=Schedule(temperatures=30, chains=12, leaps=3)
    )

    found = gap.measure(model, data, effort)

    truth = found.evidence.value
    for lower, upper in ((found.elbo, found.refined), (found.elbo, found.importance)):
        assert float((upper - lower).mean()) > 0
    for bound in (found.refined, found.importance):
        below = truth - bound
        assert float(below.mean()) > -4 * float(below.std()) / 4
    assert (found.gap > -0.1).all()
    distance = found.annealed_distance
    assert len(distance) == 8
    assert abs(float(distance.mean())) < 4 * float(distance.std()) / math.sqrt(8)
    assert float(distance.abs().mean()) < 0.5


def test_a_normal_integrates_to_one_and_its_coarse_lattice_does_not() -> None:
    """Spacing of half a scale is exact to 1e-9; at twice a scale the sum is off, and the stated error says so."""
    points = torch.tensor([[-8.0, -8.0], [8.0, 8.0]])
    for side, exact in ((33, True), (9, False)):
        grid = Grid.around(points, side=side, margin=0.0)
        log_density = Normal(0.3, 1.0).log_prob(grid.points.double()).sum(1)

        mass, error = grid.log_integral(log_density[None])

        assert (abs(float(mass)) < 1e-6) == exact
        assert abs(float(mass)) <= float(error) + 1e-6
