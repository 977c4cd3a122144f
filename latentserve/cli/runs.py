"""Commands about what was trained: run folders are JSON files and pictures, read without torch."""

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from latentserve.cli.app import examples, usage
from latentserve.cli.consent import agreed
from latentserve.cli.store import header
from latentserve.cli.where import remark

app = App(
    name="runs",
    help="What was trained: list, show, compare, rm.",
    help_epilogue=examples("latentserve runs list", "latentserve runs compare 1 2"),
)
Root = Annotated[Path, Parameter(name="--runs", help="where run folders lie")]
ROOT = Path("runs")


@dataclass(frozen=True)
class Run:
    """One run folder, as it lies there."""

    folder: Path
    config: dict[str, Any]

    @classmethod
    def named(cls, name: str, root: Path) -> "Run":
        """By its folder, its name, or its number. Raises ValueError with what there is."""
        number = f"{int(name):04d}-" if name.isascii() and name.isdigit() else None
        for run in runs_in(root):
            if run.folder.name == name or (number and run.folder.name.startswith(number)):
                return run
        found = cls.at(Path(name))
        if found is not None:
            return found
        known = ", ".join(run.folder.name for run in runs_in(root)) or "none"
        raise ValueError(f"there is no run {name!r} in {root}; there are {known}")

    @classmethod
    def at(cls, folder: Path) -> "Run | None":
        """None for what is no run folder."""
        config = _json(folder / "config.json")
        return cls(folder, config) if "kind" in config else None

    @property
    def step(self) -> int:
        """How far its last snapshot is."""
        return int(header(self.folder / "last.safetensors", "training").get("step", 0))

    @property
    def statistics(self) -> dict[str, Any]:
        """The last of everything that was measured."""
        found: dict[str, Any] = {}
        path = self.folder / "statistics.jsonl"
        for line in path.read_text().splitlines() if path.exists() else ():
            try:
                found |= json.loads(line)
            except ValueError:
                continue  # cut off by a kill; the next snapshot removes it
        return found

    @property
    def metrics(self) -> dict[str, Any]:
        """What `latentserve eval` found."""
        found = _json(self.folder / "evaluation.json").get("metrics", {})
        return {
            name: figure["value"] for name, figure in found.items() if isinstance(figure, dict) and "value" in figure
        }

    def facts(self) -> dict[str, Any]:
        """Config, progress and metrics, by name."""
        last = {name: value for name, value in self.statistics.items() if name.startswith("validation/")}
        return {**self.config, "at step": self.step, **last, **self.metrics}


def runs_in(root: Path) -> list[Run]:
    """All of a folder, in the order of their numbers."""
    folders = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    return [run for folder in folders if (run := Run.at(folder)) is not None]


@app.command(name="list", help_epilogue=examples("latentserve runs list"))
def show_all(*, root: Root = ROOT) -> None:
    """All runs: what each trained, how far it is, and how good."""
    found = runs_in(root)
    if not found:
        remark(f"no runs in {root}; make one: latentserve train vae")
    for run in found:
        sys.stdout.write(f"{run.folder.name:20}  {run.config['kind']:12}  {_progress(run)}\n")


def _progress(run: Run) -> str:
    parts = [f"step {run.step} of {run.config.get('steps', '?')}"]
    score = run.statistics.get("validation/score")
    if score is not None:
        parts.append(f"validation {score:.4g}")
    if run.metrics:
        parts.append("evaluated")
    return "  ".join(parts)


@app.command(help_epilogue=examples("latentserve runs show 0001-vae", "latentserve runs show 1"))
def show(run: str, /, *, root: Root = ROOT) -> None:
    """What a run was asked, how far it is, and what was measured.

    Parameters
    ----------
    run
        its folder, its name or its number
    """
    found = Run.named(run, root)
    sys.stdout.write(f"{found.folder}\n")
    for name, value in found.facts().items():
        sys.stdout.write(f"  {name:28}{_shown(value)}\n")


@app.command(help_epilogue=examples("latentserve runs compare 1 2"), usage=usage("runs compare"))
def compare(first: str, second: str, /, *others: str, root: Root = ROOT) -> None:
    """What differs between runs: config, progress, metrics.

    Parameters
    ----------
    first
        a run: its folder, its name or its number
    second
        another
    others
        and so on
    """
    found = [Run.named(name, root) for name in (first, second, *others)]
    columns = [run.facts() for run in found]
    names = list(dict.fromkeys(name for facts in columns for name in facts))
    sys.stdout.write(f"{'':28}" + "".join(f"{run.folder.name:>20}" for run in found) + "\n")
    for name in names:
        values = [facts.get(name) for facts in columns]
        if any(value != values[0] for value in values):
            sys.stdout.write(f"{name:28}" + "".join(f"{_shown(value):>20}" for value in values) + "\n")


@app.command(name="rm", help_epilogue=examples("latentserve runs rm 0001-vae --yes"))
def remove(
    run: str,
    /,
    *,
    yes: Annotated[bool, Parameter(help="do not ask", negative="")] = False,
    root: Root = ROOT,
) -> None:
    """Removes a run folder with its snapshots; a model in the store stays.

    Parameters
    ----------
    run
        its folder, its name or its number
    """
    found = Run.named(run, root)
    if not yes and not agreed(f"{found.folder} with all its snapshots"):
        return
    shutil.rmtree(found.folder)
    remark(f"removed {found.folder}")


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
