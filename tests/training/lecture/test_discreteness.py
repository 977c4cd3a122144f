"""Where a draw is a threshold no gradient passes; where it is not, or is cured, one does, and it is the right one."""

import math
from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from training.lecture import discreteness
from training.lecture.discreteness import BitGAN, BitVAE, GANCase, VAECase


def game(case: GANCase) -> BitGAN:
    """With random weights, the same ones each time."""
    torch.manual_seed(0)
    return BitGAN(case)


def autoencoder(case: VAECase) -> BitVAE:
    """With random weights, the same ones each time."""
    torch.manual_seed(0)
    return BitVAE(case)


def gradients(value: Tensor, module: nn.Module) -> Tensor:
    """All of them in one row; a parameter that the graph does not reach counts as 0."""
    found = torch.autograd.grad(value, list(module.parameters()), allow_unused=True, retain_graph=True)
    return torch.cat(
        [
            torch.zeros_like(p).flatten() if g is None else g.flatten()
            for p, g in zip(module.parameters(), found, strict=True)
        ]
    )


def generator_gradient(case: GANCase, seed: int = 0) -> Tensor:
    """Of one batch of 256."""
    noise = torch.Generator().manual_seed(seed)
    players = game(case)
    logits = players.generator(players.latents(256, noise))
    return gradients(players.generator_cost(logits, players.draw(logits, noise)), players.generator)


def test_a_gan_of_thresholded_pictures_has_no_gradient_at_all() -> None:
    """Exactly zero for every parameter of G, although D's answer changes from word to word."""
    players = game("threshold")

    assert torch.count_nonzero(generator_gradient("threshold")) == 0
    assert players.judge(2 * discreteness.words(4) - 1).std() > 0.01


@pytest.mark.parametrize("case", ["score function", "relaxation", "discrete z"])
def test_the_other_gans_have_one(case: GANCase) -> None:
    """Both cures, and discrete z with continuous x: nonzero for every layer of G."""
    assert generator_gradient(case).abs().max() > 1e-4


def test_the_score_function_of_the_gan_is_unbiased_and_the_relaxation_is_not() -> None:
    """For one z and the non-saturating cost, against the sum over all 16 words: 4 standard errors in every logit."""
    players, noise = game("relaxation"), torch.Generator().manual_seed(1)
    logits = torch.tensor([0.4, -0.8, 0.2, 1.1], requires_grad=True)
    every = discreteness.words(4)
    costs = 0.5 * nn.functional.softplus(-players.judge(2 * every - 1)).detach()
    probabilities = discreteness.log_probability(every, logits).exp()
    (exact,) = torch.autograd.grad((probabilities * costs).sum(), logits)

    estimates = {}
    for case in ("score function", "relaxation"):
        found = []
        for _ in range(400):
            rows = logits.expand(64, 4)
            fake = players.draw(rows, noise)
            costs = 0.5 * nn.functional.softplus(-players.judge(fake))
            if case == "score function":
                bits = (0.5 * (fake + 1)).detach().round()
                cost = discreteness.score_surrogate(costs, discreteness.log_probability(bits, rows))
            else:
                cost = costs.mean()
            found.append(torch.autograd.grad(cost, logits)[0])
        estimates[case] = torch.stack(found)
    error = {case: each.std(0) / math.sqrt(400) for case, each in estimates.items()}

    assert ((estimates["score function"].mean(0) - exact).abs() < 4 * error["score function"]).all()
    assert ((estimates["relaxation"].mean(0) - exact).abs() > 4 * error["relaxation"]).any()


def reconstruction_gradient(case: VAECase) -> Tensor:
    """That of the part of the cost that must pass through the draw, for the encoder, of one batch of 256."""
    model, data = autoencoder(case), discreteness.words(8)
    return gradients(model.cost(data, torch.Generator().manual_seed(0))[1], model.encoder)


def test_a_vae_of_thresholded_codes_teaches_its_encoder_nothing() -> None:
    """What log p(x|z) says never arrives: exactly zero; only the KL does, which makes all codes the same."""
    model, data = autoencoder("threshold"), discreteness.words(8)
    cost, through = model.cost(data, torch.Generator().manual_seed(0))

    assert torch.count_nonzero(reconstruction_gradient("threshold")) == 0
    assert gradients(through, model.decoder).abs().max() > 1e-4
    divergence = discreteness.bit_divergence(model.encoder(data)).mean()
    torch.testing.assert_close(gradients(cost, model.encoder), gradients(divergence, model.encoder))


