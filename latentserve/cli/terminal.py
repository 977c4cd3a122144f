"""Pictures in a terminal: two pixels a cell, the upper half block in one colour on the other."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from latentserve.png import Bytes
from latentserve.sheet import sheet

RESET = "\x1b[0m"
HALF = "▀"
RAMP = " .:-=+*#%@"
"""From dark to light, for terminals without colours."""
Colours = Callable[[Sequence[int], bool], str]


def rendered(pictures: Bytes, *, columns: int | None = None, colours: "Colours | None" = None, width: int = 80) -> str:
    """Levels (N, H, W, C) -> lines of text; as many beside one another as fit, or at most `columns`."""
    pictures = _fitted(pictures, width)
    most = max(1, width // pictures.shape[2])
    found = sheet(pictures, columns=min(columns or most, most, len(pictures)), gap=0)
    levels = np.broadcast_to(found, (*found.shape[:2], 3)).astype(int)
    levels = np.concatenate([levels, np.zeros((levels.shape[0] % 2, *levels.shape[1:]), int)])
    lines = [_line(levels[row], levels[row + 1], colours) for row in range(0, len(levels), 2)]
    return "\n".join(lines) + "\n"


def terminal_width() -> int:
    """Cells in a line."""
    return shutil.get_terminal_size().columns


def terminal_colours(environment: Mapping[str, str] = os.environ) -> "Colours | None":
    """What the terminal says it can show: 16 million colours, 256, or none, as for NO_COLOR and dumb terminals."""
    name = environment.get("TERM", "")
    if environment.get("NO_COLOR") or name == "dumb":
        return None
    if environment.get("COLORTERM") in ("truecolor", "24bit"):
        return true_colour
    return colour_of_256 if "256color" in name else None


def true_colour(levels: Sequence[int], ground: bool) -> str:
    """The escape for a colour of the block or, for the other pixel, of its ground."""
    red, green, blue = levels
    return f"\x1b[{48 if ground else 38};2;{red};{green};{blue}m"


def colour_of_256(levels: Sequence[int], ground: bool) -> str:
    """The nearest of xterm's 24 greys or of its cube of 6³ colours."""
    red, green, blue = levels
    if max(levels) - min(levels) < 8:
        grey = round(sum(levels) / 3 * 25 / 255)
        number = 16 if grey == 0 else 231 if grey == 25 else 231 + grey
    else:
        number = 16 + 36 * round(red / 51) + 6 * round(green / 51) + round(blue / 51)
    return f"\x1b[{48 if ground else 38};5;{number}m"


def _fitted(pictures: Bytes, width: int) -> Bytes:
    """Pictures wider than the terminal lose whole columns and rows: it is only a glance."""
    step = -(-pictures.shape[2] // width)
    return pictures[:, ::step, ::step]


def _line(upper: NDArray[np.int_], lower: NDArray[np.int_], colours: Colours | None) -> str:
    """Two rows of pixels (W, 3) -> one line."""
    pairs = list(zip(upper.tolist(), lower.tolist(), strict=True))
    if colours is None:
        return "".join(RAMP[int((sum(top) + sum(bottom)) / 6 * len(RAMP) / 256)] for top, bottom in pairs).rstrip()
    cells, before = [], ""
    for top, bottom in pairs:
        escape = colours(top, False) + colours(bottom, True)
        cells.append(HALF if escape == before else escape + HALF)
        before = escape
    return "".join(cells) + RESET
