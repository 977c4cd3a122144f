"""The forward pass on a CPU by ONNX Runtime, for operations that have a graph; torch does the others.

Its kernels give a row the same bits in a batch of any size, so nothing is padded: that, too, is found out at warm-up
and not believed. A graph whose results are not torch's, or not steady, is not used.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import onnxruntime
import torch

from models_store import StoredModel
from models_store.graphs import Graph
from models_store.latents import Floats
from models_store.operations import Operation, operations_of
from service.engine.runner import Key, Row, TorchRunner, finite

logger = logging.getLogger("latentserve")

TRIED_SIZES = (1, 2, 3, 5, 8, 13, 21, 34)
"""Batch sizes at which a row has to have the bits that it has in the largest batch."""
RELATIVE, ABSOLUTE = 1e-4, 1e-4
"""How far a graph's numbers may be from torch's: rounding in another order, no more."""


class Session:
    """One loaded graph."""

    def __init__(self, graph: Graph, tensors: dict[str, Floats], *, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors
        # A thread that spins takes a core from everybody else on the machine.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(tensors[key]) for key in graph.tensors.values()]
        options.add_external_initializers(list(graph.tensors), values)
        self._session = onnxruntime.InferenceSession(graph.model, options, providers=["CPUExecutionProvider"])
        self._names = [each.name for each in self._session.get_inputs()]

    def run(self, columns: Sequence[Floats]) -> Floats:
        """Columns (B, …), one an argument -> the results (B, …)."""
        (results,) = self._session.run(None, dict(zip(self._names, columns, strict=True)))
        return np.asarray(results)


class GraphRunner:
    """Sessions for the graphs of the store's models, and torch for whatever has none."""

    def __init__(self, models: Iterable[StoredModel], *, threads: int, max_batch: int) -> None:
        self._models = list(models)
        self._threads = threads
        self._max_batch = max_batch
        self._torch = TorchRunner(self._models, device="cpu", threads=threads, max_batch=max_batch)
        self._sessions: dict[Key, Session] = {}

    def run(self, key: Key, rows: Sequence[Row]) -> list[Floats]:
        session = self._sessions.get(key)
        if session is None:
            return self._torch.run(key, rows)
        columns = [np.stack(column) for column in zip(*rows, strict=True)]
        parts = range(0, len(rows), self._max_batch)
        outputs = [session.run([column[start : start + self._max_batch] for column in columns]) for start in parts]
        return finite(np.concatenate(outputs))

    def padded(self, key: Key, rows: int) -> int:
        return rows if key in self._sessions else self._torch.padded(key, rows)

    def warm_up(self) -> None:
        self._torch.set_up()
        for model in self._models:
            for name, operation in operations_of(model.network).items():
                session = self._session(model, name, operation)
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
        state = {key: tensor.numpy() for key, tensor in model.network.state_dict().items()}
        try:
            session = Session(model.graphs[name], state, threads=self._threads)
            doubt = self._doubt(session, operation)
        except Exception as error:  # noqa: BLE001  # whatever is wrong with a graph, torch can do without it
            doubt = str(error)
        if doubt is None:
            return session
        logger.warning("graph not used model=%s operation=%s reason=%s", model.name, name, doubt)
        return None

    def _doubt(self, session: Session, operation: Operation) -> str | None:
        """What speaks against the graph: None if nothing does."""
        with torch.inference_mode():
            examples = operation.examples(max(self._max_batch, 2 * TRIED_SIZES[-1]))
            few = [each[: TRIED_SIZES[-1]] for each in examples]
            expected = operation.forward(*few).numpy()
        columns = [each.numpy() for each in examples]
        whole = session.run(columns)
        if not np.allclose(whole[: len(expected)], expected, rtol=RELATIVE, atol=ABSOLUTE):
            return "its results are not those of the network"
        for size in TRIED_SIZES:
            # Kernels take rows by twos, fours and eights: an odd distance gives each a new place among them.
            part = slice(size + 1, 2 * size + 1)
            if not np.array_equal(session.run([column[part] for column in columns]), whole[part]):
                return f"a row in a batch of {size} has other bits than in one of {len(whole)}"
        return None
