"""Graphs at work: ONNX Runtime on a CPU, with the tensors of the checkpoint that they belong to."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnxruntime
import torch
from torch import Tensor

from models_store.graphs import Graph
from models_store.latents import Floats
from models_store.operations import Operation
from models_store.pixels import Bytes, to_bytes

TRIED_SIZES = (1, 2, 3, 5, 8, 13, 21, 34)
"""Batch sizes at which a row has to have the bits that it has in the largest batch."""
LEVELS_AND_SUMS = 2
RELATIVE, ABSOLUTE = 1e-4, 1e-4
"""How far a graph's numbers may be from torch's: rounding in another order, no more."""


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

    def levels(self, columns: Sequence[Floats]) -> tuple[Bytes, Floats]:
        """Columns (B, …) -> the levels of the pictures (B, H, W, C) and the sums of their pixels (B,)."""
        levels, sums = self._session.run(self._levels, dict(zip(self._names, columns, strict=True)))
        return levels, sums

    def doubt(self, operation: Operation, *, rows: int) -> str | None:
        """What speaks against the graph of that operation in batches of up to so many rows; None if nothing does."""
        with torch.inference_mode():
            examples = operation.examples(max(rows, 2 * TRIED_SIZES[-1]))
            expected = operation.forward(*(each[: TRIED_SIZES[-1]] for each in examples)).numpy()
        columns = [each.numpy() for each in examples]
        whole = self.run(columns)
        if not np.allclose(whole[: len(expected)], expected, rtol=RELATIVE, atol=ABSOLUTE):
            return "its results are not those of the network"
        for size in TRIED_SIZES:
            # Kernels take rows by twos, fours and eights: an odd distance gives each a new place among them.
            part = slice(size + 1, 2 * size + 1)
            if not np.array_equal(self.run([column[part] for column in columns]), whole[part]):
                return f"a row in a batch of {size} has other bits than in one of {len(whole)}"
        if self.has_levels and not np.array_equal(self.levels(columns)[0], to_bytes(whole)):
            return "its levels are not those of its pixels"
        return None
