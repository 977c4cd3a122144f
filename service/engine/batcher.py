"""Turns concurrent calls into batches for one executor; it knows neither models nor tensors nor HTTP.

Work-driven: when the executor is free, it takes what is queued for one key; nothing waits for company and nothing
polls. Keys take turns. Within a key requests take turns by chunks of rows, so a long one cannot starve a short one.
A request leaves the queue at the moment its caller is cancelled or its deadline passes.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from service.errors import DeadlineExceeded, QueueFull, ShuttingDown

Key = TypeVar("Key", bound=Hashable)
Row = TypeVar("Row")
Result = TypeVar("Result")

CHUNKS_A_BATCH = 4
"""A batch has room for the chunks of four large requests, so each of them moves on in every batch."""


class Observer(Protocol):
    """Told what the batcher does; called on the event loop."""

    def batch_ran(self, rows: int, seconds: float) -> None:
        """A batch of that many rows went through the executor."""

    def request_done(self, queue_s: float, run_s: float) -> None:
        """All rows of a request were answered; called in the context of the request's own task."""

    def request_refused(self, reason: str) -> None:
        """A request did not get its answer: queue_full, deadline, cancelled or shutting_down."""


@dataclass(eq=False)
class _Request(Generic[Row, Result]):
    """Rows of one caller, handed out from the first to the last."""

    rows: Sequence[Row]
    answer: "asyncio.Future[list[Result]]"
    queued_at: float
    started_at: float | None = None
    taken: int = 0
    run_s: float = 0.0
    results: list[Result] = field(default_factory=list)

    @property
    def left(self) -> int:
        return len(self.rows) - self.taken

    def take(self, count: int) -> list[Row]:
        rows = list(self.rows[self.taken : self.taken + count])
        self.taken += len(rows)
        return rows

    def extend(self, results: Sequence[Result]) -> None:
        """Batches run one after another, so results arrive in the order of the rows."""
        self.results.extend(results)
        if len(self.results) == len(self.rows) and not self.answer.done():
            self.answer.set_result(self.results)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


_Share = tuple[_Request[Row, Result], list[Row]]


