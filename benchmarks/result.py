"""What a run found: every window of every round, kept as JSON with what made it; medians for whoever reads it."""

import json
import statistics
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from benchmarks.ceilings import Ceilings, Parts

Code = Literal["written", "ours"]
"""`written`: eager torch and Pillow, as people write it; `ours`: the service's forward pass and PNG writer."""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One window of one server; times in milliseconds, None where nothing was answered."""

    round: int
    contestant: str
    code: Code
    situation: str
    requests_per_second: float
    images_per_second: float
    p50_ms: float | None
    p99_ms: float | None
    cpu_ms: float | None
    """CPU time of the server's processes a good answer, user and system."""
    client_cpu_ms: float | None
    """The load generator's, a good answer."""
    errors: int
    others_cores: float
    """Cores that neither this server nor the load generator kept busy: how quiet the machine was."""


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What the parts of our answers cost before one of our windows, and behind it."""

    round: int
    situation: str
    before: Parts
    behind: Parts

    @property
    def cheapest(self) -> Parts:
        """The better of both figures, each: what the machine could do at that time."""
        both = (self.before, self.behind)
        return Parts(
            forward_images_per_cpu_second=max(each.forward_images_per_cpu_second for each in both),
            forward_images_per_second_all_cores=max(each.forward_images_per_second_all_cores for each in both),
            png_us=min(each.png_us for each in both),
        )


@dataclass
class Result:
    """A run. `plan` says how long was measured, `missing` who could not take part, and why."""

    origin: dict[str, Any]
    plan: dict[str, Any]
    titles: dict[str, str] = field(default_factory=dict)
    """Contestant -> its name for readers, with the version of what was installed."""
    missing: dict[str, str] = field(default_factory=dict)
    ceilings: list[Ceilings] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    beside: list[Beside] = field(default_factory=list)

    @classmethod
    def read(cls, file: Path) -> "Result":
        """What `write` has written."""
        kept = json.loads(file.read_text())
        kept["ceilings"] = [Ceilings(**each) for each in kept["ceilings"]]
        kept["measurements"] = [Measurement(**each) for each in kept["measurements"]]
        kept["beside"] = [
            Beside(**{**each, "before": Parts(**each["before"]), "behind": Parts(**each["behind"])})
            for each in kept["beside"]
        ]
        return cls(**kept)

    def write(self, file: Path) -> None:
        """As JSON."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(self), indent=1) + "\n")

    def median(self, figure: str, contestant: str, code: Code, situation: str) -> float | None:
        """Of a figure over the rounds; None if there is none."""
        windows = self._windows(contestant, code, situation)
        found = [value for each in windows if (value := getattr(each, figure)) is not None]
        return statistics.median(found) if found else None

    def median_of_parts(
        self, figure: Callable[[Measurement, Parts], float], contestant: str, code: Code, situation: str
    ) -> float | None:
        """Of a figure of a window and of what the parts cost beside it, over the rounds; None if there is none."""
        beside = {each.round: each.cheapest for each in self.beside if each.situation == situation}
        windows = [each for each in self._windows(contestant, code, situation) if each.round in beside]
        return statistics.median(figure(each, beside[each.round]) for each in windows) if windows else None

    def errors(self, contestant: str, code: Code, situation: str) -> int:
        """Of all rounds together."""
        return sum(each.errors for each in self._windows(contestant, code, situation))

    def ceiling(self, figure: str, batch: int | None = None) -> float | None:
        """The median over the rounds of a figure of `Ceilings`, of those by batch size that of one."""
        values = [getattr(each, figure) for each in self.ceilings]
        found = [value if batch is None else value[str(batch)] for value in values]
        return statistics.median(found) if found else None

    def contestants(self, situation: str) -> list[tuple[str, Code]]:
        """Who took part in a situation, in the order of the run."""
        return list(
            dict.fromkeys((each.contestant, each.code) for each in self.measurements if each.situation == situation)
        )

    def others_cores(self) -> float:
        """How many cores everything else on the machine kept busy, the median over all windows."""
        return statistics.median(each.others_cores for each in self.measurements)

    def _windows(self, contestant: str, code: Code, situation: str) -> Iterable[Measurement]:
        wanted = (contestant, code, situation)
        return [each for each in self.measurements if (each.contestant, each.code, each.situation) == wanted]
