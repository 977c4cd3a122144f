"""Requests that wait, and the batches that are made of them. Pure bookkeeping: no clock, no lock, no event loop.

The flow whose turn it is gives a batch its key. If it wants little, the batch takes in other flows that want little,
and from those that want much only what would be padding: so nobody's few rows wait for another's many. Helpers take
from large requests, and from a crowd of small ones; the event loop a few rows of whoever is next.
"""

from collections.abc import Callable
from itertools import count
from typing import Generic

from service.engine.costs import Costs
from service.engine.flow import Flow
from service.engine.loads import Loads
from service.engine.request import Batch, Key, Request, Result, Row
from service.engine.turns import Turns

CHUNKS_A_BATCH = 4
"""A full batch has room for chunks of four flows, so that each of four large ones moves on in every batch."""
SHARES = 4
"""Batches for what several requests want at one time; large ones would all be answered at one time, and none before."""
SHORT_NS = 10_000_000
"""What a batch of half of them may cost: so short a time nobody minds, and each batch costs something by itself."""
SMALLEST_SHARE = 8
"""Rows: a batch of fewer takes longer for each."""
LARGE = 16
"""Rows of a request that wait, from which on it is worth a helper's while."""
CROWD = 2 * LARGE
"""Rows that wait, of however many requests, from which on a helper takes as many as a large one has."""
MOMENT_NS = 3_000_000
"""What a batch may cost that the event loop runs itself: so long nobody else has a turn there."""


