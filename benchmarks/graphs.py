"""The graphs of the benchmark's checkpoint, which the service runs by ONNX Runtime as it does those of shipped ones."""

from pathlib import Path

from benchmarks.checkpoint import MODEL, stored
from models_store.checkpoint import write_graphs
from models_store.graphs import pack
from models_store.pointer import read_pointer
from training.graphs import Weights, graphs_of


def add_graphs(folder: Path) -> None:
    """Puts them beside the checkpoint of a store that `write_store` has made; takes some seconds."""
    weights = Weights.of(folder / read_pointer(folder / f"{MODEL}.json").file)
    write_graphs(folder, MODEL, pack(graphs_of(stored(folder), weights)))
