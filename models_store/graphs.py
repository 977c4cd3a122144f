"""The operations of a checkpoint as ONNX graphs, in one zip archive beside it.

The graphs hold no weights. Their larger tensors are external data at offsets of the checkpoint's own file, as ONNX
defines it, so any runtime can read an unpacked archive beside that file. A list in JSON says the same by name, for a
server that has read and verified the checkpoint already: operation -> name in the graph -> name in the checkpoint.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LARGEST_GRAPH = 2**26
MOST_GRAPHS = 64
TENSORS = "tensors.json"
SUFFIX = ".onnx"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip knows: archives of the same graphs have the same bytes."""


class GraphsError(Exception):
    """An archive that is not what `pack` writes; the message says what is wrong."""


@dataclass(frozen=True)
class Graph:
    """One operation; `tensors` maps its external tensors to those of the checkpoint."""

    model: bytes
    tensors: Mapping[str, str]


def pack(graphs: Mapping[str, Graph]) -> bytes:
    """Operation -> graph, as an archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        names = {name: dict(graph.tensors) for name, graph in sorted(graphs.items())}
        _write(archive, TENSORS, json.dumps(names, indent=1, sort_keys=True).encode())
        for name, graph in sorted(graphs.items()):
            _write(archive, name + SUFFIX, graph.model)
    return buffer.getvalue()


def unpack(content: bytes) -> dict[str, Graph]:
    """What `pack` was given; raises GraphsError for anything else."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if len(archive.infolist()) > MOST_GRAPHS:
                raise GraphsError(f"it holds {len(archive.infolist())} files, the limit is {MOST_GRAPHS}")
            names = json.loads(_read(archive, TENSORS))
            return {name: Graph(_read(archive, name + SUFFIX), _names(names[name])) for name in names}
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, RecursionError, NotImplementedError) as error:
        raise GraphsError(f"it is no archive of graphs: {error}") from None


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as file:
        content = file.read(LARGEST_GRAPH + 1)
    if len(content) > LARGEST_GRAPH:
        raise GraphsError(f"{name} is larger than {LARGEST_GRAPH} bytes")
    return content


def _names(given: Any) -> dict[str, str]:
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise GraphsError(f"{TENSORS} does not map names to names")
    return given
