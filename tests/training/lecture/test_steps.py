"""Who gets gradients in which of the six steps, and what a mixed batch tells the discriminator."""

from collections import Counter

import pytest
import torch
from torch import Tensor, nn

from models_store.dcgan import DCGANConfig
from training.game import DISCRIMINATOR_BATCHES, Game
from training.lecture import ablations, steps

SMALL = DCGANConfig(image_size=8, latent_dim=4, width=4)
DEEP = DCGANConfig(image_size=16, latent_dim=4, width=4)


def small_game(batches: str, config: DCGANConfig = SMALL) -> Game:
    """With weights of some size, so that batch norm has something to do."""
    game = ablations.new_game(ablations.Variant(batches=batches), config=config)
    for parameter in game.discriminator.parameters():
        parameter.data *= 10
    return game


def pictures(seed: int, size: int = 8) -> Tensor:
    """Eight images (8, 1, size, size) of noise."""
    return torch.randn(8, 1, size, size, generator=torch.Generator().manual_seed(seed))


def count_gradients(network: nn.Module, name: str, seen: Counter[str]) -> None:
    """Every gradient that reaches a weight of the network is counted."""
    for parameter in network.parameters():
        parameter.register_hook(lambda _gradient: seen.update([name]))


@pytest.mark.parametrize("batches", DISCRIMINATOR_BATCHES)
def test_a_round_gives_each_player_one_gradient(batches: str) -> None:
    """Step (4) reaches every weight of D and none of G, step (6) every weight of G and none of D."""
    game = small_game(batches)
    seen: Counter[str] = Counter()
    for network, name in ((game.generator, "G"), (game.discriminator, "D")):
        count_gradients(network, name, seen)

    game.play(pictures(0), torch.randn(8, 4, generator=torch.Generator().manual_seed(1)))

    assert seen["D"] == len(list(game.discriminator.parameters()))
    assert seen["G"] == len(list(game.generator.parameters()))


def test_without_freezing_the_generator_step_would_reach_the_discriminator() -> None:
    """The same cost by hand, D not frozen, leaves gradients in D; `generator_step` leaves none."""
    game = small_game("separate")
    latents = torch.randn(8, 4, generator=torch.Generator().manual_seed(1))

    game.generator_step(game.generator(latents))
    assert all(parameter.grad is None for parameter in game.discriminator.parameters())

    game.discriminator.requires_grad_(requires_grad=True)
    game.cost(game.discriminator(game.generator(latents))).backward()
    assert all(parameter.grad is not None for parameter in game.discriminator.parameters())


def test_a_real_image_is_judged_by_its_company_in_a_mixed_batch_only() -> None:
    """Other fakes, other logits of the same real images; with separate batches not one bit differs."""
    game = small_game("separate", DEEP)
    real = pictures(0, 16)
    one, other = (steps.logits_of(game, real, fake) for fake in (pictures(1, 16), 5 + 3 * pictures(2, 16)))

    assert torch.equal(one["separate"][0], other["separate"][0])
    assert (one["mixed"][0] - other["mixed"][0]).abs().min() > 1e-3


def test_the_means_of_a_mixed_batch_lie_between_those_of_its_halves() -> None:
    """Halves of equal size: exactly in the middle."""
    discriminator = small_game("separate", DEEP).discriminator
    real, fake = pictures(0, 16), 5 + pictures(1, 16)

    means = [steps.batch_means(discriminator, images) for images in (real, fake, torch.cat([real, fake]))]

    torch.testing.assert_close(means[2], (means[0] + means[1]) / 2)
    assert (means[0] - means[1]).abs().max() > 0.01


def test_the_generator_of_a_mixed_game_meets_another_discriminator_than_was_trained() -> None:
    """In step (6) fakes are alone: their logits differ from those of step (3), which saw them beside real images."""
    game = small_game("mixed", DEEP)

    asked = steps.logits_of(game, pictures(0, 16), 5 + pictures(1, 16))

    assert (asked["mixed"][1] - asked["separate"][1]).abs().mean() > 1e-2


def test_fakes_that_the_discriminator_has_just_seen_are_no_surprise_to_it() -> None:
    """With rates at zero nobody learns, and fresh latents have no advantage beyond chance (4 standard errors)."""
    game = small_game("separate")
    for optimizer in (game.generator_optimizer, game.discriminator_optimizer):
        for group in optimizer.param_groups:
            group["lr"] = 0.0
    frozen = steps.advantage_of_fresh_latents(game, lambda _: pictures(0), torch.Generator().manual_seed(3))
    with torch.no_grad():
        noise = torch.Generator().manual_seed(4)
        batches = [game.discriminator(game.generator(torch.randn(8, 4, generator=noise))).mean() for _ in range(200)]
    spread = float(torch.stack(batches).std()) * (2 / steps.ROUNDS) ** 0.5

    assert abs(frozen) < 4 * spread
