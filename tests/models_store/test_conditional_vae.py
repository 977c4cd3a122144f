"""The VAE that can be asked for a class: what chooses it, and what its bound leaves out."""

import math

import pytest
import torch
from torch import Tensor

from models_store.choice import choose, read_choice
from models_store.conditional_vae import ConditionalVAE, ConditionalVAEConfig
from models_store.latents import normals, with_label

CLASSES = 3


@pytest.fixture(scope="module", params=["normal", "realnvp"])
def model(request: pytest.FixtureRequest) -> ConditionalVAE:
    """Random weights; a picture is 4 x 4 bits."""
    torch.manual_seed(0)
    network = ConditionalVAE(
        ConditionalVAEConfig(
            image_size=4, latent_dim=2, widths=(4,), hidden=8, prior=request.param, couplings=2, classes=CLASSES
        )
    )
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return network.eval().requires_grad_(requires_grad=False)


def test_choosing_in_torch_is_choosing_in_numpy() -> None:
    """Row by row the same numbers, for every label."""
    latents = normals(0, range(50), 7)
    noise = torch.from_numpy(latents)

    for label in range(CLASSES):
        chosen = choose(noise[:, -CLASSES:], torch.full((50,), label))
        torch.testing.assert_close(
            torch.cat([noise[:, :-CLASSES], chosen], 1), torch.from_numpy(with_label(latents, label, CLASSES))
        )
        assert (read_choice(chosen, CLASSES)[1][:, label] == 1).all()


@torch.no_grad()
def test_draws_of_a_class_have_the_density_that_is_said_of_them() -> None:
    """E_q[p(c)/q(c)] over the draws of one class is the part of the prior where that class is chosen: 1/classes."""
    noise = torch.from_numpy(normals(1, range(2000), CLASSES))
    chosen = choose(noise, torch.ones(2000, dtype=torch.long))

    assert (chosen.argmax(1) == 1).all()
    # The largest of three normals has the mean 3/(2√π), wherever it was moved to.
    assert chosen[:, 1].mean().item() == pytest.approx(1.5 / math.sqrt(math.pi), abs=4 * 0.75 / math.sqrt(2000))


@torch.no_grad()
def test_the_weights_of_a_picture_average_to_its_probability_with_the_class_that_was_guessed(
    model: ConditionalVAE,
) -> None:
    """E_q[w] = p(x, y), y the guess: by draws from q, and by draws from the prior where it chooses y, within 5 SE."""
    draws = 60_000
    picture = torch.bernoulli(torch.full((1, 1, 4, 4), 0.5), generator=torch.Generator().manual_seed(2))
    statistics = model.encode(picture)
    data, noise = picture.expand(draws, -1, -1, -1), torch.from_numpy(normals(3, range(draws), model.latent_dim))

    terms = model.log_weights(data, statistics.expand(draws, -1), noise)
    by_posterior = (terms[:, 0] + terms[:, 1] - terms[:, 2]).double().exp()

    guess = int(model.class_logits(statistics).argmax())
    prior = torch.from_numpy(with_label(normals(4, range(draws), model.latent_dim), guess, CLASSES))
    by_prior = model.likelihood(prior).log_prob(data).double().exp() / CLASSES
    error = math.sqrt((by_posterior.var() + by_prior.var()) / draws)
    assert by_posterior.mean().item() == pytest.approx(by_prior.mean().item(), abs=5 * error)


@torch.no_grad()
def test_the_class_of_a_point_changes_the_picture_and_its_other_latents_do_not_change_the_class(
    model: ConditionalVAE,
) -> None:
    """Three classes, three pictures; the encoder's center decodes to the class that it guessed."""
    point = torch.from_numpy(normals(5, [0], model.latent_dim))
    pictures = [model.decode(torch.from_numpy(with_label(point.numpy(), label, CLASSES))) for label in range(CLASSES)]

    assert len({tuple(picture.flatten().tolist()) for picture in pictures}) == CLASSES
    statistics = model.encode(pictures[0])
    assert _class_of(model.posterior(statistics).center) == int(model.class_logits(statistics).argmax())


def _class_of(latents: Tensor) -> int:
    return int(read_choice(latents, CLASSES)[1].argmax())
