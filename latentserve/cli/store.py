"""Checkpoints as the command line sees them: pointers and headers, read without torch."""

import importlib.util
import json
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Stored:
    """What a checkpoint says of itself, unverified."""

    name: str
    kind: str
    digest: str
    size: int
    summary: str


def store_folder(store: Path | None) -> Path:
    """The folder that was named, else LATENTSERVE_STORE, else the shipped one. Raises ValueError if there is none."""
    folder = store or Path(os.environ.get("LATENTSERVE_STORE") or shipped_store())
    if not folder.is_dir():
        raise ValueError(f"there is no store at {folder}; train a model first, or name another with --store")
    return folder


def stored_models(folder: Path) -> list[Stored]:
    """Everything with a pointer that can be read."""
    from latentserve.local import pointers  # noqa: PLC0415  # httpx is not needed before

    found = []
    for name, pointer in pointers(folder).items():
        said = header(folder / str(pointer.get("file")), "latentserve")
        summary = (said.get("card") or {}).get("summary", "its checkpoint cannot be read: latentserve models verify")
        size, digest = int(pointer.get("size", 0)), str(pointer.get("sha256", ""))
        found.append(Stored(name, str(said.get("architecture", "?")), digest, size, str(summary)))
    return found


def forget(folder: Path, name: str) -> None:
    """Removes the pointer, then its file if no other pointer names that."""
    from latentserve.local import pointers  # noqa: PLC0415  # as above

    file = str(pointers(folder)[name].get("file"))
    (folder / f"{name}.json").unlink()
    # A file of the store is a plain name: what a strange pointer says may lead anywhere.
    ours = Path(file).name == file and file.endswith(".safetensors")
    if ours and all(pointer.get("file") != file for pointer in pointers(folder).values()):
        (folder / file).unlink(missing_ok=True)


def header(path: Path, key: str) -> dict[str, Any]:
    """The JSON under a key in the header of a safetensors file; nothing if there is none or the file is broken."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            found = json.loads(json.loads(file.read(min(length, 1 << 24)))["__metadata__"][key])
    except (OSError, struct.error, ValueError, KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def shipped_store() -> Path:
    """The folder that comes with the project, found without importing its package and torch with it."""
    found = importlib.util.find_spec("models_store")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("models_store is not installed; name a server with --url, or a folder with --store")
    return Path(found.origin).parent / "weights"
