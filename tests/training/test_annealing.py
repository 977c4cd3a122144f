"""Annealed importance sampling where the answer is known: Hamilton's equations, normals, models with an evidence."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from models_store.posteriors import DiagonalNormal
from tests.conftest import tiny_vae
from tests.models_store.examples import noise
from tests.models_store.test_estimators import SIGMA, LinearGaussian, images_of
from training.annealing import (
    ACCEPTANCE,
    Place,
    Schedule,
    Start,
    Tilt,
    annealed,
    climb,
    leapfrog,
    matched_normal,
    noise_behind,
    pilot,
    repeated,
    sandwiched,
    sigmoid_temperatures,
    transition,
)

PRECISION = torch.tensor([8.0, 1.0], dtype=torch.float64)
GENTLE = torch.tensor([0.8, 0.4], dtype=torch.float64)
"""With these, weights down have a variance even after few temperatures."""
CENTER = torch.tensor([1.0, -0.5], dtype=torch.float64)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def bent(points: Tensor) -> Tensor:
    """A tilt with a valley along a parabola: nothing about it is linear."""
    x, y = points.unbind(1)
    return -2 * (y - x.square()).square() + torch.cos(3 * x)


def quadratic(points: Tensor, precision: Tensor = PRECISION) -> Tensor:
    """-½ Σ a (u - b)²: every f_β is a normal."""
    return -0.5 * (precision * (points - CENTER).square()).sum(1)


def log_ratio(precision: Tensor) -> float:
    """Log ∫ N(u; 0, I) exp(quadratic(u)) du."""
    return float(-0.5 * (torch.log1p(precision) + precision / (1 + precision) * CENTER.square()).sum())


def moments(temperature: float, precision: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of the normal that is f_β for the quadratic tilt, (2,) both."""
    total = 1 + temperature * precision
    return temperature * precision * CENTER / total, 1 / total


def exact_draws(count: int, *, temperature: float, precision: Tensor = PRECISION, seed: int = 0) -> Tensor:
    """From f_β for the quadratic tilt, (count, 2)."""
    mean, variance = moments(temperature, precision)
    return mean + variance.sqrt() * noise(count, 2, seed=seed)


def phases_after(tilt: Tilt, phases: Tensor, *, size: float, leaps: int) -> Tensor:
    """Points and momenta side by side, (R, 4) -> where leapfrog takes them."""
    points, momentum = phases.chunk(2, dim=1)
    sizes = phases.new_full((len(phases),), size)
    place, after = leapfrog(tilt, Place.at(tilt, points), momentum, temperature=0.7, sizes=sizes, leaps=leaps)
    return torch.cat([place.points, after], dim=1)


def energies(tilt: Tilt, phases: Tensor) -> Tensor:
    points, momentum = phases.chunk(2, dim=1)
    return Place.at(tilt, points).energy(0.7) + 0.5 * momentum.square().sum(1)


def test_leapfrog_runs_backwards() -> None:
    """With the momentum turned round, the same steps lead back to the start."""
    start = noise(20, 4)
    turn = torch.tensor([1.0, 1.0, -1.0, -1.0], dtype=torch.float64)

    there = phases_after(bent, start, size=0.08, leaps=15)
    back = phases_after(bent, there * turn, size=0.08, leaps=15) * turn

    assert (there - start).abs().max() > 0.5
    torch.testing.assert_close(back, start, atol=1e-9, rtol=0)


def test_leapfrog_keeps_volume() -> None:
    """The determinant of its Jacobian, by central differences, is 1 at every start."""
    starts, distance = noise(10, 4), 1e-5
    directions = distance * torch.eye(4, dtype=torch.float64)
    for start in starts:
        ahead, behind = (phases_after(bent, start + sign * directions, size=0.1, leaps=7) for sign in (1.0, -1.0))
        jacobian = ((ahead - behind) / (2 * distance)).T

        assert float(torch.linalg.det(jacobian)) == pytest.approx(1, abs=1e-6)
        assert (jacobian - torch.eye(4)).abs().max() > 0.1


