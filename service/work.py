"""Whose a request is and where its time went; each request sees its own numbers through a context variable."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class Work:
    """Seconds spent so far on one request."""

    client: str = ""
    """Who shares the model fairly with others; requests of nobody in particular are one client's."""
    queue_s: float = 0.0
    model_s: float = 0.0
    encode_s: float = 0.0

    @contextmanager
    def encoding(self) -> Iterator[None]:
        """Counts the enclosed time as encoding or decoding of files."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.encode_s += time.perf_counter() - started

    def server_timing(self) -> str:
        """The value of the Server-Timing header, in milliseconds."""
        parts = {"queue": self.queue_s, "model": self.model_s, "encode": self.encode_s}
        return ", ".join(f"{name};dur={1000 * seconds:.3f}" for name, seconds in parts.items())


_current: ContextVar[Work] = ContextVar("work")


def begin_work(client: str) -> Work:
    """A fresh count for the request that this task handles."""
    work = Work(client)
    _current.set(work)
    return work


def current_work() -> Work:
    """The count of the request at hand; outside of one, a count that nobody reads."""
    return _current.get(Work())
