"""Graphs at work: ONNX Runtime on a CPU, with the tensors of the checkpoint that they belong to."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnxruntime
from torch import Tensor

from models_store.graphs import Graph
from models_store.latents import Floats
from models_store.pixels import Bytes

LEVELS_AND_SUMS = 2


class Session:
    """One loaded graph; `state` is the checkpoint's, by name. Raises whatever the runtime does for one that is none.

    A graph of pictures may have two results more: their levels, and the sums of their pixels.
    """

    def __init__(self, graph: Graph, state: Mapping[str, Tensor], *, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors
        # A thread that spins takes a core from everybody else on the machine.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(state[key].numpy()) for key in graph.tensors.values()]
        options.add_external_initializers(list(graph.tensors), values)
        self._session = onnxruntime.InferenceSession(graph.model, options, providers=["CPUExecutionProvider"])
        self._names = [each.name for each in self._session.get_inputs()]
        results, *levels = (each.name for each in self._session.get_outputs())
        self._results, self._levels = [results], levels
        self.has_levels = len(levels) == LEVELS_AND_SUMS

    def run(self, columns: Sequence[Floats]) -> Floats:
        """Columns (B, …), one an argument -> the results (B, …)."""
        (results,) = self._session.run(self._results, dict(zip(self._names, columns, strict=True)))
        return np.asarray(results)

    def levels(self, columns: Sequence[Floats]) -> tuple[Bytes, bool]:
        """Columns (B, …) -> the levels of the pictures (B, H, W, C), and whether sums of their pixels are finite."""
        levels, sums = self._session.run(self._levels, dict(zip(self._names, columns, strict=True)))
        return levels, bool(np.isfinite(sums).all())
