"""DRAW against what is known exactly: a likelihood by quadrature, its posterior as a density, and who may see whom."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from models_store import Autoencoder, Card, write_checkpoint
from models_store.base import StagedModel
from models_store.checkpoint import read_checkpoint
from models_store.draw import DRAW, DRAWConfig
from models_store.estimators import importance_weighted, monte_carlo_mean
from tests.models_store.examples import noise


def tiny_draw(**changes: int) -> DRAW:
    """A DRAW of some thousand parameters in float64, random enough to have a posterior and windows of its own."""
    options = {"image_size": 8, "strokes": 3, "stroke_latents": 2, "hidden": 12, "read_grid": 3, "write_grid": 4}
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = DRAW(DRAWConfig(**(options | changes))).double()
        for parameter in network.parameters():
            parameter.data += 0.2 * torch.randn_like(parameter)
    return network.eval()


def bits(count: int, *, channels: int = 1, size: int = 8) -> Tensor:
    """Random binary images."""
    return (noise(count, channels, size, size, seed=9) > 0).double()


def test_it_is_an_autoencoder_that_paints_in_stages() -> None:
    """With one latent for all the noise, T·d numbers, and T stages."""
    network = tiny_draw()

    assert isinstance(network, Autoencoder)
    assert isinstance(network, StagedModel)
    assert (network.latent_dim, network.stage_count) == (6, 3)


@pytest.mark.parametrize("channels", [1, 3])
@torch.inference_mode()
def test_the_last_stage_is_the_decoded_image_bit_for_bit(channels: int) -> None:
    """All stages are pixels in [0, 1], in single precision as it is served."""
    network, latents = tiny_draw(channels=channels).float(), noise(5, 6).float()

    stages = network.stages(latents)

    assert stages.shape == (5, 3, channels, 8, 8)
    assert 0 <= stages.min() <= stages.max() <= 1
    assert torch.equal(stages[:, -1], network.decode(latents))


@torch.inference_mode()
def test_a_stage_depends_on_the_noise_up_to_its_own_and_on_no_later() -> None:
    """Each step has fresh noise: changing z_t changes stage t and those after it, never one before."""
    network, latents = tiny_draw(), noise(4, 6)
    stages = network.stages(latents)

    for step in range(3):
        changed = latents.clone()
        changed[:, 2 * step : 2 * step + 2] += 1.0
        difference = (network.stages(changed) - stages).abs().amax((0, 2, 3, 4))

        assert (difference[:step] == 0).all()
        assert (difference[step:] > 1e-6).all()


@torch.inference_mode()
def test_a_step_of_the_posterior_depends_on_the_draws_before_it() -> None:
    """q(z_t | x, z_<t): the noise of step t moves the normals of later steps, not its own and no earlier one."""
    network, images, eps = tiny_draw(), bits(4), noise(4, 6)
    normals = network.infer(images, eps).normals

    for step in range(3):
        changed = eps.clone()
        changed[:, 2 * step : 2 * step + 2] += 1.0
        others = network.infer(images, changed).normals
        moved = [float((one.mean - other.mean).abs().max()) for one, other in zip(normals, others, strict=True)]

        assert all(distance == 0 for distance in moved[: step + 1])
        assert all(distance > 1e-6 for distance in moved[step + 1 :])


@torch.inference_mode()
def test_log_q_is_the_sum_of_the_normal_densities_of_the_steps() -> None:
    """It is Σ_t log N(z_t; μ_t, σ_t) with torch's own normal, at z = μ + σε."""
    network, images, eps = tiny_draw(), bits(5), noise(5, 6)

    inference = network.infer(images, eps)
    latents, log_density = network.posterior(network.encode(images)).draw(eps)

    expected = torch.zeros(5, dtype=torch.float64)
    for normal, part, drawn in zip(inference.normals, eps.chunk(3, 1), latents.chunk(3, 1), strict=True):
        scale = normal.log_scale.exp()
        torch.testing.assert_close(drawn, normal.mean + scale * part)
        expected += Normal(normal.mean, scale).log_prob(drawn).sum(1)
    torch.testing.assert_close(log_density, expected)


@torch.inference_mode()
def test_the_posterior_is_a_density() -> None:
    """E_q[p(z) / q(z|x)] = ∫ p(z) dz = 1, within 4 standard errors: draws and log q belong together."""
    network, count = tiny_draw(), 10_000
    images = bits(1).expand(count, -1, -1, -1)

    latents, log_density = network.posterior(network.encode(images)).draw(noise(count, 6))
    ratios = (network.log_prior(latents) - log_density).exp()

    assert abs(float(ratios.mean()) - 1) < 4 * float(ratios.std()) / math.sqrt(count)


@torch.inference_mode()
def test_the_bounds_meet_the_likelihood_that_quadrature_gives() -> None:
    """Two steps of one number: log p(x) = log ∫ p(x|z) p(z) dz on a grid; ELBO ≤ IWAE = it within 4 standard errors."""
    network = tiny_draw(image_size=4, strokes=2, stroke_latents=1, read_grid=2, write_grid=3)
    images, draws = bits(3, size=4), 5_000
    grid = torch.linspace(-9, 9, 181, dtype=torch.float64)
    points = torch.cartesian_prod(grid, grid)
    log_joint = [network.likelihood(points).log_prob(image) + network.log_prior(points) for image in images]
    exact = torch.stack([each.logsumexp(0) for each in log_joint]) + 2 * math.log(0.1)

    repeated = images.repeat(draws, 1, 1, 1)
    terms = network.log_weights(repeated, network.encode(repeated), noise(3 * draws, 2))
    log_weights = (terms[:, 0] + terms[:, 1] - terms[:, 2]).reshape(draws, 3)
    bound, elbo = importance_weighted(log_weights), monte_carlo_mean(log_weights)

    assert ((bound.value - exact).abs() < 4 * bound.standard_error).all()
    assert (elbo.value < exact - 4 * elbo.standard_error).all()


