"""How scores are printed: a table in words, JSON or CSV."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latentserve.scores import Scores

HEAD = (("elbo", 17), ("reconstruction", 17), ("kl", 17), ("importance-weighted", 20), ("more probable than", 18))
"""Title and width of each column of numbers."""
ERRORS = "± is the standard error over the draws of a picture; elbo = reconstruction - kl"
SHARE = "more probable than: that share of the test pictures has a lower elbo"
DOUBTFUL = "* hardly more than one of its draws counts, so its ± cannot be trusted; more draws: --k"
INVERTED = "inverted: taken for dark on light; --invert false scores a picture as it is"


def table(scores: "Scores") -> str:
    """A line a picture, what its columns mean, and the means over several."""
    width = max(len(name) for name in scores.names)
    head = "".join(f" {title:>{size}}" for title, size in HEAD)
    lines = [f"{'':{width}} {head}" + ("  done to it" if any(scores.steps) else "")]
    for row, doubtful in zip(scores.table(), scores.doubtful, strict=True):
        cells = "".join(f" {cell:>{size}}" for cell, (_, size) in zip(_cells(row, doubtful), HEAD, strict=True))
        lines.append(f"{row['name']:{width}} {cells}  {row['steps']}".rstrip())
    means = scores.summary() if len(scores) > 1 else scores.protocol()
    return "\n".join([*lines, "", *_notes(scores), "", means, ""])


def _cells(row: Mapping[str, Any], doubtful: bool) -> Iterator[str]:
    for name in ("elbo", "reconstruction", "kl", "importance_weighted"):
        error = row[f"{name}_se"]
        mark = "*" if doubtful and name == "importance_weighted" else ""
        yield f"{row[name]:.2f} ± " + ("–" if error is None else f"{error:.2f}") + mark
    yield "–" if row["percentile"] is None else f"{row['percentile']:.1f} %"


def _notes(scores: "Scores") -> Iterator[str]:
    yield ERRORS
    if any(row["percentile"] is not None for row in scores):
        yield SHARE
    if scores.doubtful.any():
        yield DOUBTFUL
    if any("inverted" in steps for steps in scores.steps):
        yield INVERTED


def _json(scores: "Scores") -> str:
    return json.dumps({"units": "nats", "domain": scores.domain, "data": scores.table()}, indent=1) + "\n"


def _csv(scores: "Scores") -> str:
    text = io.StringIO()
    rows = scores.table()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


FORMS: Mapping[str, Callable[["Scores"], str]] = {"table": table, "json": _json, "csv": _csv}
