"""The game of the DCGAN: costs, their gradients, who learns when, batch statistics of the served generator."""

import math
from typing import Any, Literal

import pytest
import torch

from models_store.classifier import Classifier, ClassifierConfig
from models_store.dcgan import DCGAN, DCGANConfig
from models_store.latents import normals, with_label
from training.config import DCGANRun
from training.data import ImageSet, Split
from training.dcgan import DCGANObjective
from training.discriminators import Discriminator, SpectralDiscriminator, translated
from training.game import GENERATOR_COSTS, discriminator_cost, gradient_penalty
from training.judge import Judge
from training.objective import noise_of

CPU = torch.device("cpu")
RUN = DCGANRun(model=DCGANConfig(image_size=8, latent_dim=4, width=8), batch_size=16, steps=100)


@pytest.mark.parametrize(
    ("cost", "slope"),
    [
        ("minimax", lambda d: -0.5 / (1 + math.exp(-d))),
        ("non-saturating", lambda d: -0.5 * (1 - 1 / (1 + math.exp(-d)))),
        ("maximum-likelihood", lambda d: -0.5 * math.exp(d)),
    ],
)
@pytest.mark.parametrize("logit", [-5.0, 0.0, 5.0])
def test_generator_gradients_are_those_of_the_lecture(cost: str, slope: object, logit: float) -> None:
    """dJ(G)/d logit: minimax -½σ(d), non-saturating -½(1-σ(d)), maximum likelihood -½exp(d)."""
    d = torch.tensor([logit], requires_grad=True)

    GENERATOR_COSTS[cost](d).backward()

    assert d.grad is not None
    assert d.grad.item() == pytest.approx(slope(logit), rel=1e-4)  # type: ignore[operator]  # a lambda above


def test_the_gradient_table_at_minus_five_zero_and_five() -> None:
    """|dJ(G)/dd|: where D is sure of the fake (d = -5) only the non-saturating cost still teaches."""
    table = {}
    for name, cost in GENERATOR_COSTS.items():
        d = torch.tensor([-5.0, 0.0, 5.0], requires_grad=True)
        (3 * cost(d)).backward()
        assert d.grad is not None
        table[name] = d.grad.abs().tolist()

    assert table["minimax"] == pytest.approx([0.0033, 0.25, 0.4967], abs=1e-4)
    assert table["non-saturating"] == pytest.approx([0.4967, 0.25, 0.0033], abs=1e-4)
    assert table["maximum-likelihood"] == pytest.approx([0.0034, 0.5, 74.2066], abs=1e-4)


def test_costs_at_the_equilibrium() -> None:
    """Where D says ½ to everything, J(D) is ln 2 and the minimax game is zero-sum."""
    nothing = torch.zeros(7)

    assert discriminator_cost(nothing, nothing).item() == pytest.approx(math.log(2))
    assert GENERATOR_COSTS["minimax"](nothing).item() == pytest.approx(-0.5 * math.log(2))
    assert GENERATOR_COSTS["non-saturating"](nothing).item() == pytest.approx(0.5 * math.log(2))


def test_the_discriminator_is_frozen_while_the_generator_learns(little_world: ImageSet) -> None:
    """The generator's half step moves no weight of D; the discriminator's half step none of G."""
    objective = DCGANObjective(RUN, CPU, judge=None)
    generator, discriminator = objective.modules["generator"], objective.modules["discriminator"]
    fake = generator(torch.randn(16, 4))
    before = {name: value.clone() for name, value in discriminator.named_parameters()}

    objective.game.generator_step(fake)

    assert all(torch.equal(value, before[name]) for name, value in discriminator.named_parameters())
    assert all(value.grad is None for value in discriminator.parameters())
    made = {name: value.clone() for name, value in generator.named_parameters()}
    objective.game.discriminator_step(2 * little_world.train.pixels()[:16] - 1, fake.detach())
    assert all(torch.equal(value, made[name]) for name, value in generator.named_parameters())
    assert any(not torch.equal(value, before[name]) for name, value in discriminator.named_parameters())


