"""q(z|x): closed forms against quadrature, draws against their density, the flow's against a change of variables."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from models_store.posteriors import DiagonalNormal, FlowNormal, Posterior
from tests.models_store.examples import bent_flow, noise


def normal(mean: float, scale: float) -> DiagonalNormal:
    """One row, one dimension."""
    row = torch.tensor([[mean, math.log(scale)]], dtype=torch.float64)
    return DiagonalNormal(*row.chunk(2, dim=1))


def random_normal(rows: int, dim: int) -> DiagonalNormal:
    """Means and scales of a fixed seed."""
    return DiagonalNormal(noise(rows, dim, seed=5), 0.5 * noise(rows, dim, seed=6))


def test_the_divergence_of_a_halved_scale_is_the_textbook_number() -> None:
    """KL(N(1, 0.5²) ‖ N(0, 1)) = 0.8181 nats."""
    assert normal(1.0, 0.5).divergence.item() == pytest.approx(0.8181, abs=5e-5)


def test_the_divergence_of_the_prior_from_itself_is_zero() -> None:
    """KL(N(0, 1) ‖ N(0, 1)) = 0, and nothing else has less."""
    assert normal(0.0, 1.0).divergence.item() == 0
    assert (random_normal(100, 7).divergence > 0).all()


@pytest.mark.parametrize("mean", [-2.0, 0.0, 0.7])
@pytest.mark.parametrize("scale", [0.05, 0.5, 1.0, 3.0])
def test_divergence_agrees_with_quadrature(mean: float, scale: float) -> None:
    """The closed form is the integral that it stands for."""
    posterior = normal(mean, scale)
    axis = torch.linspace(mean - 14 * scale, mean + 14 * scale, 20_001, dtype=torch.float64)
    log_q = Normal(*torch.tensor([mean, scale], dtype=torch.float64)).log_prob(axis)
    log_p = Normal(*torch.tensor([0, 1], dtype=torch.float64)).log_prob(axis)

    divergence = torch.trapezoid(log_q.exp() * (log_q - log_p), axis).item()

    assert posterior.divergence.item() == pytest.approx(divergence, abs=1e-8)


def test_draws_are_shifted_scaled_noise_with_its_density() -> None:
    """A draw is mean + scale·noise, and the log-density beside it is that of z, summed over dimensions."""
    posterior, eps = random_normal(6, 4), noise(6, 4)
    scale = posterior.log_scale.exp()

    latents, log_density = posterior.draw(eps)

    torch.testing.assert_close(latents, posterior.mean + scale * eps)
    torch.testing.assert_close(log_density, Normal(posterior.mean, scale).log_prob(latents).sum(1))
    assert torch.equal(posterior.center, posterior.draw(torch.zeros_like(eps))[0])


def test_the_divergence_is_the_mean_of_its_samples() -> None:
    """E[log q(z) - log p(z)] over draws meets the closed form within four standard errors."""
    posterior, count = random_normal(3, 4), 20_000
    many = DiagonalNormal(posterior.mean.repeat(count, 1), posterior.log_scale.repeat(count, 1))

    latents, log_density = many.draw(noise(3 * count, 4))
    terms = (log_density - Normal(0.0, 1.0).log_prob(latents).sum(1)).reshape(count, 3)

    error = terms.std(0) / math.sqrt(count)
    assert ((terms.mean(0) - posterior.divergence.sum(1)).abs() < 4 * error).all()


@pytest.mark.parametrize("kind", ["normal", "flow"])
def test_gradients_pass_through_draws(kind: str) -> None:
    """Mean and scale get the gradient of the path, checked against finite differences."""
    flow, eps = bent_flow(3), noise(2, 3)

    def draw(mean: Tensor, log_scale: Tensor) -> tuple[Tensor, Tensor]:
        inner = DiagonalNormal(mean, log_scale)
        posterior: Posterior = inner if kind == "normal" else FlowNormal(inner, flow)
        return posterior.draw(eps)

    inputs = (noise(2, 3, seed=1).requires_grad_(), noise(2, 3, seed=2).requires_grad_())
    assert torch.autograd.gradcheck(draw, inputs)


@pytest.mark.parametrize("dim", [1, 2, 3, 6])
def test_the_log_density_of_a_flow_normal_is_the_change_of_variables(dim: int) -> None:
    """It is log q(z) = log N(flow(z)) + log |det ∂flow/∂z|, the determinant by autograd in the other direction."""
    flow, inner, eps = bent_flow(dim), random_normal(5, dim), noise(5, dim)

    latents, log_density = FlowNormal(inner, flow).draw(eps)

    for row in range(5):
        jacobian = torch.autograd.functional.jacobian(lambda z: flow(z[None])[0], latents[row])
        log_normal = Normal(inner.mean[row], inner.log_scale[row].exp()).log_prob(flow(latents[row : row + 1])[0])
        expected = log_normal.sum() + torch.linalg.slogdet(jacobian)[1]
        assert log_density[row].item() == pytest.approx(expected.item(), abs=1e-8)


def test_a_flow_normal_maps_forward_to_its_normal() -> None:
    """Its draws and its center go to the inner normal's under the flow."""
    flow, inner, eps = bent_flow(4), random_normal(5, 4), noise(5, 4)
    posterior = FlowNormal(inner, flow)

    torch.testing.assert_close(flow(posterior.draw(eps)[0]), inner.draw(eps)[0])
    torch.testing.assert_close(flow(posterior.center), inner.mean)


def test_the_samples_of_a_flow_normal_follow_its_density() -> None:
    """E[1/q(z)] over the draws that fall into a disc is the disc's area: density and samples belong together."""
    count, radius = 200_000, 0.5
    inner = DiagonalNormal(torch.zeros(count, 2).double(), torch.zeros(count, 2).double())
    posterior = FlowNormal(inner, bent_flow(2))

    latents, log_density = posterior.draw(noise(count, 2))
    inside = (latents - posterior.center).norm(dim=1) < radius
    terms = torch.where(inside, (-log_density).exp(), 0.0)

    error = terms.std().item() / math.sqrt(count)
    assert terms.mean().item() == pytest.approx(math.pi * radius**2, abs=4 * error)
    assert error < 0.02
