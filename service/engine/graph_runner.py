"""The forward pass on a CPU by ONNX Runtime, for operations that have a graph; torch does the others.

Its kernels give a row the same bits in a batch of any size, so nothing is padded: that, too, is found out at warm-up
and not believed. A graph whose results are not torch's, or not steady, is not used. For the same reason there are
several workers with one kernel thread each: two of the runtime's own change the bits.
"""

import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from models_store import StoredModel
from models_store.latents import Floats
from models_store.operations import Operation, operations_of
from models_store.pixels import Bytes, to_bytes
from models_store.sessions import Session
from service.engine.runner import Key, TorchRunner, finite

logger = logging.getLogger("latentserve")


class GraphRunner:
    """Sessions for the graphs of the store's models, and torch for whatever has none."""

    def __init__(self, models: Iterable[StoredModel], *, threads: int, max_batch: int, workers: int = 1) -> None:
        self._models = list(models)
        self._threads = threads
        self._max_batch = max_batch
        self.workers = workers
        self._torch = TorchRunner(self._models, device="cpu", threads=threads, max_batch=max_batch)
        self._sessions: dict[Key, Session] = {}

    def run(self, key: Key, columns: Sequence[Floats]) -> Floats:
        session = self._sessions.get(key)
        if session is None:
            return self._torch.run(key, columns)
        return finite(session.run(columns))

    def levels(self, key: Key, columns: Sequence[Floats]) -> Bytes:
        session = self._sessions.get(key)
        if session is None or not session.has_levels:
            return to_bytes(self.run(key, columns))
        # One call without the interpreter: with the event loop at work, it would be waited for at each of several.
        levels, sums = session.levels(columns)
        finite(sums)
        return levels

    def enter(self) -> None:
        self._torch.enter()

    def padded(self, key: Key, rows: int) -> int:
        return rows if key in self._sessions else self._torch.padded(key, rows)

    def warm_up(self) -> None:
        self._torch.set_up()
        operations = [
            (model, name, operation)
            for model in self._models
            for name, operation in operations_of(model.network).items()
        ]
        with ThreadPoolExecutor(self.workers, "doubt", self.enter) as pool:
            sessions = list(pool.map(self._session, *zip(*operations, strict=True)))
        for (model, name, operation), session in zip(operations, sessions, strict=True):
            if session is None:
                self._torch.prepare(model, name, operation)
            else:
                self._sessions[model.digest, name] = session

    def numerics(self, digest: str) -> dict[str, Any]:
        graphs = sorted(name for owner, name in self._sessions if owner == digest)
        return self._torch.numerics(digest) | {"graphs": graphs}

    def _session(self, model: StoredModel, name: str, operation: Operation) -> Session | None:
        """The graph of an operation, if there is one that keeps what it promises."""
        if name not in model.graphs:
            return None
        try:
            session = Session(model.graphs[name], model.network.state_dict(), threads=self._threads)
            doubt = session.doubt(operation, rows=self._max_batch)
        except Exception as error:  # noqa: BLE001  # whatever is wrong with a graph, torch can do without it
            doubt = str(error)
        if doubt is None:
            return session
        logger.warning("graph not used model=%s operation=%s reason=%s", model.name, name, doubt)
        return None
