"""Our server and its peers, side by side: the same network, the same requests, windows that take turns.

In each round every situation goes once through all servers, beginning with another one each time, so that what else the
machine does falls on all alike. Whose turn it is not is stopped: some servers poll when nobody asks them.
"""

import gc
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.progress import Progress

from benchmarks.answers import Expected, WrongAnswer, check, expected_from
from benchmarks.ceilings import CORES, Bench
from benchmarks.checkpoint import write_store
from benchmarks.client import closed_loop
from benchmarks.contestants import OURS, RAW, Contestant, started_ours, started_peer, started_raw, store_in
from benchmarks.environments import python_of, version_of
from benchmarks.graphs import add_graphs
from benchmarks.latencies import percentile_ms
from benchmarks.origin import origin
from benchmarks.peers import PEERS
from benchmarks.processes import DidNotStart, busy_s
from benchmarks.result import Beside, Code, Measurement, Result
from benchmarks.situations import HELD_AGAINST_PARTS, SITUATIONS, Situation

CODES: tuple[Code, ...] = ("written", "ours")
CONSOLE = Console(stderr=True)
WARM_UP_CONNECTIONS = 64
WAKING_S = 0.3
"""Of requests before each window: after a minute's stop caches are cold, and the first half second is 5 % slower."""
SETTINGS = "LATENTSERVE_"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much is measured."""

    peers: Sequence[str] = tuple(PEERS)
    codes: Sequence[Code] = CODES
    situations: Sequence[Situation] = SITUATIONS
    graphs: bool = True
    """Whether the checkpoint has graphs for ONNX Runtime, as shipped ones have."""
    rounds: int = 3
    seconds: float = 3.0
    """Of a window; a part by itself gets a tenth of it."""
    peer_threads: int = 1
    """torch's, in a peer's process."""

    def described(self) -> dict[str, Any]:
        """As the result keeps it, with the settings that our server was given by its environment."""
        settings = {name: value for name, value in os.environ.items() if name.startswith(SETTINGS)}
        figures = {
            "graphs": self.graphs,
            "rounds": self.rounds,
            "seconds": self.seconds,
            "peer_threads": self.peer_threads,
        }
        return {**figures, "settings": settings, "cores": CORES}


def run(plan: Plan) -> Result:
    """Starts everybody, measures, stops everybody. Raises DidNotStart or WrongAnswer only for our own server."""
    result = Result(dict(origin()), plan.described())
    with TemporaryDirectory(prefix="latentserve-") as folder, ExitStack() as stack:
        workspace = Path(folder)
        store_in(workspace).mkdir()
        write_store(store_in(workspace))
        if plan.graphs:
            add_graphs(store_in(workspace))
        contestants = _started(plan, workspace, result, stack)
        bench = Bench(store_in(workspace))
        gc.collect()
        gc.freeze()  # a collection in the middle of a window would look like the server's
        stack.callback(gc.unfreeze)
        _measure(plan, contestants, bench, result)
    return result


def _started(plan: Plan, workspace: Path, result: Result, stack: ExitStack) -> list[Contestant]:
    """Those that run and answer rightly; of the others the result says what was wrong."""
    expected, found = expected_from(store_in(workspace)), []
    for name, start in _starts(plan, workspace, result):
        try:
            contestant = stack.enter_context(_running(start, expected))
        except (DidNotStart, WrongAnswer, OSError, ValueError) as error:
            if name == OURS:
                raise
            result.missing[name] = str(error)
            CONSOLE.print(f"{name}: {error}", markup=False)
        else:
            version = version_of(contestant.name) if name != OURS else ""
            result.titles[contestant.name] = f"{contestant.title} {version}".strip()
            found.append(contestant)
            CONSOLE.print(f"{name}: ready", markup=False)
    return found


def _starts(plan: Plan, workspace: Path, result: Result) -> Iterator[tuple[str, Callable[[], Contestant]]]:
    """What to call each start, and the start."""
    yield OURS, partial(started_ours, workspace)
    for name in (RAW, *plan.peers):
        if python_of(name) is None:
            needs = f"; it needs {PEERS[name].needs}" if name in PEERS and PEERS[name].needs else ""
            result.missing[name] = f"no environment: python -m benchmarks setup {name}{needs}"
        elif name == RAW:
            yield RAW, partial(started_raw, workspace)
        else:
            for code in plan.codes:
                yield f"{name}, {code}", partial(started_peer, PEERS[name], code, workspace, plan.peer_threads)


@contextmanager
def _running(start: Callable[[], Contestant], expected: Expected) -> Iterator[Contestant]:
    """Ready, right, and standing still. Raises DidNotStart and WrongAnswer."""
    contestant = start()
    try:
        contestant.server.wait_until(lambda: bool(contestant.picture(1, 0)))
        if contestant.name != RAW:
            check(contestant, expected)
        contestant.server.pause()
        yield contestant
    finally:
        contestant.server.stop()


@contextmanager
def _turn(who: Contestant) -> Iterator[None]:
    """The others stand still meanwhile."""
    who.server.go_on()
    try:
        # Awake again, and done with what the last window has left behind, before the clock runs.
        who.server.wait_until(lambda: bool(who.picture(1, 0)))
        yield
    finally:
        who.server.pause()


def _measure(plan: Plan, contestants: Sequence[Contestant], bench: Bench, result: Result) -> None:
    seeds = count(1_000)
    turns = {each: [who for who in contestants if each.is_for(who)] for each in plan.situations}
    with Progress(console=CONSOLE) as progress:
        bar = progress.add_task("warming up", total=plan.rounds * sum(map(len, turns.values())))
        for who in contestants:
            with _turn(who):
                _wake(who, seeds, min(1.0, plan.seconds))
        for number in range(plan.rounds):
            progress.update(bar, description=f"round {number + 1} of {plan.rounds}")
            result.ceilings.append(bench.measure(plan.seconds / 10))
            for situation, those in turns.items():
                first = number % max(1, len(those))
                for who in (*those[first:], *those[:first]):
                    with _beside_parts(number, situation, who, bench, plan.seconds / 10, result):
                        _take_turn(number, situation, who, seeds, plan.seconds, result)
                    progress.advance(bar)


@contextmanager
def _beside_parts(
    number: int, situation: Situation, who: Contestant, bench: Bench, seconds: float, result: Result
) -> Iterator[None]:
    """If the turn is ours, and its window will be held against the parts: they are measured on both sides of it."""
    if who.name != OURS or situation not in HELD_AGAINST_PARTS:
        yield
        return
    before = bench.parts(seconds)
    yield
    result.beside.append(Beside(round=number, situation=situation.name, before=before, behind=bench.parts(seconds)))


def _wake(who: Contestant, seeds: "count[int]", seconds: float) -> None:
    """Has it at work for so long, and all answers back."""
    requests = (who.request(1, seed) for seed in seeds)
    closed_loop(who.port, requests, connections=WARM_UP_CONNECTIONS, seconds=seconds)


def _take_turn(
    number: int, situation: Situation, who: Contestant, seeds: "count[int]", seconds: float, result: Result
) -> None:
    """A server that is there no more loses its turn, and the result says so; the run goes on."""
    try:
        with _turn(who):
            _wake(who, seeds, min(WAKING_S, seconds))
            result.measurements.append(_window(number, situation, who, seeds, seconds))
    except (DidNotStart, OSError) as error:
        result.missing[f"{who.name}, {who.code}, round {number + 1}, {situation.name}"] = str(error)


def _window(number: int, situation: Situation, who: Contestant, seeds: "count[int]", seconds: float) -> Measurement:
    started, cpu, busy = time.perf_counter(), who.server.cpu_s(), busy_s()
    window = situation.load(who, seeds, seconds)
    busy, cpu = busy_s() - busy, who.server.cpu_s() - cpu
    elapsed, answers = time.perf_counter() - started, len(window.times)
    return Measurement(
        round=number,
        contestant=who.name,
        code=who.code,
        situation=situation.name,
        requests_per_second=window.rate,
        images_per_second=window.rate * situation.n,
        p50_ms=percentile_ms(window.times, 50),
        p99_ms=percentile_ms(window.times, 99),
        cpu_ms=1000 * cpu / answers if answers else None,
        client_cpu_ms=1000 * window.client_cpu / answers if answers else None,
        errors=window.errors,
        others_cores=max(0.0, (busy - cpu - window.client_cpu) / elapsed),
    )
