"""The forward pass on a CPU by ONNX Runtime, for operations that have a graph; torch does the others.

Its kernels give a row the same bits in a batch of any size, so nothing is padded: that, too, is found out at warm-up
and not believed. A graph whose results are not torch's, or not steady, is not used. For the same reason a large batch
can be run in parts, by several threads with one kernel thread each: two of the runtime's own change the bits.
"""

import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import torch

from models_store import StoredModel
from models_store.latents import Floats
from models_store.operations import Operation, operations_of
from models_store.sessions import Session
from service.engine.runner import Key, TorchRunner, finite

logger = logging.getLogger("latentserve")

SMALLEST_PART = 16
"""Rows: with fewer, kernels need longer for each, and a small batch leaves the other cores to its neighbours."""


class GraphRunner:
    """Sessions for the graphs of the store's models, and torch for whatever has none."""

    def __init__(self, models: Iterable[StoredModel], *, threads: int, max_batch: int, workers: int = 1) -> None:
        self._models = list(models)
        self._threads = threads
        self._max_batch = max_batch
        self._workers = workers
        self._torch = TorchRunner(self._models, device="cpu", threads=threads, max_batch=max_batch)
        self._sessions: dict[Key, Session] = {}

    def run(self, key: Key, columns: Sequence[Floats]) -> Floats:
        session = self._sessions.get(key)
        if session is None:
            return self._torch.run(key, columns)
        return finite(session.run(columns))

    def parts(self, key: Key, rows: int) -> list[slice]:
        """For each of the workers as many rows as for the others, no part larger than a batch may be."""
        if key not in self._sessions:
            return self._torch.parts(key, rows)
        count = max(1, min(self._workers, rows // SMALLEST_PART), -(-rows // self._max_batch))
        edges = [rows * number // count for number in range(count + 1)]
        return [slice(*pair) for pair in pairwise(edges)]

    def padded(self, key: Key, rows: int) -> int:
        return rows if key in self._sessions else self._torch.padded(key, rows)

    def warm_up(self) -> None:
        self._torch.set_up()
        operations = [
            (model, name, operation)
            for model in self._models
            for name, operation in operations_of(model.network).items()
        ]
        with ThreadPoolExecutor(self._workers, "doubt", torch.set_num_threads, (self._threads,)) as pool:
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