def test_the_energy_error_of_leapfrog_is_of_second_order() -> None:
    """Half the step over the same time makes a quarter of the error."""
    start = 0.7 * noise(200, 4)
    errors = []
    for leaps in (20, 40, 80, 160):
        after = phases_after(bent, start, size=1.0 / leaps, leaps=leaps)
        errors.append(float((energies(bent, after) - energies(bent, start)).square().mean().sqrt()))

    ratios = [coarse / fine for coarse, fine in pairwise(errors)]
    assert ratios[1:] == pytest.approx([4, 4], rel=0.1)


@pytest.mark.parametrize("temperature", [0.0, 0.3, 1.0])
def test_a_transition_leaves_its_distribution_as_it_is(temperature: float) -> None:
    """Exact draws stay exact draws: both moments within 4 standard errors, though a good part is refused."""
    count = 20_000
    place = Place.at(quadratic, exact_draws(count, temperature=temperature))
    sizes = torch.full((count,), 1.5 / math.sqrt(1 + 8 * temperature), dtype=torch.float64)
    # Not the seed of the start: equal noise would tie the first momentum to it.
    rng = generator(6)
    for _ in range(4):
        place, probability = transition(quadratic, place, rng, temperature=temperature, sizes=sizes, leaps=3)

    assert 0.3 < float(probability.mean()) < 0.97
    mean, variance = moments(temperature, PRECISION)
    assert ((place.points.mean(0) - mean).abs() < 4 * (variance / count).sqrt()).all()
    assert ((place.points.var(0) / variance - 1).abs() < 4 * math.sqrt(2 / count)).all()


@pytest.mark.parametrize("down", [False, True], ids=["up", "down"])
@pytest.mark.parametrize("size", [0.01, 0.3, 1.2])
def test_the_mean_weight_is_the_ratio_of_the_normalizers_whatever_the_steps(size: float, *, down: bool) -> None:
    """E[w] = Z up and 1 / Z down, within 4 standard errors, with hopeless steps and few temperatures, too."""
    count = 20_000
    ladder = sigmoid_temperatures(4)
    start = exact_draws(count, temperature=1.0 if down else 0.0, precision=GENTLE, seed=1)
    sizes = torch.full((3, count), size, dtype=torch.float64)

    walk = climb(
        lambda points: quadratic(points, GENTLE), start, ladder.flip(0) if down else ladder, sizes, 3, generator(2)
    )

    ratio = log_ratio(GENTLE)
    shifted = walk.log_weights + (ratio if down else -ratio)
    error = float(shifted.exp().std()) / math.sqrt(count)
    assert error < 0.02
    assert abs(float(shifted.exp().mean()) - 1) < 4 * error
    # Jensen: the mean of log w is below log E[w], far outside the noise.
    assert float(shifted.mean()) < -4 * float(shifted.std()) / math.sqrt(count)


def test_the_pilot_finds_steps_that_are_accepted_at_the_wanted_rate() -> None:
    """Another walk with its sizes accepts near 65 %, for images whose posteriors differ tenfold in width."""
    widths = torch.tensor([1.0, 0.3, 0.1], dtype=torch.float64).repeat(40)
    ladder = sigmoid_temperatures(80)

    def narrow(points: Tensor) -> Tensor:
        return -0.5 * (points.square().sum(1)) / widths.square()

    sizes = pilot(narrow, noise(120, 20, seed=1), ladder, generator(3), chains=40, leaps=5)
    walk = climb(narrow, noise(120, 20, seed=2), ladder, sizes.repeat(1, 40), 5, generator(4))

    rates = walk.acceptance.reshape(40, 3).mean(0)
    assert ((rates - ACCEPTANCE).abs() < 0.12).all()
    assert sizes[-1, 0] > 5 * sizes[-1, 2]


def test_steps_into_nowhere_are_refused() -> None:
    """Where the tilt is not a number no chain goes, and weights stay finite."""

    def walled(points: Tensor) -> Tensor:
        return torch.where(points[:, 0] > 1.0, math.nan, quadratic(points))

    start = exact_draws(500, temperature=0.0)
    start = start[start[:, 0] < 1.0]
    sizes = torch.full((9, len(start)), 0.5, dtype=torch.float64)

    walk = climb(walled, start, sigmoid_temperatures(10), sizes, 3, generator(6))

    assert walk.log_weights.isfinite().all()
    assert 0 < float(walk.acceptance.mean()) < 1


