"""One style for all figures."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

STYLE: dict[Any, Any] = {"axes.spines.right": False, "axes.spines.top": False, "font.size": 9, "legend.frameon": False}


@contextmanager
def figure(path: Path, *, columns: int = 1, width: float = 4.0, height: float = 3.0) -> Iterator[list[Any]]:
    """Axes side by side, each `width` by `height` inches; saved as a PNG at the end."""
    with mpl.rc_context(STYLE):
        drawing = Figure(figsize=(columns * width, height), dpi=130, layout="constrained")
        yield [drawing.add_subplot(1, columns, column + 1) for column in range(columns)]
        path.parent.mkdir(parents=True, exist_ok=True)
        drawing.savefig(path)
