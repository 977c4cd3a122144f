"""The server itself with a model of known cost, started by the benchmark: `python -m benchmarks.overload.server`.

A paced model takes so many milliseconds for each row that it computes, most of them asleep, as a GPU would; a held one
waits before its first batch for SIGUSR1. A watch on the event loop is written when the server ends.
"""

import argparse
import asyncio
import json
import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.overload.loop_watch import LoopWatch, Marked
from models_store.latents import Floats
from models_store.pixels import Bytes
from service import __main__ as service
from service.app import Service, create_app
from service.engine.executor import InferenceThreads
from service.engine.runner import Key, Runner
from service.protocol import Protocol
from service.settings import Settings

FILES = 8192


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--row-ms", type=float, default=0.0, help="what a computed row takes at least [0]")
    parser.add_argument("--held", action="store_true", help="the first batch waits for SIGUSR1")
    parser.add_argument("--watch", type=Path, help="write what held the event loop to this file at the end")
    options, others = parser.parse_known_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, most), most))
    _pace(options.row_ms / 1000, _gate(held=options.held))
    watch = LoopWatch()
    if options.watch:
        watch.install()
        # Only asyncio's own loop can be watched; uvicorn takes it where there is no other.
        sys.modules["uvloop"] = None  # type: ignore[assignment]  # makes its import fail
        service.create_app = _marked_app  # type: ignore[attr-defined]  # in its place
        service.Protocol = _watched_protocol(watch)  # type: ignore[attr-defined]  # in its place
    # uvicorn raises the signal that ended it once more, for whoever had a handler before.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        service.main(others)
    finally:
        if options.watch:
            options.watch.write_text(json.dumps(watch.report()))


def _watched_protocol(watch: LoopWatch) -> type[Protocol]:
    class Watched(Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            watch.begun = True
            super().connection_made(transport)

    return Watched


def _marked_app(settings: Settings) -> Service:
    app = create_app(settings)
    app.middleware_stack = Marked(app.build_middleware_stack())
    return app


def _pace(row_s: float, gate: threading.Event) -> None:
    begin = InferenceThreads.__init__

    def paced(self: InferenceThreads, runner: Runner) -> None:
        begin(self, Paced(runner, row_s, gate))

    InferenceThreads.__init__ = paced  # type: ignore[method-assign]  # in its place


def _gate(*, held: bool) -> threading.Event:
    gate = threading.Event()
    if not held:
        gate.set()
    signal.signal(signal.SIGUSR1, lambda *_: gate.set())
    return gate


class Paced:
    """A runner that takes its time, one batch after another."""

    workers = 1

    def __init__(self, runner: Runner, row_s: float, gate: threading.Event) -> None:
        self._runner = runner
        self._row_s = row_s
        self._gate = gate
        self.padded, self.warm_up, self.numerics = runner.padded, runner.warm_up, runner.numerics
        self.enter = runner.enter

    def sample(self, digest: str, draws: Sequence[bytes]) -> Bytes:
        with self._pace((digest, "decode"), len(draws)):
            return self._runner.sample(digest, draws)

    def run(self, key: Key, columns: Sequence[Floats]) -> Floats:
        with self._pace(key, len(columns[0])):
            return self._runner.run(key, columns)

    @contextmanager
    def _pace(self, key: Key, rows: int) -> Iterator[None]:
        self._gate.wait()
        end = time.monotonic() + self._row_s * self.padded(key, rows)
        yield
        time.sleep(max(0.0, end - time.monotonic()))


if __name__ == "__main__":
    main()
