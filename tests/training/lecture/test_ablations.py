"""The variants of the DCGAN are what they are called."""

from typing import cast

import pytest
import torch
from torch import nn

from models_store.dcgan import DCGAN, DCGANConfig
from training.data import ImageSet
from training.lecture import ablations

SMALL = DCGANConfig(image_size=8, latent_dim=4, width=4)


@pytest.mark.parametrize("name", ablations.VARIANTS)
def test_every_variant_maps_latents_to_images_and_images_to_logits(name: str) -> None:
    """Of the same shapes as the recipe, and images in [-1, 1]."""
    game = ablations.new_game(ablations.VARIANTS[name], config=SMALL)

    images = game.generator(torch.randn(6, 4, generator=torch.Generator().manual_seed(0)))

    assert images.shape == (6, 1, 8, 8)
    assert images.abs().max() <= 1
    assert game.discriminator(images).shape == (6,)


def test_without_batch_norm_an_image_does_not_depend_on_its_batch() -> None:
    """In training, too; the recipe's images do, so the test can fail."""
    latents = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    differences = {}
    for name in ("the recipe", "no batch norm"):
        generator = ablations.new_game(ablations.VARIANTS[name], config=SMALL).generator
        differences[name] = float((generator(latents)[:2] - generator(latents[:2])).detach().abs().max())

    assert differences["no batch norm"] < 1e-6
    assert differences["the recipe"] > 1e-4


def test_the_removed_batch_norm_leaves_its_shift() -> None:
    """A convolution before a batch norm has no bias; without the norm it has one, and it learns."""
    game = ablations.new_game(ablations.VARIANTS["no batch norm"], config=SMALL)

    biases = [layer.bias for layer in game.generator.modules() if isinstance(layer, nn.ConvTranspose2d)]

    assert [bias is not None for bias in biases] == [True, False]
    assert biases[0] is not None
    assert biases[0].requires_grad


def test_pooling_leaves_no_strides_and_keeps_plain_regions_plain() -> None:
    """No convolution has a stride but G's first; upsampling by neighbours repeats every value four times."""
    game = ablations.new_game(ablations.VARIANTS["pooling"], config=SMALL)
    strides = [
        layer.stride
        for network in (game.generator, game.discriminator)
        for layer in network.modules()
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
    ]
    upsample = next(layer for layer in game.generator.modules() if isinstance(layer, nn.Upsample))
    values = torch.arange(4.0).reshape(1, 1, 2, 2)

    assert set(strides) == {(1, 1)}
    torch.testing.assert_close(upsample(values), values.repeat_interleave(2, 2).repeat_interleave(2, 3))


def test_batch_norm_on_the_output_takes_the_brightness_of_the_batch_from_the_latents() -> None:
    """Before the tanh each batch has mean 0 and variance gain² whatever the latents; the recipe's is not held."""
    moments: dict[str, list[tuple[float, float]]] = {}
    for name in ("the recipe", "batch norm everywhere"):
        generator = cast("DCGAN", ablations.new_game(ablations.VARIANTS[name], config=SMALL).generator)
        for parameter in generator.parameters():
            parameter.data *= 20  # larger than at the start, where every output is near 0
        for seed in (0, 1):
            latents = torch.randn(16, 4, generator=torch.Generator().manual_seed(seed)) + seed
            raw = generator.layers(latents[:, :, None, None]).detach()
            moments.setdefault(name, []).append((float(raw.mean()), float(raw.var(correction=0))))

    (one_mean, one_variance), (other_mean, other_variance) = moments["batch norm everywhere"]
    gain = float(cast("nn.BatchNorm2d", generator.layers[-1]).weight.detach())
    assert one_mean == pytest.approx(0, abs=1e-3)
    assert other_mean == pytest.approx(0, abs=1e-3)
    assert [one_variance, other_variance] == pytest.approx([gain**2] * 2, rel=1e-3)
    assert all(abs(mean) > 0.1 for mean, _ in moments["the recipe"])


def test_the_variants_start_from_the_seed_and_meet_the_same_images(little_world: ImageSet) -> None:
    """Twice the same game gives the same pictures to the bit; another seed gives others."""
    runs = [
        ablations.train(
            ablations.new_game(ablations.VARIANTS["the recipe"], config=SMALL, seed=seed),
            little_world.train,
            steps=12,
            batch=8,
            seed=seed,
        )
        for seed in (0, 0, 1)
    ]

    assert len(runs[0]) == 2  # ten steps lie between the two
    assert all(torch.equal(one, other) for one, other in zip(runs[0], runs[1], strict=True))
    assert not torch.equal(runs[0][-1], runs[2][-1])


def test_the_change_between_snapshots_is_the_mean_of_the_steps_between_them() -> None:
    """Pixels that go up by 0.1 and then by 0.3 change by 0.2 on average; a still film by nothing."""
    first = torch.full((4, 1, 2, 2), 0.25)

    assert ablations.change_between([first, first + 0.1, first + 0.4]) == pytest.approx(0.2)
    assert ablations.change_between([first, first]) == 0.0
