"""Networks as they are best run: they compute what they did, with the tensors they had."""

import itertools

import pytest
import torch
from torch import nn

from models_store.doubling import FEWEST_CHANNELS, doubles
from models_store.folding import folded
from tests.conftest import tiny_dcgan

DOUBLING = {"kernel_size": 4, "stride": 2, "padding": 1}
FEW, MANY = 3, 2 * FEWEST_CHANNELS
"""Channels of the result: by taps, and in phases."""


def layers_of(
    channels: int, shape: dict[str, int] = DOUBLING, *, bias: bool = False, norm: bool = False, activation: bool = False
) -> nn.Sequential:
    """A transposed convolution of five channels, by default one that doubles, and what may stand behind it."""
    layers: list[nn.Module] = [nn.ConvTranspose2d(5, channels, bias=bias, **shape)]  # type: ignore[arg-type]
    if norm:
        layers.append(nn.BatchNorm2d(channels))
    if activation:
        layers.append(nn.ReLU())
    made = nn.Sequential(*layers).train()
    for parameter in made.parameters():
        nn.init.normal_(parameter)
    made(torch.randn(8, 5, 6, 6))  # for the norm's statistics
    return made.eval()


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (7, 7), (4, 7), (8, 5)])
@pytest.mark.parametrize("channels", [FEW, MANY])
def test_a_doubling_in_parts_is_the_transposed_convolution(channels: int, size: tuple[int, int]) -> None:
    """Few channels and many, even sizes and odd ones, with and without a bias, batch norm and ReLU."""
    pictures = torch.randn(3, 5, *size)
    for bias, norm, activation in itertools.product([False, True], repeat=3):
        layers = layers_of(channels, bias=bias, norm=norm, activation=activation)

        with torch.inference_mode():
            torch.testing.assert_close(folded(layers)(pictures), layers(pictures), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ({"kernel_size": 4}, 1),
        ({"kernel_size": 4}, 3),
        ({"kernel_size": 3, "stride": 2, "padding": 1}, 4),
        ({"kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1}, 4),
        ({"kernel_size": 3, "dilation": 2}, 4),
    ],
)
def test_a_transposed_convolution_of_another_shape_has_its_norm_folded(shape: dict[str, int], size: int) -> None:
    """On a picture of one pixel it is a matrix product."""
    layers, pictures = layers_of(MANY, shape, norm=True, activation=True), torch.randn(3, 5, size, size)

    made = folded(layers)

    assert not any(isinstance(each, nn.BatchNorm2d) for each in made.children())
    with torch.inference_mode():
        torch.testing.assert_close(made(pictures), layers(pictures), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "changes",
    [{"kernel_size": 3}, {"stride": 1}, {"padding": 0}, {"output_padding": 1}, {"dilation": 2}, {"groups": 4}],
)
def test_only_one_shape_doubles(changes: dict[str, int]) -> None:
    """Kernel 4, stride 2, padding 1, and nothing else."""
    assert doubles(nn.ConvTranspose2d(4, 4, **DOUBLING))  # type: ignore[arg-type]
    assert not doubles(nn.ConvTranspose2d(4, 4, **(DOUBLING | changes)))  # type: ignore[arg-type]


def test_a_folded_network_has_the_tensors_of_the_network_and_no_others() -> None:
    """What is computed from them is in its forward pass, where the exporter finds it."""
    network = tiny_dcgan()

    made = folded(network)

    assert sorted(each.sum().item() for each in made.state_dict().values()) == sorted(
        each.sum().item() for each in network.state_dict().values()
    )
