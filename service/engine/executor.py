"""The thread that runs the networks: it takes a batch, runs it and takes the next, until there is none."""

import logging
from concurrent.futures import ThreadPoolExecutor

from models_store.latents import Floats
from service.engine.batcher import Batcher
from service.engine.request import Batch
from service.engine.runner import Key, Row, Runner
from service.engine.seeded import Seeded, drawn
from service.errors import ServiceError

logger = logging.getLogger("latentserve")


class InferenceThread:
    """The batcher's executor. `thread` has one worker, the one on which the runner was warmed up."""

    def __init__(self, runner: Runner, thread: ThreadPoolExecutor) -> None:
        self._runner = runner
        self._thread = thread
        self.last_run_failed = False
        """Whether the device may be broken; a bad input is no sign of that."""

    def start(self, batcher: Batcher[Key, Row | Seeded, Floats]) -> None:
        self._thread.submit(self._work, batcher)

    def computed(self, key: Key, rows: int) -> int:
        return self._runner.padded(key, rows)

    def close(self) -> None:
        """Returns when the batch that runs has ended."""
        self._thread.shutdown()

    def _work(self, batcher: Batcher[Key, Row | Seeded, Floats]) -> None:
        while (batch := batcher.begin()) is not None:
            batcher.end(batch, self._run(batch))

    def _run(self, batch: Batch[Key, Row | Seeded, Floats]) -> list[Floats] | Exception:
        try:
            results = self._runner.run(batch.key, drawn(batch.rows()))
        except ServiceError as error:
            return error
        except Exception as error:
            self.last_run_failed = True
            logger.exception("forward pass failed operation=%s rows=%d", batch.key[1], batch.size)
            return error
        self.last_run_failed = False
        return results