def test_real_and_fake_go_through_the_discriminator_in_batches_of_their_own() -> None:
    """With batch norm, the logits of real images must not depend on the fakes of the step."""
    torch.manual_seed(0)
    discriminator = Discriminator(DCGANConfig(image_size=16, width=8)).train()
    real, fake = torch.randn(16, 1, 16, 16), 5 + torch.randn(16, 1, 16, 16)

    apart = discriminator(real)
    mixed = discriminator(torch.cat([real, fake]))[:16]

    assert not torch.allclose(apart, mixed, atol=1e-3), "the trap is real: a mixed batch leaks"
    torch.testing.assert_close(discriminator(real), apart)


@pytest.mark.parametrize(("batches", "leaks"), [("separate", False), ("mixed", True)])
def test_only_with_mixed_batches_the_fakes_change_what_is_said_of_real_images(
    batches: Literal["separate", "mixed"], leaks: bool
) -> None:
    """D(x) of the first step, same weights and real images, under two draws of z."""
    run = DCGANRun(model=DCGANConfig(image_size=16, latent_dim=4, width=8), batch_size=16, batches=batches)
    images = torch.randint(0, 256, (16, 1, 16, 16), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    said = []
    for draw in (1, 2):
        torch.manual_seed(0)
        objective = DCGANObjective(run, CPU, judge=None)
        said.append(objective.step(Split(images, None), 0, noise_of(0, draw, CPU))["D(x)"].item())

    assert (said[0] != said[1]) == leaks


def test_the_exported_generator_has_the_batch_statistics_of_its_own_weights(little_world: ImageSet) -> None:
    """In eval mode it makes on average what it makes with the statistics of a large batch."""
    objective = DCGANObjective(RUN, CPU, judge=None)
    for step in range(30):
        batch = little_world.train.take(torch.arange(16) + 8 * step % 200)
        objective.step(batch, step, noise_of(0, step, CPU))

    served = objective.network()

    assert not served.training
    latents = torch.randn(4096, 4, generator=torch.Generator().manual_seed(1))
    frozen = served.decode(latents).detach()
    with_batch_statistics = served.train().decode(latents).detach()
    assert (frozen - with_batch_statistics).abs().mean() < 0.01


def test_validation_says_how_various_samples_are_and_what_a_judge_sees_in_them(little_world: ImageSet) -> None:
    """An untrained generator paints much the same picture everywhere; a judge of classes adds two figures."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = Classifier(ClassifierConfig(image_size=8, classes=4, widths=(4,), features=6)).eval()
        alone = DCGANObjective(RUN, CPU, judge=None).validate(little_world)
        judged = DCGANObjective(RUN, CPU, judge=Judge("tiny", "0" * 64, network)).validate(little_world)

    assert set(alone) == {"diversity"}
    assert 0 < alone["diversity"] < 0.4
    assert set(judged) == {"score", "class_divergence", "diversity"}
    assert judged["score"] > 0
    assert judged["class_divergence"] >= 0


@pytest.mark.parametrize(("size", "layers"), [(28, [128, 64]), (32, [256, 128, 64]), (64, [512, 256, 128, 64])])
def test_generator_and_discriminator_mirror_one_another(size: int, layers: list[int]) -> None:
    """At 64 pixels the channels are those of the paper: 512, 256, 128, 64; no bias before a batch norm."""
    config = DCGANConfig(image_size=size, channels=3)
    generator, discriminator = DCGAN(config), Discriminator(config)

    up = [m for m in generator.modules() if isinstance(m, torch.nn.ConvTranspose2d)]
    down = [m for m in discriminator.modules() if isinstance(m, torch.nn.Conv2d)]

    assert [m.in_channels for m in up[1:]] == layers
    assert [m.out_channels for m in down[:-1]] == layers[::-1]
    assert discriminator(generator(torch.randn(2, 100))).shape == (2,)


BEYOND: dict[str, Any] = {"discriminator": "spectral-norm", "penalty": 1.0, "translation": 0.125}


@pytest.mark.parametrize("options", [{}, BEYOND], ids=["paper", "beyond"])
@pytest.mark.parametrize("classes", [1, 3])
def test_every_variant_of_the_game_moves_both_players(options: dict[str, Any], classes: int) -> None:
    """Finite terms, and no weight of either network where it was, with a penalty and without."""
    run = DCGANRun(model=DCGANConfig(image_size=16, latent_dim=4, width=8, classes=classes), batch_size=16, **options)
    objective = DCGANObjective(run, CPU, judge=None)
    before = {name: value.clone() for name, value in _learning(objective)}
    images = torch.randint(0, 256, (16, 1, 16, 16), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)

    for step in (0, 1):
        terms = objective.step(Split(images, torch.arange(16) % classes), step, noise_of(0, step, CPU))

    assert all(term.isfinite() for term in terms.values())
    assert not [name for name, value in _learning(objective) if torch.equal(value, before[name])]


def test_without_batch_norm_no_image_has_a_say_in_the_logit_of_another() -> None:
    """Other neighbours, the same logit; and every layer keeps its largest singular value at 1."""
    torch.manual_seed(0)
    discriminator = SpectralDiscriminator(DCGANConfig(image_size=16, width=8))
    for _ in range(200):
        discriminator(torch.randn(2, 1, 16, 16))  # the power iteration finds the singular vectors
    discriminator.eval()
    real, others = torch.randn(4, 1, 16, 16), torch.randn(4, 1, 16, 16)

    torch.testing.assert_close(discriminator(torch.cat([real, others]))[:4], discriminator(real))
    for layer in discriminator.modules():
        if isinstance(layer, torch.nn.Conv2d):
            assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1.0, abs=1e-3)


def test_the_penalty_of_a_linear_judgement_is_half_the_square_of_its_slope() -> None:
    """D(x) = w·x has the slope w everywhere, so R1 = ½‖w‖², and its gradient by w is w."""
    weight = torch.tensor([3.0, -4.0], requires_grad=True)

    penalty = gradient_penalty(lambda images: images @ weight, torch.randn(5, 2))
    penalty.backward()

    assert penalty.item() == pytest.approx(12.5)
    torch.testing.assert_close(weight.grad, torch.tensor([3.0, -4.0]))


def test_moved_images_are_the_images_moved_by_whole_pixels() -> None:
    """Each equals one of the 25 shifts of at most two pixels with its border repeated, and all shifts occur."""
    image = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    padded = torch.nn.functional.pad(image, (2, 2, 2, 2), mode="replicate")
    shifts = torch.stack([padded[0, :, top : top + 8, left : left + 8] for top in range(5) for left in range(5)])

    moved = translated(image.expand(1000, -1, -1, -1), torch.Generator().manual_seed(1), share=0.25)

    distances = (moved[:, None] - shifts).abs().amax(dim=(2, 3, 4))
    assert distances.min(1).values.max() < 1e-5
    assert distances.argmin(1).unique().tolist() == list(range(25))


def test_a_class_is_chosen_by_the_largest_of_its_latents_and_by_nothing_else_of_them() -> None:
    """What `with_label` gives is what the generator makes of that class, however large the winner is."""
    torch.manual_seed(0)
    model = DCGAN(DCGANConfig(image_size=16, latent_dim=4, width=8, classes=3)).eval()
    assert model.latent_dim == 7
    latents = normals(0, range(6), model.latent_dim)

    for label in range(3):
        chosen = torch.from_numpy(with_label(latents, label, 3))
        onehot = chosen.clone()
        onehot[:, 4:] = torch.nn.functional.one_hot(torch.full((6,), label), 3)
        assert torch.equal(model.decode(chosen), model.decode(onehot))
    pictures = [model.decode(torch.from_numpy(with_label(latents, label, 3))) for label in range(3)]
    assert not torch.allclose(pictures[0], pictures[1])


@pytest.mark.parametrize(
    ("options", "message"), [({"penalty": 1.0}, "spectral-norm"), ({"batches": "mixed"}, "judges real and made")]
)
def test_a_game_that_would_leak_is_refused(options: dict[str, Any], message: str) -> None:
    """A gradient penalty through batch norm is that of the batch; one batch of both has one set of labels."""
    with pytest.raises(ValueError, match=message):
        DCGANRun(model=DCGANConfig(classes=10), **options)


def _learning(objective: DCGANObjective) -> list[tuple[str, torch.Tensor]]:
    return [each for module in objective.modules.values() for each in module.named_parameters()]
