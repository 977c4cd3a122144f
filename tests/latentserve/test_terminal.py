"""Pictures in a terminal: what is printed can be read back to the pixels."""

import re

import numpy as np
import pytest

from latentserve.cli.terminal import (
    RAMP,
    colour_of_256,
    rendered,
    terminal_colours,
    true_colour,
)

ESCAPE = re.compile(r"\x1b\[38;2;(\d+);(\d+);(\d+)m\x1b\[48;2;(\d+);(\d+);(\d+)m")


def read_back(text: str) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Lines of half blocks in true colour -> levels (H, W, 3)."""
    rows = []
    for line in text.splitlines():
        upper, lower, numbers = [], [], [0] * 6
        for part in re.findall(r"\x1b\[38[^▀]*|▀", line):
            if part == "▀":
                upper.append(numbers[:3])
                lower.append(numbers[3:])
            elif found := ESCAPE.match(part):
                numbers = [int(number) for number in found.groups()]
        rows += [upper, lower]
    return np.array(rows, dtype=np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_true_colour_shows_every_pixel(channels: int) -> None:
    """Two rows a line: 28 by 28 pixels are 28 by 14 cells, and can be read back."""
    levels = np.random.default_rng(0).integers(0, 256, (1, 28, 28, channels), dtype=np.uint8)
    text = rendered(levels, colours=true_colour)

    assert text.count("\n") == 14
    assert np.array_equal(read_back(text), np.broadcast_to(levels[0], (28, 28, 3)))


def test_as_many_stand_beside_one_another_as_fit() -> None:
    """Four of 28 in 80 cells are two and a row below; never more than are asked for."""
    levels = np.full((4, 28, 28, 1), 9, dtype=np.uint8)

    assert read_back(rendered(levels, colours=true_colour, width=80)).shape == (56, 56, 3)
    assert read_back(rendered(levels, colours=true_colour, width=200)).shape == (28, 112, 3)
    assert read_back(rendered(levels, colours=true_colour, width=200, columns=1)).shape == (112, 28, 3)


def test_what_is_too_wide_is_made_smaller() -> None:
    """Every third pixel of 224 fits 80 cells."""
    levels = np.zeros((1, 224, 224, 1), dtype=np.uint8)

    assert read_back(rendered(levels, colours=true_colour, width=80)).shape == (76, 75, 3)


def test_without_colours_darkness_becomes_characters() -> None:
    """Black is blank, white is the fullest, and no escape is printed."""
    levels = np.repeat(np.linspace(0, 255, 10, dtype=np.uint8)[None, None, :, None], 2, axis=1)

    assert rendered(levels) == RAMP + "\n"


def test_256_colours_are_the_nearest_grey_or_cube() -> None:
    """Of xterm's palette: greys 232 to 255, black 16, white 231, pure red 196."""
    assert colour_of_256([0, 0, 0], ground=False) == "\x1b[38;5;16m"
    assert colour_of_256([255, 255, 255], ground=True) == "\x1b[48;5;231m"
    assert colour_of_256([255, 0, 0], ground=False) == "\x1b[38;5;196m"
    assert colour_of_256([128, 128, 128], ground=False) == "\x1b[38;5;244m"


def test_the_environment_decides() -> None:
    """NO_COLOR wins over everything."""
    assert terminal_colours({"COLORTERM": "truecolor", "TERM": "xterm"}) is true_colour
    assert terminal_colours({"TERM": "xterm-256color"}) is colour_of_256
    assert terminal_colours({"TERM": "vt100"}) is None
    assert terminal_colours({"TERM": "dumb", "COLORTERM": "truecolor"}) is None
    assert terminal_colours({"NO_COLOR": "1", "COLORTERM": "truecolor"}) is None
