"""Scores of pictures: the ELBO in its parts, in nats a picture, each number with its standard error."""

import html
import importlib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

ESTIMATES = ("elbo", "reconstruction", "kl", "importance_weighted")
"""Those with a standard error."""
FEWEST, SMALLEST_SHARE = 2.0, 0.05
"""Draws that count at least, and their share of K, before the error of an importance-weighted bound means something."""
Doubles = NDArray[np.float64]


class Scores(Sequence[Mapping[str, Any]]):
    """One row a picture, as the server answered; elbo = reconstruction - kl. Arrays are (n,)."""

    def __init__(self, rows: Sequence[Mapping[str, Any]], names: Sequence[str], head: Mapping[str, Any]) -> None:
        self._rows = tuple(rows)
        self.names = tuple(names)
        self.domain: str | None = head.get("domain")
        """Where the likelihood is a probability: `binarized` bits or `8-bit` levels."""
        self.seed: int = head["seed"]
        """Of the noise: with it the same pictures get the same scores."""

    @property
    def elbo(self) -> Doubles:
        """The evidence lower bound on log p(x)."""
        return self._values("elbo")

    @property
    def reconstruction(self) -> Doubles:
        """E log p(x|z)."""
        return self._values("reconstruction")

    @property
    def kl(self) -> Doubles:
        """KL(q(z|x) ‖ p(z))."""
        return self._values("kl")

    @property
    def importance_weighted(self) -> Doubles:
        """The bound of Burda et al. (2016) with K draws; tighter than the ELBO."""
        return self._values("importance_weighted")

    @property
    def standard_errors(self) -> Mapping[str, Doubles]:
        """Of each of the four estimates, over its draws; NaN for a single draw."""
        return {name: np.array([_number(row[name]["standard_error"]) for row in self]) for name in ESTIMATES}

    @property
    def bits_per_dim(self) -> Doubles:
        """-elbo in bits a pixel."""
        return np.array([row["bits_per_dim"]["elbo"] for row in self], dtype=np.float64)

    @property
    def percentile(self) -> Doubles:
        """Share of the test set, in percent, with a lower ELBO; NaN if the model's card does not know it."""
        return np.array([_number(row["percentile"]) for row in self])

    @property
    def kl_per_dim(self) -> Doubles | None:
        """(n, latent_dim); None unless asked for with per_dimension=True and the posterior has a closed form."""
        found = [row["kl_per_dimension"] for row in self]
        return None if None in found else np.array(found, dtype=np.float64)

    @property
    def effective_sample_size(self) -> Doubles:
        """Of how many draws the importance-weighted bound lives: between 1 and K."""
        return np.array([row["importance_weighted"]["effective_sample_size"] for row in self], dtype=np.float64)

    @property
    def doubtful(self) -> NDArray[np.bool_]:
        """Whether the bound hangs on hardly more than one of its several draws, so that its error cannot be trusted."""
        draws = np.array([row["importance_weighted"]["draws"] for row in self], dtype=np.float64)
        return (draws > 1) & (self.effective_sample_size < np.maximum(FEWEST, SMALLEST_SHARE * draws))

    @property
    def steps(self) -> Sequence[Sequence[str]]:
        """What was done to each picture before it was scored, as in `inverted`."""
        return [tuple(row.get("steps", ())) for row in self]

    def protocol(self) -> str:
        """How the numbers came about, in a line."""
        pictures = f"{len(self)} picture{'s' * (len(self) != 1)}"
        return f"{pictures}, in nats a picture; likelihood: {self.domain}; seed of the noise: {self.seed}"

    def summary(self) -> str:
        """Of one picture its scores, ± their errors over the draws; of several the means, ± errors over them."""
        several = len(self) > 1
        lines = [self.protocol(), f"{'mean over the pictures' if several else 'score'} ± its standard error:"]
        for name in ESTIMATES:
            values = self._values(name)
            error = values.std(ddof=1) / math.sqrt(len(values)) if several else self.standard_errors[name][0]
            lines.append(f"{name:20}{values.mean():10.2f} ± {error:.2f}")
        return "\n".join([*lines, *self._remarks()])

    def _remarks(self) -> Iterator[str]:
        known = self.percentile[~np.isnan(self.percentile)]
        if len(known):
            ends = dict.fromkeys(f"{end:.0f} %" for end in (known.min(), known.max()))
            yield f"more probable than {' to '.join(ends)} of the test pictures"
        if self.doubtful.any():
            which = f"{self.doubtful.sum()} of {len(self)} importance-weighted bounds"
            yield f"{which} cannot be trusted: hardly more than one draw counts; ask for more with k"

    def table(self) -> list[dict[str, Any]]:
        """A flat row a picture: name, each estimate with its error as `elbo_se`, and the rest, steps as one text."""
        errors = self.standard_errors
        rows = []
        for number, name in enumerate(self.names):
            row: dict[str, Any] = {"name": name}
            for estimate in ESTIMATES:
                row[estimate] = float(self._values(estimate)[number])
                row[f"{estimate}_se"] = _known(errors[estimate][number])
            row["bits_per_dim"] = float(self.bits_per_dim[number])
            row["percentile"] = _known(self.percentile[number])
            row["effective_sample_size"] = float(self.effective_sample_size[number])
            row["steps"] = "; ".join(self.steps[number])
            rows.append(row)
        return rows

    def worst_first(self) -> "Scores":
        """Sorted by ELBO, the least likely picture first."""
        order = np.argsort(self.elbo, kind="stable").tolist()
        head = {"domain": self.domain, "seed": self.seed}
        return Scores([self._rows[number] for number in order], [self.names[number] for number in order], head)

    def to_pandas(self) -> Any:
        """`table()` as a DataFrame of pandas, which must be installed."""
        return importlib.import_module("pandas").DataFrame(self.table()).set_index("name")

    def _values(self, name: str) -> Doubles:
        return np.array([row[name]["value"] for row in self], dtype=np.float64)

    def __getitem__(self, key: Any) -> Any:
        return self._rows[key]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return iter(self._rows)

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{title}</th>" for title in ("", "elbo", "reconstruction", "kl", "", "more probable than"))
        longest = max(abs(self.elbo).max(), 1e-9)
        return f"<table><tr>{head}</tr>{''.join(_line(row, longest) for row in self.table())}</table>"


def _line(row: Mapping[str, Any], longest: float) -> str:
    """A table's row, with a bar: what the reconstruction costs, then what the code costs."""
    numbers = "".join(f"<td>{row[name]:.1f} ± {_number(row[name + '_se']):.1f}</td>" for name in ESTIMATES[:3])
    widths = (max(0.0, -row["reconstruction"]) / longest * 120, max(0.0, row["kl"]) / longest * 120)
    bars = "".join(
        f'<span style="display:inline-block;height:.8em;width:{width:.0f}px;background:{colour}"></span>'
        for width, colour in zip(widths, ("#4477aa", "#ccbb44"), strict=True)
    )
    percentile = "" if row["percentile"] is None else f"{row['percentile']:.0f} %"
    return f"<tr><td>{html.escape(row['name'])}</td>{numbers}<td>{bars}</td><td>{percentile}</td></tr>"


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
