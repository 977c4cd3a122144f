"""The operations of a checkpoint as ONNX graphs beside it, for a server on a CPU.

A graph holds no weights: it says where in the checkpoint's own file each of them lies, so that they are kept once.
"""

import hashlib
import json
import logging
import struct
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx_ir as ir
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor, nn

from models_store.base import LatentModel
from models_store.folding import folded
from models_store.graphs import Graph
from models_store.operations import Operation, operations_of
from models_store.pixels import to_levels
from models_store.programs import doubt
from models_store.sessions import Session

EXAMPLES = 3
"""Rows to trace with: more than one, since a batch of one is special to tracers."""
ROWS = 64
"""Of the largest batch in which a graph is tried: the server's own."""
SMALL = 256
"""Bytes up to which a tensor stays in the graph."""


class _OfOne(nn.Module):
    """An operation as a module, whose arguments have the names by which the exporter knows them."""

    def __init__(self, network: nn.Module, operation: Operation) -> None:
        super().__init__()
        self.network = network
        self.operation = operation

    def forward(self, first: Tensor) -> Tensor:
        return self.operation.forward(first)


class _OfPictures(_OfOne):
    """The pictures, their levels, and the sum of each picture's pixels, which is finite if they are."""

    def forward(self, first: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # type: ignore[override]
        pictures = self.operation.forward(first)
        return pictures, to_levels(pictures), pictures.sum((1, 2, 3))


class _OfTwo(_OfOne):
    def forward(self, first: Tensor, second: Tensor) -> Tensor:  # type: ignore[override]
        return self.operation.forward(first, second)


class _OfThree(_OfOne):
    def forward(self, first: Tensor, second: Tensor, third: Tensor) -> Tensor:  # type: ignore[override]
        return self.operation.forward(first, second, third)


@dataclass(frozen=True)
class Weights:
    """The safetensors file to which graphs refer, and where in it each tensor lies: (offset, length) in bytes."""

    file: str
    places: Mapping[str, tuple[int, int]]

    @classmethod
    def of(cls, path: Path) -> "Weights":
        """Of a checkpoint's file."""
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length))
        spans = {key: each["data_offsets"] for key, each in header.items() if key != "__metadata__"}
        return cls(path.name, {key: (8 + length + start, end - start) for key, (start, end) in spans.items()})


def graphs_of(network: LatentModel, weights: Weights, names: Sequence[str] | None = None) -> dict[str, Graph]:
    """The named operations of the network, or all that it has.

    One that makes no graph, or one whose graph the server would not use, is said and left to torch.
    """
    found: dict[str, Graph] = {}
    for name in track(names or list(operations_of(network)), "graphs", transient=True):
        try:
            graph = _graph_of(network, name, weights)
            reason = doubt(Session(graph, network.state_dict()), operations_of(network)[name], rows=ROWS)
        except (torch.onnx.OnnxExporterError, RuntimeError) as error:
            reason = str(error).strip().partition("\n")[0]
        if reason is None:
            found[name] = graph
        else:
            print(f"{name} stays with torch: {reason}")
    return found


def _graph_of(network: LatentModel, name: str, weights: Weights) -> Graph:
    made = cast("LatentModel", folded(network).eval())
    operation = operations_of(made)[name]
    examples = operation.examples(EXAMPLES)
    kind = _OfPictures if operation.pictures else (_OfOne, _OfTwo, _OfThree)[len(examples) - 1]
    module = kind(made, operation).eval()
    shapes = tuple({0: torch.export.Dim("batch", min=1)} for _ in examples)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns of libraries that are not wanted
        # Not optimized: that would bake new weights into the graph. The runtime does it when it loads the graph.
        program = torch.onnx.export(module, examples, dynamo=True, dynamic_shapes=shapes, optimize=False, verbose=False)
    if program is None:
        raise RuntimeError("the exporter returned no program")
    tensors = _refer(program.model, network.state_dict(), weights)
    _forget_origin(program.model)
    return Graph(ir.to_proto(program.model).SerializeToString(deterministic=True), tensors)


def _refer(model: ir.Model, state: Mapping[str, Tensor], weights: Weights) -> dict[str, str]:
    """Puts references to the checkpoint in the place of all larger tensors; returns graph name -> checkpoint name."""
    known = {_content(tensor.numpy()): key for key, tensor in state.items()}
    names: dict[str, str] = {}
    for name, value in model.graph.initializers.items():
        tensor = value.const_value
        key = known.get(_content(tensor.numpy())) if tensor is not None and tensor.nbytes > SMALL else None
        if tensor is not None and key is not None:
            offset, length = weights.places[key]
            shape = ir.Shape(state[key].shape)
            value.const_value = ir.ExternalTensor(weights.file, offset, length, tensor.dtype, shape=shape, name=name)
            names[name] = key
    return names


def _content(array: NDArray[Any]) -> tuple[str, tuple[int, ...], bytes]:
    return str(array.dtype), array.shape, hashlib.sha256(np.ascontiguousarray(array).tobytes()).digest()


def _forget_origin(model: ir.Model) -> None:
    """Drops what the exporter notes about its source: lines of code, paths, names of modules."""
    model.metadata_props.clear()
    model.graph.metadata_props.clear()
    model.graph.doc_string = None
    for node in model.graph.all_nodes():
        node.metadata_props.clear()
        node.doc_string = None
        for value in node.outputs:
            value.metadata_props.clear()
    for value in [*model.graph.inputs, *model.graph.initializers.values()]:
        value.metadata_props.clear()