@torch.inference_mode()
def test_the_sampled_divergence_has_the_mean_of_the_closed_form_of_its_steps() -> None:
    """L^A = L^B within 4 standard errors: E[log q - log p] = E[Σ_t KL(q(z_t | x, z_<t) ‖ N(0, I))]."""
    network, count = tiny_draw(), 5_000
    images = bits(1).expand(count, -1, -1, -1)

    inference = network.infer(images, noise(count, 6))
    sampled = inference.log_density - network.log_prior(inference.latents)
    closed = torch.stack([normal.divergence.sum(1) for normal in inference.normals]).sum(0)
    difference = sampled - closed

    assert abs(float(difference.mean())) < 4 * float(difference.std()) / math.sqrt(count)
    assert float(closed.mean()) > 0.05


@torch.inference_mode()
def test_one_pass_gives_the_weights_that_two_would() -> None:
    """Inference and likelihood share the recurrence; the base class draws first and decodes then."""
    network, images, eps = tiny_draw(), bits(5), noise(5, 6)
    statistics = network.encode(images)

    once = network.log_weights(images, statistics, eps)

    torch.testing.assert_close(once, Autoencoder.log_weights(network, images, statistics, eps))


@torch.inference_mode()
def test_the_center_takes_every_step_at_its_mean() -> None:
    """The mean of q(z_t) given the means before it, with no noise anywhere."""
    network, images = tiny_draw(), bits(4)

    center = network.posterior(network.encode(images)).center

    still = network.infer(images, torch.zeros(4, 6, dtype=torch.float64))
    torch.testing.assert_close(center, torch.cat([normal.mean for normal in still.normals], dim=1))


@torch.inference_mode()
def test_the_encoder_reads_the_image_and_what_the_canvas_lacks() -> None:
    """Eq. 3 and 4: patches of x and of x - σ(canvas), through one window."""
    network, images = tiny_draw(), bits(4)
    canvas, hidden = noise(4, 1, 8, 8, seed=2), noise(4, 12, seed=3)
    seen = network.read_gaze.window(hidden)

    glimpse = network._read(images, canvas, hidden).reshape(4, 2, 3, 3)

    torch.testing.assert_close(glimpse[:, :1], seen.read(images))
    torch.testing.assert_close(glimpse[:, 1:], seen.read(images - canvas.sigmoid()))


@torch.inference_mode()
def test_rows_do_not_depend_on_their_neighbours() -> None:
    """In a batch of one size a row has the same bits beside any others; alone it is the same up to rounding."""
    network, images, eps = tiny_draw().float(), bits(16).float(), noise(16, 6).float()
    together = network.log_weights(images, network.encode(images), eps)
    painted = network.decode(eps)

    for row in range(16):
        only = slice(row, row + 1)
        crowd, crowd_eps = 1.0 - images, 5.0 * eps.flip(0)
        crowd[row], crowd_eps[row] = images[row], eps[row]

        assert torch.equal(network.log_weights(crowd, network.encode(crowd), crowd_eps)[row], together[row])
        assert torch.equal(network.decode(crowd_eps)[row], painted[row])
        alone = network.log_weights(images[only], network.encode(images[only]), eps[only])
        torch.testing.assert_close(alone, together[only], rtol=1e-5, atol=1e-4)


def test_the_elbo_moves_every_parameter() -> None:
    """No weight is dead, no gradient is NaN."""
    network, images = tiny_draw(), bits(3)

    terms = network.log_weights(images, network.encode(images), noise(3, 6))
    (terms[:, 0] + terms[:, 1] - terms[:, 2]).sum().backward()

    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@torch.inference_mode()
def test_a_wild_posterior_is_still_finite() -> None:
    """The scale is bounded on both sides."""
    for value in (-1e6, 1e6):
        network = tiny_draw()
        network.posterior_head.bias.data[2:] = value

        terms = network.log_weights(bits(2), network.encode(bits(2)), noise(2, 6))

        assert terms.isfinite().all()


@torch.inference_mode()
def test_it_survives_the_store(tmp_path: Path) -> None:
    """Written and read again it paints the same picture."""
    network, latents = tiny_draw().float(), noise(3, 6).float()

    write_checkpoint(tmp_path, "painter", network, Card(summary="a tiny DRAW"))
    found = read_checkpoint(tmp_path, "painter")

    assert found.architecture == "draw"
    assert isinstance(found.network, DRAW)
    assert torch.equal(found.network.decode(latents), network.decode(latents))


@pytest.mark.parametrize("changes", [{"strokes": 0}, {"image_size": 1}, {"read_grid": 1}, {"write_grid": 1}])
def test_a_config_that_makes_no_network_is_refused(changes: dict[str, int]) -> None:
    """The error names the field: a grid of one filter has no distance from filter to filter."""
    with pytest.raises(ValueError, match=next(iter(changes))):
        DRAWConfig(**changes)
