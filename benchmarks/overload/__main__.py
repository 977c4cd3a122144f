"""Measures the server beyond what it can do, and prints JSON: `python -m benchmarks.overload`.

The clients share the machine with the server. Ratios, counts and CPU times of one run mean something on a busy machine;
milliseconds of a wall clock only on a quiet one.
"""

import argparse
import asyncio
import gc
import json
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from benchmarks.checkpoint import write_store
from benchmarks.origin import origin
from benchmarks.overload.departures import departures
from benchmarks.overload.fairness import fairness
from benchmarks.overload.goodput import goodput
from benchmarks.overload.mixed import mixed

Experiment = Callable[[Path, float], Awaitable[dict[str, Any]]]
EXPERIMENTS: dict[str, Experiment] = {
    "goodput": goodput,
    "departures": lambda store, _seconds: departures(store),
    "fairness": fairness,
    "mixed": lambda _store, seconds: mixed(seconds),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overload", description=__doc__)
    parser.add_argument("experiments", nargs="*", metavar="EXPERIMENT", help=f"of {', '.join(EXPERIMENTS)} [all]")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each load [10]")
    options = parser.parse_args()
    unknown = set(options.experiments) - EXPERIMENTS.keys()
    if unknown:
        parser.error(f"no experiment {', '.join(sorted(unknown))}; there are {', '.join(EXPERIMENTS)}")
    found = {"origin": origin(), "seconds": options.seconds}
    with tempfile.TemporaryDirectory() as folder:
        write_store(Path(folder))
        gc.collect()
        gc.freeze()  # a collection of all that is imported here takes 100 ms, which would look like the server's
        for name in options.experiments or EXPERIMENTS:
            found[name] = asyncio.run(_measured(EXPERIMENTS[name], Path(folder), options.seconds))
    print(json.dumps(found, indent=2))


async def _measured(experiment: Experiment, store: Path, seconds: float) -> dict[str, Any]:
    return await experiment(store, seconds)


if __name__ == "__main__":
    main()
