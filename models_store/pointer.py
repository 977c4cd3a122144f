"""What a name in the store points to, and how files are read and replaced so that nothing half-written is believed."""

import dataclasses
import hashlib
import json
import os
import re
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

FILE = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")
HEX_DIGEST = re.compile(r"[0-9a-f]{64}")
LARGEST_FILE = 2**30
LARGEST_HEADER = 2**20


class CheckpointError(Exception):
    """A checkpoint that must not be served; the message names the file and what is wrong with it."""


@dataclass(frozen=True)
class StoredFile:
    """A file of the same folder, its size in bytes and its sha256 in hex."""

    file: str
    size: int
    sha256: str

    @property
    def sound(self) -> bool:
        """Whether this can be true of a file here."""
        return bool(self.size >= 0 and HEX_DIGEST.fullmatch(self.sha256) and FILE.fullmatch(self.file))

    def read(self, folder: Path) -> bytes:
        """The file's bytes; raises CheckpointError if they are not those that were meant."""
        content = read_regular_file(folder / self.file, limit=LARGEST_FILE)
        if len(content) != self.size:
            raise CheckpointError(f"{self.file} has {len(content)} bytes, its pointer says {self.size}: truncated?")
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise CheckpointError(f"{self.file} does not have the sha256 of its pointer: its content was altered")
        return content


@dataclass(frozen=True)
class Pointer(StoredFile):
    """What a name points to: a checkpoint, and the archive of its graphs if it has one."""

    graphs: StoredFile | None = None


def read_pointer(path: Path) -> Pointer:
    """Raises CheckpointError for a pointer that is not one."""
    try:
        found = json.loads(read_regular_file(path, limit=LARGEST_HEADER))
        graphs = found.pop("graphs", None)
        pointer = Pointer(**found, graphs=StoredFile(**graphs) if graphs is not None else None)
        sound = pointer.sound and (pointer.graphs is None or pointer.graphs.sound)
    except (ValueError, TypeError, AttributeError, RecursionError):
        sound = False
    if not sound:
        raise CheckpointError(f"{path.name} is no checkpoint pointer: want {{file, size, sha256}}, file beside it")
    return pointer


def write_pointer(folder: Path, name: str, pointer: Pointer) -> None:
    """From now on the name means this."""
    said = dataclasses.asdict(pointer)
    if pointer.graphs is None:
        del said["graphs"]
    replace_file(folder / f"{name}.json", (json.dumps(said, indent=2) + "\n").encode())


def replace_file(path: Path, content: bytes) -> None:
    """Makes the file hold exactly that content, or leaves it as it was: temporary file, fsync, rename, fsync."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_regular_file(path: Path, *, limit: int) -> bytes:
    """The bytes of a regular file, no link followed; raises CheckpointError otherwise or above the limit."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise CheckpointError(f"{path.name} is not a regular file")
            if status.st_size > limit:
                raise CheckpointError(f"{path.name} has {status.st_size} bytes, the limit is {limit}")
            with os.fdopen(os.dup(descriptor), "rb") as file:
                return file.read(limit + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise CheckpointError(f"{path.name} cannot be read: {error.strerror}") from None
