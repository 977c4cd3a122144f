"""Turns concurrent calls into batches for one executor; it knows neither models nor tensors nor HTTP.

Work-driven: the executor asks for a batch when it is free, and gets what is queued at that moment. Nothing waits for
company, nothing polls, and the executor never waits for the event loop while there is work. Who is next, and how large
a batch may be, is said in `turns`, `flow`, `fair_queue` and `costs`.

Helpers run batches beside, each one of its own: parts of large requests, and small ones where a crowd of them waits.
The last core is the event loop's. Between two of its turns it runs a few of the cheap rows that wait, and one that
comes alone at once, which costs less than to wake another thread for it (ADR 0015).

There are no priorities: what is small is soon done, whoever it comes from.
"""

import asyncio
import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, Protocol

from service.engine.alarm import Alarm
from service.engine.costs import Costs
from service.engine.fair_queue import LARGE, FairQueue
from service.engine.request import Answer, Batch, Key, Request, Result, Row
from service.errors import DeadlineExceeded, QueueFull, ShuttingDown

BATCH_S = 0.05
"""A batch of more than the smallest size should not hold the executor longer: all others wait for it."""
CLIENT_SHARE = 0.5
"""Of the queue: one client cannot have more of it, so that there is room for the next."""
LOOP_SHARE = 3
"""The event loop takes one of so many rows that wait, and leaves the others to the main thread, which has more time."""


class Observer(Protocol):
    """Told what the batcher does; called on the event loop."""

    def batch_ran(self, rows: int, padding: int, seconds: float) -> None:
        """A batch of that many rows, and so many that nobody asked for, went through the executor."""

    def request_done(self, queue_s: float, run_s: float) -> None:
        """All rows of a `submit` were answered; called in the context of its task."""

    def request_refused(self, reason: str) -> None:
        """A request did not get its answer: queue_full or shutting_down, and of a `submit` deadline or cancelled."""


class Executor(Protocol[Key, Row, Result]):
    """Runs batches beside the event loop: one at a time, and one more for each helper; and without waiting on it."""

    helpers: int
    """With any, there are so many cores more than the main thread's, of which the last is the event loop's, too."""

    def run_here(self, batcher: "Batcher[Key, Row, Result]") -> None:
        """Runs the batch that `fill_in` gives, if it gives one, before it returns; called on the event loop."""

    def start(self, batcher: "Batcher[Key, Row, Result]") -> None:
        """Has `begin` and `end` called in turn until `begin` gives nothing more; returns at once."""

    def start_helper(self, batcher: "Batcher[Key, Row, Result]") -> None:
        """The same with `assist` in the place of `begin`, by a helper that rests."""

    def computed(self, key: Key, rows: int) -> int:
        """How many rows a batch of so many computes, padding included."""