def simulated(model: LinearGaussian, count: int) -> tuple[Tensor, Tensor]:
    """Latents from the prior and an image of each."""
    latents = noise(count, 2, seed=3)
    return latents, model.likelihood(latents).mean + SIGMA * noise(count, *model.image_shape, seed=4)


def test_both_bounds_meet_a_known_evidence() -> None:
    """Linear-Gaussian model: in the mean over 100 images both lie within 4 standard errors and a twentieth of a nat."""
    model = LinearGaussian()
    latents, data = simulated(model, 100)
    evidence = model.log_evidence(data)

    found = sandwiched(model, latents, data, Schedule(temperatures=60, chains=40, leaps=3), generator())

    for bound in (found.lower, found.upper):
        distance = bound.value - evidence
        error = float(distance.std()) / math.sqrt(100)
        assert error < 0.025
        assert abs(float(distance.mean())) < min(4 * error, 0.05)


def test_the_standard_error_of_the_lower_bound_is_calibrated() -> None:
    """Over 300 images it explains the distance to the evidence, within 15 %."""
    model = LinearGaussian()
    _, data = simulated(model, 300)

    bound = annealed(model, data, Schedule(temperatures=40, chains=40, leaps=3), generator()).bound

    scores = (bound.value - model.log_evidence(data)) / bound.standard_error
    assert float(scores.square().mean().sqrt()) == pytest.approx(1, abs=0.15)


def test_the_sandwich_closes_with_more_temperatures() -> None:
    """One chain each for 400 images: the mean bounds lie on their sides of the evidence, and the gap shrinks."""
    model = LinearGaussian()
    latents, data = simulated(model, 400)
    evidence = model.log_evidence(data)

    gaps = []
    for temperatures in (3, 10, 40):
        schedule = Schedule(temperatures=temperatures, chains=1, leaps=3)
        found = sandwiched(model, latents, data, schedule, generator(5))
        below, above = evidence - found.lower.value, found.upper.value - evidence
        gaps.append(float((below + above).mean()))
        for side in (below, above):
            assert float(side.mean()) > -2 * float(side.std()) / math.sqrt(400)

    assert gaps[0] > 2 * gaps[1] > 4 * gaps[2] > 0


def test_a_start_from_the_posterior_needs_fewer_temperatures() -> None:
    """From a normal near q(z|x) the bound is within its error of the evidence, and that error is less than half."""
    model = LinearGaussian(shift=0.5, widen=1.3)
    data = images_of(model, 8)
    schedule = Schedule(temperatures=12, chains=40, leaps=3)

    near = annealed(model, data, schedule, generator(), start=matched_normal(model, data, generator(1)))
    far = annealed(model, data, schedule, generator())

    assert ((near.bound.value - model.log_evidence(data)).abs() < 4 * near.bound.standard_error).all()
    assert (near.bound.standard_error < 0.5 * far.bound.standard_error).all()


def test_a_start_at_the_exact_posterior_has_nothing_left_to_do() -> None:
    """Then the tilt is log p(x) everywhere, and so is every weight."""
    model = LinearGaussian()
    data = images_of(model, 5)
    exact = model.posterior(model.encode(data))

    found = annealed(model, data, Schedule(temperatures=3, chains=4, leaps=2), generator(), start=exact)

    torch.testing.assert_close(found.bound.value, model.log_evidence(data), atol=1e-5, rtol=0)
    assert found.bound.standard_error.max() < 1e-6


def test_a_matched_normal_has_the_moments_of_the_posterior() -> None:
    """Mean and scale of 4,000 draws, within 4 standard errors of those of q."""
    model = LinearGaussian(shift=1.0, widen=0.7)
    data = images_of(model, 4)
    exact = model.posterior(model.encode(data))

    found = matched_normal(model, data, generator(), draws=4000)

    scale = exact.log_scale.exp()
    assert ((found.mean - exact.mean).abs() < 4 * scale / math.sqrt(4000)).all()
    assert ((found.log_scale - exact.log_scale).abs() < 4 / math.sqrt(2 * 4000)).all()


