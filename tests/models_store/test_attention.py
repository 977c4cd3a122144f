"""The window of Gaussian filters: weights of a normal, the identity at one end, reading and writing as transposes."""

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from models_store.attention import Gaze, Window
from tests.models_store.examples import noise


def window(
    *,
    y: float = 4.0,
    x: float = 4.0,
    stride: float = 1.0,
    deviation: float = 0.7,
    intensity: float = 1.0,
    grid: int = 3,
    image_size: int = 9,
) -> Window:
    """Two equal windows in float64; by default at the middle of 9 x 9 pixels, one pixel from filter to filter."""
    centre = torch.tensor([[y, x]] * 2, dtype=torch.float64)
    numbers = [torch.full((2,), each, dtype=torch.float64) for each in (stride, deviation, intensity)]
    return Window(centre, numbers[0], numbers[1], numbers[2], grid, image_size)


def test_each_filter_holds_the_weights_of_a_normal() -> None:
    """In rows that sum to 1: the density at the pixels, made to sum to 1, around means one stride apart."""
    vertical, horizontal = window(y=3.2, x=5.1, stride=1.5, deviation=0.8).filters[0]

    places = torch.arange(9, dtype=torch.float64)
    for filters, centre in ((vertical, 3.2), (horizontal, 5.1)):
        means = torch.tensor([centre - 1.5, centre, centre + 1.5], dtype=torch.float64)
        density = Normal(means[:, None], 0.8).log_prob(places).exp()
        torch.testing.assert_close(filters, density / density.sum(1, keepdim=True))
        torch.testing.assert_close(filters.sum(1), torch.ones(3, dtype=torch.float64))


@pytest.mark.parametrize("place", [-1e4, -3.0, 40.0, 1e4])
def test_a_filter_outside_the_image_still_sums_to_one(place: float) -> None:
    """Even where every density underflows, and its gradient is finite."""
    outside = window(y=place, x=place, deviation=0.1)
    outside.centre.requires_grad_()

    filters = outside.filters
    filters[..., 0].sum().backward()

    torch.testing.assert_close(filters.sum(-1), torch.ones(2, 2, 3, dtype=torch.float64))
    assert outside.centre.grad is not None
    assert outside.centre.grad.isfinite().all()


def test_a_thin_window_on_every_pixel_is_the_identity() -> None:
    """With δ = 1, σ near 0, centred, and as many filters as pixels, reading and writing change nothing."""
    thin, images = window(grid=9, deviation=0.05), noise(2, 3, 9, 9)

    torch.testing.assert_close(thin.read(images), images)
    torch.testing.assert_close(thin.write(images), images)


@pytest.mark.parametrize("channels", [1, 3])
def test_writing_is_the_transpose_of_reading(channels: int) -> None:
    """⟨read(x), w⟩ = γ² ⟨x, write(w)⟩, for reading multiplies by γ what writing divides by it."""
    looking = window(y=3.3, x=4.4, stride=1.7, intensity=1.3)
    images, patches = noise(2, channels, 9, 9), noise(2, channels, 3, 3, seed=1)

    read = (looking.read(images) * patches).sum((1, 2, 3))
    written = (images * looking.write(patches)).sum((1, 2, 3))

    torch.testing.assert_close(read, 1.3**2 * written)


def test_a_patch_is_the_two_filters_applied_to_each_channel() -> None:
    """γ F_Y x F_Xᵀ, written out pixel by pixel."""
    looking, images = window(y=3.0, x=5.0, stride=2.0, intensity=0.6), noise(2, 2, 9, 9)
    vertical, horizontal = looking.filters.unbind(1)

    expected = 0.6 * torch.einsum("bih,bchw,bjw->bcij", vertical, images, horizontal)

    torch.testing.assert_close(looking.read(images), expected)


def test_a_window_moved_with_the_image_reads_the_same() -> None:
    """Two pixels to the right: attention sees what, not where."""
    images = torch.zeros(2, 1, 32, 32, dtype=torch.float64)
    images[:, :, 12:18, 10:17] = noise(2, 1, 6, 7)

    before = window(y=14.0, x=13.0, stride=1.5, grid=4, image_size=32).read(images)
    after = window(y=14.0, x=15.0, stride=1.5, grid=4, image_size=32).read(images.roll(2, dims=3))

    torch.testing.assert_close(before, after)


def test_where_to_look_has_the_gradient_that_differences_give() -> None:
    """Of centre, stride, deviation and intensity, for reading and for writing."""
    start = window(y=3.3, x=4.6, stride=1.4)
    images, patches = noise(2, 1, 9, 9), noise(2, 1, 3, 3, seed=1)

    def both(centre: Tensor, stride: Tensor, deviation: Tensor, intensity: Tensor) -> tuple[Tensor, Tensor]:
        moved = Window(centre, stride, deviation, intensity, grid=3, image_size=9)
        return moved.read(images), moved.write(patches)

    numbers = [start.centre, start.stride, start.deviation, start.intensity]

    assert torch.autograd.gradcheck(both, [each.requires_grad_() for each in numbers])


def test_a_gaze_of_zeros_looks_at_the_whole_image() -> None:
    """The outermost filters sit on the outermost pixels; σ and γ are 1 (eqs. 22 to 24)."""
    gaze = Gaze(4, grid=5, image_size=28)
    for parameter in gaze.parameters():
        parameter.data.zero_()

    seen = gaze.window(torch.ones(2, 4))

    torch.testing.assert_close(seen.centre, torch.full((2, 2), 13.5))
    torch.testing.assert_close(seen.centre[:, 0] - 2 * seen.stride, torch.zeros(2))
    torch.testing.assert_close(seen.centre[:, 0] + 2 * seen.stride, torch.full((2,), 27.0))
    assert torch.equal(torch.stack([seen.deviation, seen.intensity]), torch.ones(2, 2))


@pytest.mark.parametrize("value", [-1e6, 1e6])
def test_no_hidden_state_makes_an_infinite_window(value: float) -> None:
    """Every exponential is bounded: a wild gaze reads and writes finite numbers."""
    gaze = Gaze(1, grid=3, image_size=9)
    gaze.weight.data.fill_(value)

    wild = gaze.window(torch.ones(2, 1))

    assert wild.read(torch.ones(2, 1, 9, 9)).isfinite().all()
    assert wild.write(torch.ones(2, 1, 3, 3)).isfinite().all()