class Batcher(Generic[Key, Row, Result]):
    """`begin`, `assist` and `end` belong to the executor, on whatever threads it has; all else to the event loop."""

    def __init__(
        self,
        executor: Executor[Key, Row, Result],
        *,
        max_batch: int,
        max_queue_rows: int,
        max_queue_s: float = math.inf,
        observer: Observer,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._executor = executor
        self._costs: Costs[Key] = Costs(executor.computed, max_rows=max_batch, batch_s=BATCH_S)
        self._queue: FairQueue[Key, Row, Result] = FairQueue(
            self._costs, max_batch=max_batch, workers=1 + executor.helpers
        )
        self._bounds = (max_queue_rows, 1e9 * max_queue_s)
        self._observer = observer
        self._clock = clock
        self._lock = threading.Lock()
        self._closed = False
        self._running = False
        self._helping = 0
        """Helpers that have a batch, or are about to ask for one."""
        self._called = False
        """Whether `fill_in` will be, two turns of the event loop on."""
        self._calm = False
        """Whether nobody is here, and nobody came while the last one was served, who was alone."""
        self._open: set[Request[Key, Row, Result]] = set()
        """Requests that have neither answer nor error."""
        self._ended: asyncio.Future[None] | None = None
        """Of a batcher that is closing: when the last of them has."""
        self._alarm = Alarm(self._expire, clock)

    @property
    def queued_rows(self) -> int:
        """Rows that no batch has taken yet."""
        return self._queue.loads.all.rows

    def require_room(self, key: Key, rows: int, *, client: str = "") -> None:
        """Raises what `submit` would raise for so many rows at this moment, before anything is made for them."""
        with self._lock:
            self._refuse(client, rows, self._costs.row_ns(key))

    async def submit(
        self, key: Key, rows: Sequence[Row], *, client: str = "", timeout_s: float = math.inf
    ) -> list[Result]:
        """The results of the rows, in their order; one that finds nothing of its client waiting is taken, however long.

        Raises QueueFull, DeadlineExceeded, ShuttingDown, or what the executor raised for one of the rows.
        """
        if not rows:
            return []
        answer: asyncio.Future[list[Result]] = asyncio.get_running_loop().create_future()
        request = self.enqueue(key, rows, answer, client=client, timeout_s=timeout_s)
        try:
            results = await answer
        except DeadlineExceeded:
            self._observer.request_refused("deadline")
            raise
        except asyncio.CancelledError:
            self._observer.request_refused("cancelled")
            raise
        finally:
            self.release(request)
        self._observer.request_done(request.queue_s, request.run_s)
        return results

    def enqueue(
        self, key: Key, rows: Sequence[Row], answer: Answer[Result], *, client: str = "", timeout_s: float = math.inf
    ) -> Request[Key, Row, Result]:
        """At least one row, whose results go to `answer`; whoever waits there releases the request in the end.

        Raises QueueFull or ShuttingDown.
        """
        loop, now = asyncio.get_running_loop(), self._clock()
        with self._lock:
            row_ns = self._costs.row_ns(key)
            self._refuse(client, len(rows), row_ns)
            request: Request[Key, Row, Result] = Request(
                key, client, rows, answer, loop, (now, now + timeout_s), row_ns
            )
            self._queue.add(request)
            self._call_loop(loop, loop.call_soon)
            if len(rows) >= LARGE or self._wants_help:
                self._call_for_help(lambda batcher: loop.call_soon(self._executor.start_helper, batcher))
        self._open.add(request)
        if request.deadline < self._alarm.at:
            self._alarm.set(loop, request.deadline)
        return request

    def release(self, request: Request[Key, Row, Result]) -> None:
        """Nobody waits for it any more: its rows that have not begun never will."""
        with self._lock:
            self._queue.remove(request)
        self._open.discard(request)
        if self._ended is not None and not self._open and not self._ended.done():
            self._ended.set_result(None)

    async def close(self) -> None:
        """Refuses new requests and returns when those already taken are answered."""
        self._closed = True
        if self._open:
            self._ended = asyncio.get_running_loop().create_future()
            await self._ended
        self._alarm.cancel()

    def begin(self) -> Batch[Key, Row, Result] | None:
        """The next batch, as it is at this moment; with None the executor rests until it is started again."""
        with self._lock:
            batch = self._queue.take(self._clock())
            self._running = batch is not None
            if self._has_resting_helper and (self._wants_help or self._queue.has_large):
                self._call_for_help(self._executor.start_helper)
        return batch

    def assist(self) -> Batch[Key, Row, Result] | None:
        """The next batch for a helper; with None it rests until it is started again."""
        with self._lock:
            batch = self._queue.take_for_helper(self._clock())
            self._helping -= batch is None
        return batch

    def fill_in(self) -> Batch[Key, Row, Result] | None:
        """The next batch for the event loop itself, if it should run one; starts the executor if that rests."""
        with self._lock:
            self._called = False
            waiting, now = self._queue.loads.all.rows, self._clock()
            if not waiting:
                return None
            if self._running:
                most = waiting // LOOP_SHARE if self._has_spare_core else 0
            else:
                most = int(waiting == 1 and self._calm and self._executor.helpers > 0)
            self._calm = False
            batch = self._queue.take_for_moment(now, most)
            if batch is None and self._wants_help:
                self._call_for_help(self._executor.start_helper)
            starts = not self._running and self._queue.loads.all.rows > 0
            if starts:
                self._running = True
                self._executor.start(self)
            if starts or batch is not None:
                loop = asyncio.get_running_loop()
                self._call_loop(loop, loop.call_soon)
        return batch

    def end(self, batch: Batch[Key, Row, Result], outcome: Sequence[Result] | Exception) -> None:
        """What came of the batch: a result for each row, or an error for all of them together."""
        now, loop = self._clock(), batch.shares[0].request.loop
        if not isinstance(outcome, Exception) and len(outcome) != batch.size:
            outcome = RuntimeError(f"{batch.key}: {batch.size} rows gave {len(outcome)} results")
        with self._lock:
            if not isinstance(outcome, Exception):
                self._costs.ran(batch.key, batch.size, now - batch.started_at)
            elif len(batch.requests()) > 1:
                # Only one of them may be to blame.
                self._queue.put_back(batch)
                self._call_loop(loop, loop.call_soon_threadsafe)
                return
            else:
                self._queue.remove(batch.shares[0].request)
        loop.call_soon_threadsafe(self._deliver, batch, outcome, now)

    def _expire(self, now: float) -> float:
        """Ends those that are late; when the next one will be."""
        for request in [request for request in self._open if request.deadline <= now]:
            request.expire()
        return min((request.deadline for request in self._open if request.deadline > now), default=math.inf)

    @property
    def _has_resting_helper(self) -> bool:
        return self._helping < self._executor.helpers

    @property
    def _has_spare_core(self) -> bool:
        """Whether all cores but the event loop's have a batch each."""
        return self._helping == self._executor.helpers - 1

    def _call_loop(self, loop: asyncio.AbstractEventLoop, call: Callable[..., asyncio.Handle]) -> None:
        """Has the event loop see to what waits, when the callers that are ready to run have queued what they have."""
        waiting = self._queue.loads.all.rows
        if waiting and not self._called and (not self._running or waiting >= LOOP_SHARE):
            self._called = True
            # In the turn after this one: at the end of this one those are placed who came in it.
            call(loop.call_soon, self._executor.run_here, self)

    @property
    def _wants_help(self) -> bool:
        """Whether a crowd waits, and not just one that the event loop can serve beside."""
        crowded = self._queue.is_crowded(helping=self._helping)
        return crowded and not (self._has_spare_core and self._queue.has_moment)

    def _call_for_help(self, start: Callable[["Batcher[Key, Row, Result]"], object]) -> None:
        """Starts a helper, if one rests."""
        if self._has_resting_helper:
            self._helping += 1
            start(self)

    def _refuse(self, client: str, rows: int, row_ns: int) -> None:
        """Raises ShuttingDown or QueueFull if so many rows more cannot be taken."""
        if self._closed:
            self._observer.request_refused("shutting_down")
            raise ShuttingDown("the server is shutting down and takes no new work")
        ns, loads, bounds = rows * row_ns, self._queue.loads, self._bounds
        if loads.of(client).exceeds(rows, ns, bounds, CLIENT_SHARE) or loads.all.exceeds(rows, ns, bounds):
            self._observer.request_refused("queue_full")
            raise QueueFull(loads.all.seconds)

    def _deliver(self, batch: Batch[Key, Row, Result], outcome: Sequence[Result] | Exception, ended_at: float) -> None:
        if isinstance(outcome, Exception):
            batch.shares[0].request.fail(outcome)
            return
        padding = self._costs.computed(batch.key, batch.size) - batch.size
        self._observer.batch_ran(batch.size, padding, ended_at - batch.started_at)
        position = 0
        for share in batch.shares:
            request, end = share.request, position + share.size
            request.run_s = ended_at - (request.started_at or ended_at)
            request.fill(share.start, outcome[position:end])
            position = end
        if batch.size == 1:
            loop = batch.shares[0].request.loop
            # Two turns on its answer has left, and who has come meanwhile is here.
            loop.call_soon(loop.call_soon, self._look_for_calm)

    def _look_for_calm(self) -> None:
        self._calm = not self._open
