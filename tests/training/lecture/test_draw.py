"""The account of DRAW's steps against its ELBO, and the squares of the figure against the filters."""

from pathlib import Path

import pytest
import torch

from models_store.attention import Window
from models_store.checkpoint import Card, write_checkpoint
from models_store.draw import DRAW, DRAWConfig
from training.data import ImageSet
from training.lecture import draw
from training.objective import noise_of

SHAPE = DRAWConfig(image_size=8, strokes=3, stroke_latents=2, hidden=12, read_grid=3, write_grid=4)
CPU = torch.device("cpu")


def painter() -> DRAW:
    """A random one, far enough from the prior to have a divergence."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        network = DRAW(SHAPE)
        for parameter in network.parameters():
            parameter.data += 0.2 * torch.randn_like(parameter)
    return network.eval().requires_grad_(requires_grad=False)


def test_the_costs_of_the_steps_sum_to_the_divergence_of_the_elbo(little_world: ImageSet) -> None:
    """The KL in closed form, step by step, and E[log q - log p] agree within 4 standard errors."""
    steps = draw.account(painter(), little_world.train, noise_of(0, 0, CPU))

    assert len(steps.costs) == 3
    assert float(steps.costs.min()) > 0
    assert abs(float(steps.costs.sum()) - steps.divergence) < 4 * steps.standard_error
    assert steps.standard_error < 0.2 * steps.divergence


def test_the_last_error_is_the_reconstruction_term_of_the_elbo(little_world: ImageSet) -> None:
    """Costs and errors of a row make its ELBO, but for the one draw that stands for the KL."""
    network, data = painter(), (little_world.test.pixels() > 0.5).float()
    noise = torch.randn(len(data), network.latent_dim, generator=torch.Generator().manual_seed(1))
    inference = network.infer(data, noise)

    errors = draw.errors_of(network, data, inference.latents)

    terms = network.log_weights(data, network.encode(data), noise)
    torch.testing.assert_close(errors[:, -1], -terms[:, 0])
    assert errors.shape == draw.costs_of(inference).shape == (len(data), 3)


def test_an_error_of_a_step_is_that_of_the_picture_it_left() -> None:
    """-log p(x | c_t) = -Σ log of the probability that the stage gives to each bit."""
    network, latents = painter(), torch.randn(4, 6, generator=torch.Generator().manual_seed(2))
    data = (torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(3)) < 0.5).float()

    stages = network.stages(latents)
    shares = torch.where(data[:, None] == 1, stages, 1 - stages)

    torch.testing.assert_close(draw.errors_of(network, data, latents), -shares.log().sum((2, 3, 4)))


def test_the_square_has_the_outermost_filters_at_its_corners() -> None:
    """The means of the first and the last filter of both axes, where the image does not cut them off."""
    window = Window(torch.tensor([[14.0, 11.0]]), torch.tensor([2.5]), torch.tensor([0.8]), torch.tensor([1.0]), 4, 28)
    means = (window.filters * torch.arange(28)).sum(-1)

    left, top, side = draw.rectangle(window, 0)

    corners = torch.tensor([[[top, top + side], [left, left + side]]])
    torch.testing.assert_close(means[..., [0, -1]], corners, atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("square", "part"),
    [
        ((2.0, 3.0, 4.0), (2.0, 3.0, 4.0, 4.0)),
        ((-5.0, 3.0, 8.0), (-0.5, 3.0, 3.5, 4.5)),
        ((-9.0, -9.0, 40.0), (-0.5, -0.5, 8.0, 8.0)),
        ((20.0, 1.0, 3.0), (7.5, 1.0, 0.0, 3.0)),
    ],
)
def test_what_is_shown_of_a_square_lies_in_its_picture(
    square: tuple[float, float, float], part: tuple[float, float, float, float]
) -> None:
    """Of 8 pixels, from -½ to 7½: inside, over one edge or two, around it, beside it."""
    assert draw.visible_part(square, 8) == part


def test_a_painter_of_its_own_learns(little_world: ImageSet) -> None:
    """Better than the fair coin that an untrained one is, with bits of squares it has not seen."""
    network = draw.train_painter(little_world.train, SHAPE, steps=60, batch=32)

    steps = draw.account(network, little_world.test, noise_of(0, 0, CPU))

    assert float(steps.errors[-1]) + steps.divergence < 0.9 * 64 * torch.tensor(2.0).log()


def test_the_shipped_painter_is_taken_where_there_is_one(tmp_path: Path) -> None:
    """By its name; an empty store has none, and that is no error."""
    assert draw.shipped_painter(tmp_path) is None

    write_checkpoint(tmp_path, draw.FASHION_PAINTER, painter(), Card(summary="random"))
    found = draw.shipped_painter(tmp_path)

    assert found is not None
    assert found.config == SHAPE


def test_the_figure_is_drawn(tmp_path: Path, little_world: ImageSet) -> None:
    """With one row a sample and one column a step."""
    network = painter()
    steps = draw.account(network, little_world.test, noise_of(0, 0, CPU))

    draw.show(tmp_path / "draw.png", network, torch.zeros(2, 6), steps)

    assert (tmp_path / "draw.png").stat().st_size > 5000
