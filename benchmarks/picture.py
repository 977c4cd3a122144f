"""A run as one picture: how many requests a second each server answers, and how long they wait meanwhile."""

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from benchmarks.contestants import OURS
from benchmarks.result import Code, Result
from benchmarks.situations import CLOSED

LOAD = CLOSED[-1].name
COLOURS: dict[Code, str] = {"written": "#9aa8bb", "ours": "#3d5a80"}
LABELS: dict[Code, str] = {"written": "eager torch and Pillow", "ours": "given our forward pass and PNG writer"}
OUR_COLOUR = "#e07a2f"
ROW_INCHES = 0.32


def draw(result: Result, file: Path) -> None:
    """Writes the picture as PNG: a row for each server that has answered, the fastest on top."""
    mpl.use("Agg")
    rates = {who: result.median("requests_per_second", *who, LOAD) or 0.0 for who in result.contestants(LOAD)}
    rows = sorted(rates, key=lambda who: rates[who])
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10, 1.5 + ROW_INCHES * len(rows)), layout="constrained", sharey=True
    )
    left.barh(range(len(rows)), [rates[who] for who in rows], color=[_colour(who) for who in rows])
    left.set_yticks(range(len(rows)), [result.titles[name] for name, _ in rows], fontsize=9)
    for place, who in enumerate(rows):
        left.text(rates[who], place, f" {rates[who]:,.0f}", va="center", fontsize=8)
    left.set_xlabel(f"requests/s ({LOAD})")
    left.margins(x=0.15)
    _draw_times(right, result, rows)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(handles=_legend(), loc="outside upper center", ncols=3, frameon=False, fontsize=9)
    # Without the version of the library, so that the same figures give the same bytes.
    figure.savefig(file, dpi=110, metadata={"Software": None})
    plt.close(figure)


def _draw_times(axes: Axes, result: Result, rows: list[tuple[str, Code]]) -> None:
    """From the median to the 99th percentile."""
    for place, who in enumerate(rows):
        middle, tail = (result.median(figure, *who, LOAD) for figure in ("p50_ms", "p99_ms"))
        if middle is not None and tail is not None:
            axes.plot([middle, tail], [place, place], color=_colour(who), linewidth=5, solid_capstyle="butt")
            axes.text(tail, place, f" {tail:,.0f}", va="center", fontsize=8)
    axes.set(xscale="log", xlabel="ms from request to answer, p50 to p99")
    axes.margins(x=0.15)


def _legend() -> list[Patch]:
    ours = Patch(color=OUR_COLOUR, label=OURS)
    return [ours, *(Patch(color=COLOURS[code], label=label) for code, label in LABELS.items())]


def _colour(who: tuple[str, Code]) -> str:
    return OUR_COLOUR if who[0] == OURS else COLOURS[who[1]]
