"""Whose a request is and where its time went; each task sees the numbers of its own through a context variable."""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Work:
    """Seconds spent so far on one request."""

    client: str = ""
    """Who shares the model fairly with others; requests of nobody in particular are one client's."""
    queue_s: float = 0.0
    model_s: float = 0.0
    encode_s: float = 0.0
    """Encoding and decoding files."""

    def server_timing(self) -> str:
        """The value of the Server-Timing header, in milliseconds."""
        queue_ms, model_ms, encode_ms = 1000 * self.queue_s, 1000 * self.model_s, 1000 * self.encode_s
        return f"queue;dur={queue_ms:.3f}, model;dur={model_ms:.3f}, encode;dur={encode_ms:.3f}"


_current: ContextVar[Work] = ContextVar("work", default=Work())  # noqa: B039  # what nobody reads, all may share


def begin_work(client: str) -> Work:
    """A fresh count for the request that this task handles."""
    work = Work(client)
    _current.set(work)
    return work


def current_work() -> Work:
    """The count of the request at hand; outside of one, a count that nobody reads."""
    return _current.get()
