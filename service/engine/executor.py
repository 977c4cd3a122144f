"""The thread that runs the networks: it takes a batch, runs it and takes the next, until there is none."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from numpy.typing import NDArray

from models_store.pixels import to_bytes
from service.engine.batcher import Batcher
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

    def __init__(self, runner: Runner, thread: ThreadPoolExecutor) -> None:
        self._runner = runner
        self._thread = thread
        self.last_run_failed = False
        """Whether the device may be broken; a bad input is no sign of that."""

    def start(self, batcher: ArrayBatcher) -> None:
        self._thread.submit(self._work, batcher)

    def computed(self, key: Key, rows: int) -> int:
        digest, operation = key
        return self._runner.padded((digest, "decode") if operation == SAMPLE else key, rows)

    def close(self) -> None:
        """Returns when the batch that runs has ended."""
        self._thread.shutdown()

    def _work(self, batcher: ArrayBatcher) -> None:
        while (batch := batcher.begin()) is not None:
            batcher.end(batch, self._run(batch))

    def _run(self, batch: Batch[Key, Row, NDArray[Any]]) -> Sequence[NDArray[Any]] | Exception:
        try:
            results = self._results(batch.key, batch.rows())
        except ServiceError as error:
            return error
        except Exception as error:
            self.last_run_failed = True
            logger.exception("forward pass failed operation=%s rows=%d", batch.key[1], batch.size)
            return error
        self.last_run_failed = False
        return list(results)

    def _results(self, key: Key, rows: Sequence[Row]) -> NDArray[Any]:
        digest, operation = key
        if operation == SAMPLE:
            return to_bytes(self._runner.run((digest, "decode"), [drawn(cast("Sequence[Seeded]", rows))]))
        return self._runner.run(key, columns_of(rows))