@pytest.mark.parametrize("prior", ["normal", "realnvp"])
def test_the_evidence_of_a_vae_by_quadrature_is_met(prior: str) -> None:
    """A VAE of 4 pixels and 2 latents: all 16 images, whatever the prior, without its encoder and from it."""
    model = tiny_vae(image_size=2, latent_dim=2, widths=(4,), prior=prior).double().requires_grad_(requires_grad=False)
    images = torch.cartesian_prod(*[torch.tensor([0.0, 1.0]).double()] * 4).reshape(16, 1, 2, 2)
    axis = torch.linspace(-7, 7, 71, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    likelihood, log_prior = model.likelihood(grid), model.log_prior(grid)
    joint = torch.stack([likelihood.log_prob(image.expand(len(grid), -1, -1, -1)) + log_prior for image in images])
    evidence = joint.logsumexp(1) + 2 * math.log(float(axis[1] - axis[0]))

    # Any q(z|x) must do; half of the encoder's answer is wide enough for weights without heavy tails.
    posterior = model.posterior(0.5 * model.encode(images))
    assert isinstance(posterior, Start)
    for start, surest in ((None, 0.05), (posterior, 0.2)):
        found = annealed(model, images, Schedule(temperatures=10, chains=20, leaps=2), generator(), start=start)

        assert found.bound.standard_error.max() < surest
        assert ((found.bound.value - evidence).abs() < 4 * found.bound.standard_error).all()


@pytest.mark.parametrize("prior", ["normal", "realnvp"])
def test_the_noise_behind_a_draw_is_found(prior: str) -> None:
    """What a start made of noise, the way down begins with the same noise, for each of its chains."""
    model = tiny_vae(image_size=2, latent_dim=2, widths=(4,), prior=prior).double().requires_grad_(requires_grad=False)
    start = model.posterior(model.encode(torch.rand((3, 1, 2, 2), generator=generator()).double()))
    assert isinstance(start, Start)
    made_of = noise(3, 2, seed=5)

    found = noise_behind(repeated(start, 4), start.draw(made_of)[0].repeat(4, 1))

    torch.testing.assert_close(found, made_of.repeat(4, 1))


def test_noise_alone_decides() -> None:
    """The same generator gives the same bits, another one other bits."""
    model = LinearGaussian()
    data = images_of(model, 3)
    schedule = Schedule(temperatures=4, chains=3, leaps=2)

    one, again, other = (annealed(model, data, schedule, generator(seed)).bound.value for seed in (7, 7, 8))

    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_a_schedule_without_chains_is_refused() -> None:
    """And one without temperatures or leaps."""
    for wrong in ({"chains": 0}, {"temperatures": 0}, {"leaps": -1}):
        with pytest.raises(ValueError, match="below 1"):
            Schedule(**wrong)


def test_temperatures_climb_from_zero_to_one_densest_at_the_ends() -> None:
    """Symmetric about a half; one step is plain importance sampling."""
    ladder = sigmoid_temperatures(40)

    torch.testing.assert_close(ladder + ladder.flip(0), torch.ones(41, dtype=torch.float64))
    assert (ladder.diff() > 0).all()
    assert ladder.diff()[0] < 0.2 * ladder.diff()[20]
    assert sigmoid_temperatures(1).tolist() == [0.0, 1.0]


def test_one_temperature_is_importance_sampling_from_the_start() -> None:
    """No transition is made; weights from a normal wider than the prior meet the evidence."""
    model = LinearGaussian()
    data = images_of(model, 3)[:2]
    wide = DiagonalNormal(torch.zeros(2, 2).double(), torch.full((2, 2), 0.5).double())

    found = annealed(model, data, Schedule(temperatures=1, chains=30_000), generator(), start=wide)

    assert found.bound.standard_error.max() < 0.1
    assert ((found.bound.value - model.log_evidence(data)).abs() < 4 * found.bound.standard_error).all()
    assert found.acceptance.eq(0).all()
