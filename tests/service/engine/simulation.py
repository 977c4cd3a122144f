"""A batcher in a world of its own: a model of known costs, callers who come and go, and a ledger beside the batcher's.

The world keeps its own account of every row, from what callers and the model see, and compares it with the batcher's at
each step. All that happens follows from the seed.
"""

import asyncio
import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from service.engine.batcher import BATCH_S, LOOP_SHARE, Batcher
from service.engine.fair_queue import CROWD, LARGE, MOMENT_NS
from service.engine.request import Batch
from service.errors import DeadlineExceeded, QueueFull, ShuttingDown
from tests.service.engine.virtual_time import VirtualLoop

SIZES = (8, 16, 32, 64)


class Crash(Exception):
    """The model failed, whatever the rows."""


class BadRow(Exception):
    """The model failed because of a row."""


OUTCOMES: dict[type[BaseException], str] = {
    QueueFull: "queue_full",
    DeadlineExceeded: "deadline",
    ShuttingDown: "shutting_down",
    asyncio.CancelledError: "cancelled",
    Crash: "crashed",
    BadRow: "bad_row",
}


@dataclass(eq=False)
class Caller:
    """One request, and what is known of it from outside."""

    key: str
    client: str
    size: int
    deadline: float = math.inf
    bad: int | None = None
    """The number of the row that the model cannot do."""
    gone: bool = False
    begun: set[int] = field(default_factory=set)
    """Rows that have begun and were not sent back."""
    came_at: float = 0.0
    left_at: float = 0.0
    outcome: str = ""

    @property
    def rows(self) -> "list[Row]":
        """Rows that tell whose they are."""
        return [(self, number) for number in range(self.size)]

    @property
    def first_waiting(self) -> int:
        """The first row that has not begun."""
        return next(number for number in range(self.size) if number not in self.begun)


Row = tuple[Caller, int]


