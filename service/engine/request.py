"""What one caller asks of one key: rows, handed out from the first to the last, and one answer. And a batch of such."""

import asyncio
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from service.errors import DeadlineExceeded

Key = TypeVar("Key", bound=Hashable)
Row = TypeVar("Row")
Result = TypeVar("Result")


@dataclass(eq=False, kw_only=True, slots=True)
class Request(Generic[Key, Row, Result]):
    """Rows of one caller; times in seconds of the batcher's clock."""

    key: Key
    client: str
    rows: Sequence[Row]
    answer: "asyncio.Future[list[Result]]"
    queued_at: float
    deadline: float
    row_ns: int
    """What one of its rows was thought to cost when it came."""
    place: tuple[float, int] = (0.0, 0)
    """Its place in the line of its flow."""
    started_at: float | None = None
    taken: int = 0
    run_s: float = 0.0
    alone: bool = False
    """A batch that it was in has failed: the next of its rows run without company."""
    gone: bool = False
    """It waits for no more rows: answered, failed, cancelled or late."""
    results: list[Result] = field(default_factory=list)

    @property
    def left(self) -> int:
        """How many rows still wait."""
        return len(self.rows) - self.taken

    @property
    def queue_s(self) -> float:
        """How long it waited for its first row to begin."""
        return 0.0 if self.started_at is None else self.started_at - self.queued_at

    def take(self, count: int) -> "Share[Key, Row, Result]":
        """The next rows, at most `count` of them."""
        start = self.taken
        self.taken = min(start + count, len(self.rows))
        return Share(self, start, self.taken)

    def extend(self, results: Sequence[Result]) -> None:
        """The results of its next share; with the last of them it is answered."""
        self.results.extend(results)
        if len(self.results) == len(self.rows) and not self.answer.done():
            self.answer.set_result(self.results)

    def expire(self, timeout_s: float) -> None:
        """So much time has passed since the caller came, more than it wanted to wait."""
        self.fail(DeadlineExceeded(f"no answer within {timeout_s:g} s", limit=timeout_s))

    def fail(self, error: Exception) -> None:
        """The answer is an error, unless the caller has gone."""
        if not self.answer.done():
            self.answer.set_exception(error)


@dataclass(frozen=True, slots=True)
class Share(Generic[Key, Row, Result]):
    """The rows `start` to `stop` of a request, as part of a batch."""

    request: Request[Key, Row, Result]
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(slots=True)
class Batch(Generic[Key, Row, Result]):
    """Shares of one key that run together."""

    key: Key
    started_at: float
    shares: list[Share[Key, Row, Result]] = field(default_factory=list)
    size: int = 0
    """Rows of all shares."""

    def add(self, share: Share[Key, Row, Result]) -> None:
        """One more share; it goes last."""
        self.shares.append(share)
        self.size += len(share)
        if share.request.started_at is None:
            share.request.started_at = self.started_at

    @property
    def ends_its_requests(self) -> bool:
        """Whether none of them has rows that still wait: only then can another batch run beside this one."""
        return not any(share.request.left for share in self.shares)

    def requests(self) -> list[Request[Key, Row, Result]]:
        """Those that have a share, each once."""
        return list(dict.fromkeys(share.request for share in self.shares))

    def rows(self) -> list[Row]:
        """All rows, in the order of the shares."""
        return [row for share in self.shares for row in share.request.rows[share.start : share.stop]]