@pytest.mark.parametrize("case", ["score function", "relaxation", "discrete x"])
def test_the_other_vaes_teach_it(case: VAECase) -> None:
    """Both cures, and continuous z with discrete x."""
    assert reconstruction_gradient(case).abs().max() > 1e-4


def test_the_score_function_of_the_vae_is_unbiased() -> None:
    """Its mean over 1,000 draws is the gradient of E log p(x|z) enumerated over all codes, 5 standard errors."""
    model, data = autoencoder("score function"), discreteness.words(8)[::4]
    exact = gradients(-model.exact_reconstruction(data).mean(), model.encoder)
    noise = torch.Generator().manual_seed(2)

    estimates = torch.stack([gradients(model.cost(data, noise)[1], model.encoder) for _ in range(1000)])

    error = estimates.std(0) / math.sqrt(len(estimates))
    # Some 1,400 weights: the largest of as many normal numbers is beyond 4 in one test of twelve.
    assert ((estimates.mean(0) - exact).abs() <= 5 * error + 1e-9).all()
    assert exact.abs().max() > 10 * float(error.median())


def test_enumeration_is_what_draws_tend_to() -> None:
    """E log p(x|z) over the four codes, within 4 standard errors of 4,000 draws for each of eight words."""
    model, noise = autoencoder("threshold"), torch.Generator().manual_seed(3)
    data = discreteness.words(8)[::32]
    with torch.no_grad():
        draws = torch.stack([model.terms(data, noise)[0] for _ in range(4000)])
        exact = model.exact_reconstruction(data)

    assert ((draws.mean(0) - exact).abs() < 4 * draws.std(0) / math.sqrt(4000)).all()


def test_the_divergence_of_bits_is_that_of_bernoullis() -> None:
    """Against torch.distributions."""
    logits = torch.tensor([[-3.0, 0.0], [0.5, 8.0]])
    bernoulli = torch.distributions.Bernoulli
    expected = torch.distributions.kl_divergence(bernoulli(logits=logits), bernoulli(torch.full((2, 2), 0.5))).sum(1)

    torch.testing.assert_close(discreteness.bit_divergence(logits), expected)


def test_bits_have_the_probability_of_their_logit() -> None:
    """A threshold of logit plus logistic noise, and its relaxation forwards, are Bernoulli σ(logit): 4 errors."""
    logits = torch.tensor([-2.0, 0.0, 1.0]).expand(100_000, 3)
    perturbed = logits + discreteness.logistic(logits, torch.Generator().manual_seed(4))
    share = torch.sigmoid(logits[0])

    for draw in (discreteness.threshold, discreteness.relaxed):
        bits = draw(perturbed)
        assert (bits * (1 - bits)).abs().max() < 1e-6
        assert ((bits.mean(0) - share).abs() < 4 * (share * (1 - share) / 100_000).sqrt()).all()


def test_no_bound_is_better_than_the_entropy_of_the_data() -> None:
    """The words' probabilities sum to 1; an untrained model is well above their entropy, which lies above ln 4."""
    assert float(discreteness.word_probabilities().sum()) == pytest.approx(1.0)
    assert math.log(4) < discreteness.entropy() < 8 * math.log(2)
    for case in get_args(VAECase):
        assert -autoencoder(case).bound(torch.Generator().manual_seed(0)) > discreteness.entropy()


def test_the_forbidden_games_learn_nothing_and_the_cured_ones_do() -> None:
    """At no step does a gradient pass a threshold, and after 150 the ELBOs of both encoders have parted."""
    forbidden = discreteness.train_gan("threshold", steps=51)
    assert max(forbidden.gradients) == 0.0

    thresholded, cured = (discreteness.train_vae(case, steps=150) for case in ("threshold", "score function"))
    assert max(thresholded.gradients) == 0.0
    assert min(cured.gradients) > 0.0
    assert cured.distances[-1] < thresholded.distances[-1] - 0.3