@dataclass(kw_only=True, eq=False, repr=False)
class World:
    """`costs`: seconds a computed row, for each key."""

    chance: random.Random
    costs: dict[str, float]
    max_batch: int = 64
    max_queue_rows: int = 10**9
    max_queue_s: float = math.inf
    padded: bool = True
    crashes: float = 0.0
    """The share of batches that fail whatever is in them."""
    slow: float = 0.0
    """The share of batches that take fifty times as long."""
    jitter: bool = False
    """Whether the event loop gets a turn between two batches."""
    helpers: int = 0
    """How many batches may run beside."""
    waiting: Counter[str] = field(default_factory=Counter)
    """Rows that wait, by client, as the world counts them."""
    outcomes: Counter[str] = field(default_factory=Counter)
    observed: Counter[str] = field(default_factory=Counter)
    served: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Rows that ran, by client and key."""
    batches: list[tuple[str, int]] = field(default_factory=list)
    busy: bool = False
    assisting: int = 0
    """Helpers at work."""
    ran: set[str] = field(default_factory=set)
    """Keys whose cost is known."""
    present: set[Caller] = field(default_factory=set)
    hurried: set[Caller] = field(default_factory=set)
    """Those of them who have a deadline."""
    workers: "set[asyncio.Task[None]]" = field(default_factory=set)

    def __post_init__(self) -> None:
        self.batcher: Batcher[str, Row, Row] = Batcher(
            self,
            max_batch=self.max_batch,
            max_queue_rows=self.max_queue_rows,
            max_queue_s=self.max_queue_s,
            observer=self,
            clock=asyncio.get_running_loop().time,
        )

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def longest_batch_s(self) -> float:
        """What the executor may be held for: the time that a batch is meant for, or the smallest of the dearest key."""
        return max(BATCH_S, *(self.computed(key, 1) * cost for key, cost in self.costs.items()))

    # What the batcher is told to use.

    def computed(self, key: str, rows: int) -> int:
        if not self.padded or not rows:
            return rows
        full, rest = divmod(rows, SIZES[-1])
        return full * SIZES[-1] + (min(size for size in SIZES if size >= rest) if rest else 0)

    def run_here(self, batcher: Batcher[str, Row, Row]) -> None:
        waiting, rests = self.batcher.queued_rows, not self.busy
        batch = self.batcher.fill_in()
        if batch is None:
            return
        assert self.helpers, "one thread is all there is"
        assert self.assisting < self.helpers or rests, "more batches than cores"
        computed = self.computed(batch.key, batch.size)
        assert computed <= max(waiting // LOOP_SHARE, rests), "more than the event loop's share, padding included"
        self._check_begin(batch)
        seconds = self._begun_seconds(batch)
        assert self.slow or seconds <= MOMENT_NS / 1e9 * 1.000001, "holds the event loop too long"
        self._held(asyncio.get_running_loop(), seconds)
        self._end(batch)

    @staticmethod
    def _held(loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        """Time goes on, and nobody has a turn."""
        assert isinstance(loop, VirtualLoop)
        loop.jump(seconds)

    def start(self, batcher: Batcher[str, Row, Row]) -> None:
        assert not self.busy, "two workers"
        self.busy = True
        self.workers.add(asyncio.get_running_loop().create_task(self._work()))

    def start_helper(self, batcher: Batcher[str, Row, Row]) -> None:
        self.assisting += 1
        assert self.assisting <= self.helpers, "more helpers than there are"
        self.workers.add(asyncio.get_running_loop().create_task(self._help()))

    def batch_ran(self, rows: int, padding: int, seconds: float) -> None:
        self.observed["rows"] += rows
        assert padding == self.computed("", rows) - rows

    def request_done(self, queue_s: float, run_s: float) -> None:
        assert queue_s >= 0
        assert run_s >= 0
        self.observed["answered"] += 1

    def request_refused(self, reason: str) -> None:
        self.observed[reason] += 1

    # The model.

    async def _work(self) -> None:
        while (batch := self.batcher.begin()) is not None:
            await self._run(batch)
        assert self.batcher.queued_rows == 0, "rests while rows wait"
        self.busy = False

    async def _help(self) -> None:
        while True:
            waiting = self.batcher.queued_rows
            batch = self.batcher.assist()
            if batch is None:
                break
            large = any(caller.size >= LARGE for caller, _ in batch.rows())
            assert large or (waiting >= CROWD and batch.size <= LARGE), "takes the little that there is"
            await self._run(batch)
        self.assisting -= 1

    async def _run(self, batch: Batch[str, Row, Row]) -> None:
        self._check_begin(batch)
        await asyncio.sleep(self._begun_seconds(batch))
        self._end(batch)
        for _ in range(self.chance.randrange(3) if self.jitter else 0):
            await asyncio.sleep(0)

    def _begun_seconds(self, batch: Batch[str, Row, Row]) -> float:
        """What it takes this time."""
        return self._seconds(batch) * (50 if self.chance.random() < self.slow else 1)

    def _end(self, batch: Batch[str, Row, Row]) -> None:
        outcome = self._outcome(batch)
        self._account(batch, outcome)
        self.batcher.end(batch, outcome)
        self.check_ledger()

    def _seconds(self, batch: Batch[str, Row, Row]) -> float:
        return self.computed(batch.key, batch.size) * self.costs[batch.key]

    def _outcome(self, batch: Batch[str, Row, Row]) -> Sequence[Row] | Exception:
        if self.chance.random() < self.crashes:
            return Crash()
        if any(caller.bad == number for caller, number in batch.rows()):
            return BadRow()
        return batch.rows()

    def _check_begin(self, batch: Batch[str, Row, Row]) -> None:
        rows = batch.rows()
        assert rows
        assert len(rows) <= self.max_batch, "larger than the largest batch"
        if not self.slow:
            smallest = self.computed(batch.key, len(rows)) == self.computed(batch.key, 1)
            soon = self._seconds(batch) <= BATCH_S * 1.000001
            assert smallest or (batch.key in self.ran and soon), "holds the executor too long"
        for caller, number in rows:
            assert caller.key == batch.key, "keys mixed"
            assert not caller.gone, "a row of a caller who has gone"
            assert caller.deadline > self.now, "a row that is late"
            assert number == caller.first_waiting, "rows out of order"
            caller.begun.add(number)
            self.waiting[caller.client] -= 1
        self.check_ledger()

    def _account(self, batch: Batch[str, Row, Row], outcome: Sequence[Row] | Exception) -> None:
        rows = batch.rows()
        self.batches.append((batch.key, len(rows)))
        callers = {caller for caller, _ in rows}
        if not isinstance(outcome, Exception):
            self.ran.add(batch.key)
            self.outcomes["rows"] += len(rows)
            self.served.update((caller.client, caller.key) for caller, _ in rows)
        elif len(callers) == 1:
            for caller in callers:
                self._leaves(caller)
        else:
            for caller, number in reversed(rows):
                if not caller.gone:
                    caller.begun.remove(number)
                    self.waiting[caller.client] += 1

    # The callers.

    async def call(self, caller: Caller) -> None:
        """One request from its beginning to its end, whatever that is."""
        caller.came_at = self.now
        full = self._is_full(caller)
        self.present.add(caller)
        if caller.deadline < math.inf:
            self.hurried.add(caller)
        self.waiting[caller.client] += caller.size
        outcome = await self._outcome_of(caller)
        assert not caller.outcome, "resolved twice"
        if full is not None and not self.batcher._closed:
            assert (outcome == "queue_full") == full, "refused though there is room, or taken though there is none"
        caller.outcome, caller.left_at = outcome, self.now
        self.outcomes[outcome] += bool(caller.size)
        self._leaves(caller)
        self.present.discard(caller)
        self.hurried.discard(caller)
        self.check_ledger()

    async def _outcome_of(self, caller: Caller) -> str:
        timeout_s = caller.deadline - self.now
        try:
            results = await self.batcher.submit(caller.key, caller.rows, client=caller.client, timeout_s=timeout_s)
        except tuple(OUTCOMES) as error:
            outcome = OUTCOMES[type(error)]
            assert outcome != "bad_row" or caller.bad is not None, "failed for another's row"
            assert outcome != "deadline" or self.now >= caller.deadline - 1e-6, "too early"
            return outcome
        assert results == caller.rows, "not the answer to what was asked"
        return "answered"

    def _is_full(self, caller: Caller) -> bool | None:
        """Whether the batcher has to refuse; None while its queue has dropped what its caller does not know of yet."""
        if self._late():
            return None
        if not caller.size:
            return False
        loads, price = self.batcher._queue.loads, self.batcher._costs.row_ns(caller.key)
        waiting = ((self.waiting.total(), loads.all, 1.0), (self.waiting[caller.client], loads.of(caller.client), 0.5))
        return any(
            rows
            and (
                rows + caller.size > share * self.max_queue_rows
                or load.ns + caller.size * price > share * 1e9 * self.max_queue_s
            )
            for rows, load, share in waiting
        )

    def _leaves(self, caller: Caller) -> None:
        """What has not begun never will; counted once."""
        if not caller.gone:
            caller.gone = True
            self.waiting[caller.client] -= caller.size - len(caller.begun)

    def _late(self) -> int:
        """Rows whose callers are about to hear that it is too late."""
        late = (caller for caller in self.hurried if caller.deadline <= self.now and not caller.gone)
        return sum(caller.size - len(caller.begun) for caller in late)

    def check_ledger(self) -> None:
        """The batcher's own count against ours."""
        ours = self.waiting.total()
        assert ours - self._late() <= self.batcher.queued_rows <= ours, "rows lost or kept"

    async def ended(self) -> None:
        """When all callers have gone, nothing is left of them."""
        while self.workers:
            tasks = set(self.workers)
            await asyncio.wait(tasks)
            for task in tasks:
                task.result()
            self.workers -= tasks
            await asyncio.sleep(0)
        loads, turns = self.batcher._queue.loads, self.batcher._queue._turns
        assert (loads.all.rows, loads.all.ns, loads._clients) == (0, 0, {}), "cost left"
        assert not turns._lanes
        assert not any(flow.requests or flow.rows for flow in turns._flows.values())
        assert not self.batcher._open
        assert not self.batcher._running
        assert not self.batcher._helping
        assert not self.batcher._called
        assert not self.busy
        assert self.waiting.total() == 0
        known = {name: count for name, count in self.outcomes.items() if count and name not in ("crashed", "bad_row")}
        assert known == {name: count for name, count in self.observed.items() if count}, (
            f"observer told otherwise: {self.observed} for {known}"
        )