class FairQueue(Generic[Key, Row, Result]):
    """`loads` tells how much waits, in all and for each client."""

    def __init__(self, costs: Costs[Key], *, max_batch: int, workers: int = 1) -> None:
        self.loads = Loads()
        self._costs = costs
        self._workers = workers
        self._chunk = max(1, max_batch // CHUNKS_A_BATCH)
        self._turns: Turns[Key, Row, Result] = Turns()
        self._serials = count()

    def add(self, request: Request[Key, Row, Result]) -> None:
        """A new request, with all its rows."""
        self._turns.flow_of(request).line_up(request, next(self._serials))
        self.loads.change(request.client, request.left, request.left * request.row_ns)

    def remove(self, request: Request[Key, Row, Result]) -> None:
        """What is left of it; nothing if all its rows have run."""
        if request.left:
            flow = self._turns.flow_of(request)
            self._drop(flow, request)
            if not flow.requests:
                self._turns.leave(flow)
                self._turns.settle(flow)
        request.gone = True

    def put_back(self, batch: Batch[Key, Row, Result]) -> None:
        """The rows have to run again, those of each request without company."""
        for share in batch.shares:
            request = share.request
            if request.gone:
                continue
            flow = self._turns.flow_of(request)
            if request.left:
                flow.remove(request)
            request.give_back(share)
            request.alone = True
            flow.insert(request)
            self.loads.change(request.client, share.size, share.size * request.row_ns)

    @property
    def has_moment(self) -> bool:
        """Whether who is next has rows so cheap that the event loop can run them, and none of them needs padding."""
        first = self._turns.first()
        return first is not None and self._for_moment(first.key, 1) > 0

    def is_crowded(self, *, helping: int = 0) -> bool:
        """Whether so much waits that one helper more leaves enough for the main thread and for those who help."""
        return self.loads.all.rows >= CROWD + LARGE * helping

    @property
    def has_large(self) -> bool:
        """Whether a large request is the next of its flow."""
        return self._turns.any(_is_large)

    def take(self, now: float) -> Batch[Key, Row, Result] | None:
        """The next batch, and out of the queue with it; requests that are late by `now` are dropped on the way."""
        return self._next(now, self._share)

    def take_for_helper(self, now: float) -> Batch[Key, Row, Result] | None:
        """A part of a large request, and in a crowd a few rows of whoever is next."""
        return self._next(
            now, lambda first: self._share(first) if _is_large(first) else LARGE, large=not self.is_crowded()
        )

    def take_for_moment(self, now: float, most: int) -> Batch[Key, Row, Result] | None:
        """At most so many rows of whoever is next, if the event loop can run them; none that need padding."""
        return self._next(now, lambda first: self._for_moment(first.key, most))

    def _for_moment(self, key: Key, most: int) -> int:
        rows = min(most, self._costs.rows_for(key, MOMENT_NS))
        return rows if self._costs.computed(key, rows) == rows else 0

    def _next(
        self, now: float, most: Callable[[Flow[Key, Row, Result]], int], *, large: bool = False
    ) -> Batch[Key, Row, Result] | None:
        """With `most(first)` rows, unless that is none; with `large` only of flows whose next request is large."""
        while (first := self._turns.first(_is_large if large else None)) is not None and (rows := most(first)):
            if not large:
                self._turns.begin(first)
            batch: Batch[Key, Row, Result] = Batch(first.key, now)
            self._form(batch, first, rows, large=large)
            if batch.shares:
                return batch
        return None

    def _form(self, batch: Batch[Key, Row, Result], first: Flow[Key, Row, Result], most: int, *, large: bool) -> None:
        """Of the key of `first`, which goes first."""
        room = min(self._costs.room(batch.key), most)
        if first.requests[0].alone:
            self._serve(first, batch, room)
        elif large:
            self._fill(batch, room, _is_large)
        elif first.rows > self._chunk:
            self._fill(batch, room, lambda _: True)
        else:
            self._fill(batch, room, lambda flow: flow.rows <= self._chunk)
            if batch.shares:
                self._fill(batch, min(room, self._costs.computed(batch.key, batch.size)), lambda _: True)

    def _share(self, first: Flow[Key, Row, Result]) -> int:
        """Of what small requests want, a part: the rest keeps the executor busy while they get their answers.

        Of a large one, its part for each of the workers.
        """
        rows, lane = len(first.requests[0].rows), self._turns.lane(first.key)
        if rows >= LARGE and self._workers > 1:
            return max(LARGE, -(-rows // self._workers))
        if sum(len(flow.requests) for flow in lane) > 1:
            wanted = sum(flow.rows for flow in lane)
            short = SHORT_NS // self._costs.row_ns(first.key)
            return max(SMALLEST_SHARE, wanted // SHARES, min(wanted // 2, short))
        return rows

    def _fill(self, batch: Batch[Key, Row, Result], room: int, may: Callable[[Flow[Key, Row, Result]], bool]) -> None:
        """Up to `room` rows, in chunks of the flows that may, as their turns come."""

        def fits(flow: Flow[Key, Row, Result]) -> bool:
            return may(flow) and not flow.requests[0].alone

        while batch.size < room and (flow := next(filter(fits, self._turns.lane(batch.key)), None)):
            self._serve(flow, batch, min(self._chunk, room - batch.size))

    def _serve(self, flow: Flow[Key, Row, Result], batch: Batch[Key, Row, Result], space: int) -> None:
        """Up to `space` rows of the flow; at least one request of it moves on or is dropped."""
        self._turns.leave(flow)
        row_ns, before, ns = self._costs.row_ns(flow.key), batch.size, 0
        full = before + space
        while batch.size < full and flow.requests:
            request = flow.requests[0]
            if request.deadline <= batch.started_at:
                self._drop(flow, request)
                continue
            if request.alone and batch.shares:
                break
            share = flow.serve(full - batch.size, row_ns)
            batch.add(share)
            ns += share.size * request.row_ns
            if request.alone:
                request.alone = False
                break
        self.loads.change(flow.client, before - batch.size, -ns)
        self._turns.settle(flow)

    def _drop(self, flow: Flow[Key, Row, Result], request: Request[Key, Row, Result]) -> None:
        flow.remove(request)
        rows = request.drop()
        self.loads.change(request.client, -rows, -rows * request.row_ns)


def _is_large(flow: Flow[Key, Row, Result]) -> bool:
    return flow.requests[0].left >= LARGE
