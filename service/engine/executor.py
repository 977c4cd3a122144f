"""The thread that runs the networks: it takes a batch, runs it and takes the next, until there is none.

Large batches have several parts, and helpers take some of them. The thread need not wait for the last helper: while
that is at its part, it takes another batch.
"""

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any, cast

from numpy.typing import NDArray

from models_store.pixels import to_bytes
from service.engine.batcher import Batcher
from service.engine.division import Division
from service.engine.request import Batch
from service.engine.rows import Row, Seeded, columns_of, drawn
from service.engine.runner import Key, Runner
from service.errors import ServiceError

logger = logging.getLogger("latentserve")

SAMPLE = "sample"
"""Draws points, decodes them and rounds the pixels to levels: what most ask for, with the batch and not one by one."""

ArrayBatcher = Batcher[Key, Row, NDArray[Any]]


class InferenceThread:
    """The batcher's executor. `thread` has one worker, the one on which the runner was warmed up."""

    def __init__(self, runner: Runner, thread: ThreadPoolExecutor, *, workers: int = 1) -> None:
        self._runner = runner
        self._thread = thread
        self._workers = workers
        self._drawing = threading.Lock()
        """Held by who draws: it needs the interpreter all the time, and two would pass it to and fro."""
        self._helpers = ThreadPoolExecutor(max_workers=max(1, workers - 1), thread_name_prefix="part")
        self.last_run_failed = False
        """Whether the device may be broken; a bad input is no sign of that."""

    def start(self, batcher: ArrayBatcher) -> None:
        self._thread.submit(self._work, batcher)

    def computed(self, key: Key, rows: int) -> int:
        return self._runner.padded(_network_key(key), rows)

    def close(self) -> None:
        """Returns when the batches that run have ended."""
        self._thread.shutdown()
        self._helpers.shutdown()

    def _work(self, batcher: ArrayBatcher) -> None:
        while (batch := batcher.begin()) is not None:
            parts = self._runner.parts(_network_key(batch.key), batch.size)
            division = self._divided(batch, parts, batcher)
            for _ in range(min(len(parts), self._workers) - 1):
                self._helpers.submit(division.work)
            division.work()
            if not batch.ends_its_requests:
                division.wait()

    def _divided(
        self, batch: Batch[Key, Row, NDArray[Any]], parts: Sequence[slice], batcher: ArrayBatcher
    ) -> "Division[slice, list[NDArray[Any]]]":
        rows = batch.rows()

        def run(part: slice) -> list[NDArray[Any]]:
            return list(self._results(batch.key, rows[part]))

        def end(outcome: list[list[NDArray[Any]]] | Exception) -> None:
            if isinstance(outcome, Exception):
                self._note(outcome, batch)
                batcher.end(batch, outcome)
            else:
                self.last_run_failed = False
                batcher.end(batch, list(chain.from_iterable(outcome)))

        return Division(parts, run, end)

    def _note(self, error: Exception, batch: Batch[Key, Row, NDArray[Any]]) -> None:
        if not isinstance(error, ServiceError):
            self.last_run_failed = True
            logger.error("forward pass failed operation=%s rows=%d", batch.key[1], batch.size, exc_info=error)

    def _results(self, key: Key, rows: Sequence[Row]) -> NDArray[Any]:
        if key[1] == SAMPLE:
            with self._drawing:
                latents = drawn(cast("Sequence[Seeded]", rows))
            return to_bytes(self._runner.run(_network_key(key), [latents]))
        return self._runner.run(key, columns_of(rows))


def _network_key(key: Key) -> Key:
    digest, operation = key
    return (digest, "decode") if operation == SAMPLE else key