class Batcher(Generic[Key, Row, Result]):
    """`run(key, rows)` answers a batch, one result a row; it is never called again before it has returned."""

    def __init__(
        self,
        run: Callable[[Key, Sequence[Row]], Awaitable[Sequence[Result]]],
        *,
        max_batch: int,
        max_queue_rows: int,
        observer: Observer,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._run = run
        self._max_batch = max_batch
        self._chunk = max(1, max_batch // CHUNKS_A_BATCH)
        self._max_queue_rows = max_queue_rows
        self._observer = observer
        self._clock = clock
        self._queues: OrderedDict[Key, deque[_Request[Row, Result]]] = OrderedDict()
        self._worker: asyncio.Task[None] | None = None
        self._closed = False
        self._seconds_a_row = 0.0
        self.queued_rows = 0

    async def submit(self, key: Key, rows: Sequence[Row], *, timeout_s: float | None = None) -> list[Result]:
        """The results of the rows, in their order; a request that finds the queue empty is taken, however long.

        Raises QueueFull, DeadlineExceeded, ShuttingDown, or what `run` raised for one of the rows.
        """
        self._refuse_if_full(len(rows))
        if not rows:
            return []
        request: _Request[Row, Result] = _Request(rows, asyncio.get_running_loop().create_future(), self._clock())
        self._enqueue(key, request)
        try:
            async with asyncio.timeout(timeout_s):
                results = await request.answer
        except TimeoutError:
            self._observer.request_refused("deadline")
            raise DeadlineExceeded(f"no answer within {timeout_s:g} s", limit=timeout_s) from None
        except asyncio.CancelledError:
            self._observer.request_refused("cancelled")
            raise
        finally:
            self._withdraw(key, request)
        self._observer.request_done((request.started_at or request.queued_at) - request.queued_at, request.run_s)
        return results

    async def close(self) -> None:
        """Refuses new requests and returns when those already taken are answered."""
        self._closed = True
        if self._worker is not None:
            await self._worker

    def _refuse_if_full(self, rows: int) -> None:
        if self._closed:
            self._observer.request_refused("shutting_down")
            raise ShuttingDown("the server is shutting down and takes no new work")
        if self.queued_rows and self.queued_rows + rows > self._max_queue_rows:
            self._observer.request_refused("queue_full")
            raise QueueFull(self.queued_rows * self._seconds_a_row)

    def _enqueue(self, key: Key, request: _Request[Row, Result]) -> None:
        self._queues.setdefault(key, deque()).append(request)
        self.queued_rows += len(request.rows)
        if self._worker is None:
            self._worker = asyncio.get_running_loop().create_task(self._work())

    def _withdraw(self, key: Key, request: _Request[Row, Result]) -> None:
        """Takes what is left of a request out of the queue: nothing if it was answered."""
        if request.left:
            self._queues[key].remove(request)
            if not self._queues[key]:
                del self._queues[key]
            self.queued_rows -= request.left
            request.taken = len(request.rows)

    async def _work(self) -> None:
        while self._queues:
            # Not before the callers that are ready to run have queued what they have.
            await asyncio.sleep(0)
            if self._queues:
                await self._run_batch(*self._next_batch())
        self._worker = None

    def _next_batch(self) -> tuple[Key, list[_Share[Row, Result]]]:
        """Rows of the key that has waited longest for its turn, in chunks from each of its requests."""
        key, queue = self._queues.popitem(last=False)
        shares: list[_Share[Row, Result]] = []
        space = self._max_batch
        while queue and space:
            request = queue.popleft()
            request.started_at = request.started_at or self._clock()
            rows = request.take(min(self._chunk, space))
            shares.append((request, rows))
            space -= len(rows)
            if request.left:
                queue.append(request)
        if queue:
            self._queues[key] = queue
        self.queued_rows -= self._max_batch - space
        return key, shares

    async def _run_batch(self, key: Key, shares: list[_Share[Row, Result]]) -> None:
        started = self._clock()
        rows = [row for _, share in shares for row in share]
        try:
            results = await self._answer(key, rows)
        except Exception as error:  # noqa: BLE001  # whatever it is, it belongs to a request and not to the worker
            await self._isolate(key, shares, error)
            return
        seconds = self._clock() - started
        self._account(len(rows), seconds)
        for request in {id(request): request for request, _ in shares}.values():
            request.run_s += seconds
        position = 0
        for request, share in shares:
            request.extend(results[position : position + len(share)])
            position += len(share)

    async def _isolate(self, key: Key, shares: list[_Share[Row, Result]], error: Exception) -> None:
        """Runs the rows of a failed batch one by one, so that only the request with the bad row fails."""
        alone = sum(len(share) for _, share in shares) == 1
        for request, share in shares:
            if alone:
                request.fail(error)
            for row in share:
                if not request.answer.done():
                    await self._run_single(key, request, row)

    async def _run_single(self, key: Key, request: _Request[Row, Result], row: Row) -> None:
        started = self._clock()
        try:
            results = await self._answer(key, [row])
        except Exception as error:  # noqa: BLE001  # the caller gets it, as above
            request.fail(error)
            return
        request.run_s += self._clock() - started
        request.extend(results)

    async def _answer(self, key: Key, rows: list[Row]) -> Sequence[Result]:
        results = await self._run(key, rows)
        if len(results) != len(rows):
            raise RuntimeError(f"{key}: {len(rows)} rows gave {len(results)} results")
        return results

    def _account(self, rows: int, seconds: float) -> None:
        """A moving average over about ten batches: what a queued row will cost."""
        cost = seconds / rows
        self._seconds_a_row += 0.1 * (cost - self._seconds_a_row) if self._seconds_a_row else cost
        self._observer.batch_ran(rows, seconds)
