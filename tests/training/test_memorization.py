"""Copies are told from fresh images."""

import torch
from torch import Tensor

from training.memorization import beside_neighbours, memorization


def points(count: int, *, seed: int) -> Tensor:
    """Features (count, 5) of one distribution."""
    return torch.randn(count, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_model_that_repeats_training_images_gets_0() -> None:
    """Whatever it repeats, and however often."""
    train = points(300, seed=0)

    found = memorization(train[torch.arange(200) % 7], points(100, seed=1), train)

    assert found.ratio == 0.0
    assert found.closest == 1.0


def test_fresh_images_get_about_1() -> None:
    """The medians of five hundred are within a tenth each time; one in a hundred is among the closest, on average."""
    found = [
        memorization(points(500, seed=3 * draw), points(500, seed=3 * draw + 1), points(1000, seed=3 * draw + 2))
        for draw in range(40)
    ]

    assert all(each.ratio is not None and 0.9 < each.ratio < 1.1 for each in found)
    closest = torch.tensor([each.closest for each in found])
    assert abs(float(closest.mean()) - 0.01) < 4 * float(closest.std()) / len(found) ** 0.5


def test_near_copies_lie_between_and_a_few_of_them_are_not_hidden_by_the_median() -> None:
    """Copies moved by a tenth of a deviation: far below 1. Ten among a hundred fresh ones: seen in `closest` alone."""
    train, fresh = points(2000, seed=0), points(100, seed=2)
    test = points(1000, seed=1)
    moved = train[:100] + 0.1 * points(100, seed=3)

    copies = memorization(moved, test, train)
    few = memorization(torch.cat([fresh, train[:10]]), test, train)

    assert copies.ratio is not None
    assert copies.ratio < 0.5
    assert few.ratio is not None
    assert few.ratio > 0.8
    assert few.closest > 0.09


def test_no_ratio_without_new_test_images() -> None:
    """Where the test images are training images, there is nothing to hold samples against."""
    train = points(50, seed=0)

    assert memorization(points(20, seed=1), train[:20], train).ratio is None


def test_each_sample_stands_above_its_neighbour() -> None:
    """Rows of eight, in turn; the last may be shorter."""
    samples = torch.arange(10.0).reshape(10, 1, 1, 1)

    found = beside_neighbours(samples, samples + 100).flatten().tolist()

    assert found == [*range(8), *range(100, 108), 8, 9, 108, 109]
