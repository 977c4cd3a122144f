"""What one caller asks of one key: rows, handed out from the first to the last, and one answer. And a batch of such."""

import asyncio
from bisect import insort
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Generic, Protocol, TypeVar

from service.errors import DeadlineExceeded

Key = TypeVar("Key", bound=Hashable)
Row = TypeVar("Row")
Result = TypeVar("Result")


class Answer(Protocol[Result]):
    """Where the results go, or the error: a future, or whoever does the same."""

    def done(self) -> bool:
        """Whether it has what it waits for, or nobody waits any more."""

    def set_result(self, result: "list[Result]", /) -> None:
        """The results of all rows, in their order."""

    def set_exception(self, error: Exception, /) -> None:
        """Why there are none."""


class Request(Generic[Key, Row, Result]):
    """Rows of one caller; times in seconds of the batcher's clock."""

    __slots__ = (
        "_results",
        "alone",
        "answer",
        "answered",
        "client",
        "deadline",
        "gone",
        "key",
        "left",
        "loop",
        "place",
        "queued_at",
        "row_ns",
        "rows",
        "run_s",
        "started_at",
        "waiting",
    )

    def __init__(
        self,
        key: Key,
        client: str,
        rows: Sequence[Row],
        answer: Answer[Result],
        loop: asyncio.AbstractEventLoop,
        times: tuple[float, float],
        row_ns: int,
    ) -> None:
        self.key = key
        self.client = client
        self.rows = rows
        self.answer = answer
        self.loop = loop
        """The answer's."""
        self.queued_at, self.deadline = times
        self.row_ns = row_ns
        """What one of its rows was thought to cost when it came."""
        self.place = (0.0, 0)
        """Its place in the line of its flow."""
        self.started_at: float | None = None
        self.left = len(rows)
        """How many rows wait."""
        self.waiting = [(0, self.left)]
        """Spans of rows, first and behind the last, that no batch has taken; after a failure there may be gaps."""
        self.run_s = 0.0
        """From the beginning of its first batch to the end of the newest."""
        self.alone = False
        """A batch that it was in has failed: the next of its rows run without company."""
        self.gone = False
        """It waits for no more rows: answered, failed, cancelled or late."""
        self.answered = 0
        """Rows whose results are here."""
        self._results: dict[int, Sequence[Result]] = {}
        """By the first row of their share: batches end in any order."""

    @property
    def queue_s(self) -> float:
        """How long it waited for its first row to begin."""
        return 0.0 if self.started_at is None else self.started_at - self.queued_at

    def take(self, count: int) -> "Share[Key, Row, Result]":
        """The next rows, at most `count` of them, and of one span."""
        start, stop = self.waiting[0]
        end = min(start + count, stop)
        if end == stop:
            del self.waiting[0]
        else:
            self.waiting[0] = (end, stop)
        self.left -= end - start
        return Share(self, start, end)

    def give_back(self, share: "Share[Key, Row, Result]") -> None:
        """Its rows wait again, as one span with those beside them."""
        start, stop = share.start, share.stop
        for span in [span for span in self.waiting if span[0] == stop or span[1] == start]:
            self.waiting.remove(span)
            start, stop = min(start, span[0]), max(stop, span[1])
        insort(self.waiting, (start, stop))
        self.left += share.size

    def drop(self) -> int:
        """No more rows of it run; how many would have."""
        dropped, self.left, self.gone = self.left, 0, True
        self.waiting.clear()
        return dropped

    def fill(self, start: int, results: Sequence[Result]) -> None:
        """The results of a share; with the last of them it is answered."""
        self.answered += len(results)
        if self.answered < len(self.rows):
            self._results[start] = results
        elif not self.answer.done():
            self.answer.set_result(self._with_others(start, results))

    def _with_others(self, start: int, results: Sequence[Result]) -> list[Result]:
        """The results of all rows, when those of the last share are here."""
        if not self._results:
            return list(results)
        found = {**self._results, start: results}
        return list(chain.from_iterable(found[first] for first in sorted(found)))

    def expire(self) -> None:
        """More time has passed since the caller came than it wanted to wait."""
        timeout_s = round(self.deadline - self.queued_at, 6)
        self.fail(DeadlineExceeded(f"no answer within {timeout_s:g} s", limit=timeout_s))

    def fail(self, error: Exception) -> None:
        """The answer is an error, unless the caller has gone."""
        if not self.answer.done():
            self.answer.set_exception(error)


@dataclass(slots=True)
class Share(Generic[Key, Row, Result]):
    """The rows `start` to `stop` of a request, as part of a batch."""

    request: Request[Key, Row, Result]
    start: int
    stop: int

    @property
    def size(self) -> int:
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
        self.size += share.size
        if share.request.started_at is None:
            share.request.started_at = self.started_at

    def requests(self) -> list[Request[Key, Row, Result]]:
        """Those that have a share, each once."""
        return list(dict.fromkeys(share.request for share in self.shares))

    def rows(self) -> list[Row]:
        """All rows, in the order of the shares."""
        return [row for share in self.shares for row in share.request.rows[share.start : share.stop]]
