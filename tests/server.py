"""A real server in a process of its own, for tests that go the whole way."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from models_store.store import SHIPPED

WEIGHTS = SHIPPED


@contextmanager
def running_server(store: Path = WEIGHTS, *options: str) -> Iterator[str]:
    """The base URL of a service of that store."""
    command = [sys.executable, "-m", "service", "--port", "0", "--store", str(store), "--drain-s", "0", *options]
    with serving(command) as url:
        yield url


@contextmanager
def serving(command: Sequence[str]) -> Iterator[str]:
    """The address that a command serves at, once it is ready; stopped by SIGTERM at the end."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        greeting = process.stdout.readline()
        assert "http://" in greeting, "the server ended before it was ready"
        yield next(word for word in greeting.split() if word.startswith("http://"))
    finally:
        process.terminate()
        process.communicate(timeout=60)
