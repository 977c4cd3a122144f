"""The threads that run the networks: one takes a batch, runs it and takes the next, until there is none. Its helpers do
the same while there is enough for them, and the event loop runs what is over in a moment.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any, cast

from numpy.typing import NDArray

from service.engine.batcher import Batcher
from service.engine.request import Batch, Request
from service.engine.rows import Row, columns_of
from service.engine.runner import Key, Runner
from service.errors import ServiceError

logger = logging.getLogger("latentserve")

SAMPLE = "sample"
"""Decodes the points of seeds to levels of pixels: what most ask for."""

ArrayBatcher = Batcher[Key, Row, NDArray[Any]]
ArrayRequest = Request[Key, Row, NDArray[Any]]


class InferenceThreads:
    """The batcher's executor: as many threads as the runner has workers, and the event loop, which makes it."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self.helpers = runner.workers - 1
        self._wanted: SimpleQueue[ArrayBatcher | None] = SimpleQueue()
        self._help_wanted: SimpleQueue[ArrayBatcher | None] = SimpleQueue()
        self.last_run_failed = False
        """Whether the device may be broken; a bad input is no sign of that."""
        runner.enter()
        main = (self._wanted, ArrayBatcher.begin)
        self._threads = [threading.Thread(target=self._serve, args=main, name="inference", daemon=True)]
        helping = (self._help_wanted, ArrayBatcher.assist)
        self._threads += [
            threading.Thread(target=self._serve, args=helping, name=f"helper-{number}", daemon=True)
            for number in range(self.helpers)
        ]
        for thread in self._threads:
            thread.start()

    def run_here(self, batcher: ArrayBatcher) -> None:
        if (batch := batcher.fill_in()) is not None:
            batcher.end(batch, self._outcome(batch))

    def start(self, batcher: ArrayBatcher) -> None:
        self._wanted.put(batcher)

    def start_helper(self, batcher: ArrayBatcher) -> None:
        self._help_wanted.put(batcher)

    def computed(self, key: Key, rows: int) -> int:
        return self._runner.padded(_network_key(key), rows)

    def close(self) -> None:
        """Returns when the batches that run have ended."""
        self._wanted.put(None)
        for _ in range(self.helpers):
            self._help_wanted.put(None)
        for thread in self._threads:
            thread.join()

    def _serve(
        self,
        wanted: "SimpleQueue[ArrayBatcher | None]",
        take: Callable[[ArrayBatcher], Batch[Key, Row, NDArray[Any]] | None],
    ) -> None:
        self._runner.enter()
        while (batcher := wanted.get()) is not None:
            while (batch := take(batcher)) is not None:
                batcher.end(batch, self._outcome(batch))

    def _outcome(self, batch: Batch[Key, Row, NDArray[Any]]) -> Sequence[NDArray[Any]] | Exception:
        try:
            results = list(self._results(batch.key, batch.rows()))
        except Exception as error:  # it is for whoever waits for the rows
            if not isinstance(error, ServiceError):
                self.last_run_failed = True
                logger.exception("forward pass failed operation=%s rows=%d", batch.key[1], batch.size)
            return error
        self.last_run_failed = False
        return results

    def _results(self, key: Key, rows: Sequence[Row]) -> NDArray[Any]:
        digest, operation = key
        if operation == SAMPLE:
            return self._runner.sample(digest, cast("Sequence[bytes]", rows))
        return self._runner.run(key, columns_of(cast("Sequence[tuple[Any, ...]]", rows)))


def _network_key(key: Key) -> Key:
    digest, operation = key
    return (digest, "decode") if operation == SAMPLE else key
