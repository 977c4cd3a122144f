"""The benchmark's network."""

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.checkpoint import flops_an_image, generator, stored, write_store
from benchmarks.forward import our_forward
from benchmarks.graphs import add_graphs
from models_store.latents import normals
from models_store.pixels import to_bytes


def test_its_flops_are_two_for_each_weight_and_each_place_where_it_is_used() -> None:
    layers = [(100, 256, 1), (256, 128, 4 * 4), (128, 64, 8 * 8), (64, 1, 16 * 16)]
    expected = sum(2 * width * target * 4 * 4 * places for width, target, places in layers)
    assert flops_an_image(generator()) == expected
    assert round(expected / 1e6, 1) == 34.9


def test_its_pictures_use_the_whole_range_and_differ() -> None:
    with torch.inference_mode():
        levels = to_bytes(generator().decode(torch.from_numpy(normals(0, range(16), 100))).numpy())
    assert levels.std() > 40
    assert np.abs(levels[0].astype(int) - levels[1]).mean() > 20


def test_the_store_gives_it_back_bit_for_bit(tmp_path: Path) -> None:
    write_store(tmp_path)
    latents = torch.from_numpy(normals(1, range(4), 100))
    with torch.inference_mode():
        assert torch.equal(stored(tmp_path).decode(latents), generator().decode(latents))


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # the exporter's own
def test_with_graphs_our_forward_pass_is_the_networks_up_to_rounding(tmp_path: Path) -> None:
    write_store(tmp_path)
    add_graphs(tmp_path)
    latents = normals(1, range(40), 100)
    with torch.inference_mode():
        expected = stored(tmp_path).decode(torch.from_numpy(latents)).numpy()
    assert np.allclose(our_forward(tmp_path, 1)(latents), expected, atol=1e-4)
