"""The importance-weighted bound as an objective, on a VAE small enough to draw from a hundred thousand times."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from models_store.vae import VAE, VAEConfig
from training.importance import importance_bound

COPIES, DRAWS = 20_000, 3


@pytest.fixture(scope="module", params=["normal", "realnvp"])
def model(request: pytest.FixtureRequest) -> VAE:
    """Random weights; those of the flow are stirred, for an untrained one only permutes."""
    torch.manual_seed(0)
    network = VAE(VAEConfig(image_size=4, latent_dim=2, widths=(4,), hidden=8, prior=request.param, couplings=2))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return network


def test_one_draw_is_the_elbo(model: VAE) -> None:
    """L_1 is log p(x|z) + log p(z) - log q(z|x) of that draw, and the terms are its parts."""
    data, statistics, noise = _problem(5)

    bound, terms = importance_bound(model, data, statistics, noise[:1])

    parts = model.log_weights(data, statistics, noise[0])
    torch.testing.assert_close(bound, parts[:, 0] + parts[:, 1] - parts[:, 2])
    torch.testing.assert_close(terms["elbo"], bound.mean())
    torch.testing.assert_close(terms["reconstruction"], parts[:, 0].mean())


def test_the_decoder_and_the_prior_have_the_gradient_of_the_bound(model: VAE) -> None:
    """Number for number what differentiating L_K gives."""
    data, statistics, noise = _problem(50)
    learning = [*model.decoder.parameters(), *(model.flow.parameters() if model.flow else ())]

    ours = torch.autograd.grad(importance_bound(model, data, statistics, noise)[0].mean(), learning)
    plain = torch.autograd.grad(_plain_bound(model, data, statistics, noise).mean(), learning)

    for one, other in zip(ours, plain, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_the_encoder_has_the_gradient_of_the_bound_on_average_and_with_less_noise(model: VAE) -> None:
    """Over twenty thousand draws: means within five standard errors of one another, and a smaller variance."""
    ours = _gradients(model, lambda *problem: importance_bound(model, *problem)[0])
    plain = _gradients(model, lambda *problem: _plain_bound(model, *problem))

    error = torch.sqrt((ours.var(0) + plain.var(0)) / COPIES)
    assert ((ours.mean(0) - plain.mean(0)).abs() < 5 * error).all()
    assert float(ours.var(0).sum()) < float(plain.var(0).sum())


def _problem(copies: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    data = torch.bernoulli(torch.full((1, 1, 4, 4), 0.5), generator=generator).expand(copies, -1, -1, -1)
    statistics = torch.tensor([[0.4, -0.7, -0.3, 0.2]]).repeat(copies, 1).requires_grad_()
    return data, statistics, torch.randn((DRAWS, copies, 2), generator=generator)


def _plain_bound(model: VAE, data: Tensor, statistics: Tensor, noise: Tensor) -> Tensor:
    parts = torch.stack([model.log_weights(data, statistics, draw) for draw in noise])
    return (parts[..., 0] + parts[..., 1] - parts[..., 2]).logsumexp(0) - math.log(len(noise))


def _gradients(model: VAE, bound: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
    """Of the same statistics, once for each copy of the image with draws of its own, (COPIES, statistics)."""
    data, statistics, noise = _problem(COPIES)
    bound(data, statistics, noise).sum().backward()
    assert statistics.grad is not None
    return statistics.grad.double()
