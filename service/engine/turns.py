"""Whose turn it is among flows: start-time fair queueing (Goyal, Vin and Cheng 1996).

Each flow has a start on a virtual clock, which its rows move on by what they cost; the least start is next. A flow that
comes enters at the time of the batch that began last, which none that waits is before, or where it left off if that is
later: who asks for little is next, whoever floods, whatever key, and who comes often pays for it as if he had stayed.
"""

from bisect import bisect_left, insort
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from operator import attrgetter
from typing import Generic

from service.engine.flow import Flow
from service.engine.request import Key, Request, Result, Row

MOST_RESTING = 4096
"""Flows that are remembered while they want nothing; of more than that the cheapest are forgotten."""

_place = attrgetter("place")


class Turns(Generic[Key, Row, Result]):
    """The flows that wait, by key; and for a while those that went, so that they cannot come back as new ones."""

    def __init__(self) -> None:
        self._flows: dict[tuple[Key, str], Flow[Key, Row, Result]] = {}
        self._lanes: dict[Key, list[Flow[Key, Row, Result]]] = {}
        """Those that wait for a key, the next one first."""
        self._resting: list[tuple[int, int, Flow[Key, Row, Result]]] = []
        self._now = 0
        """Nanoseconds of the executor: the start of the flow that the last batch began with."""
        self._serials = count()

    def first(self, may: Callable[[Flow[Key, Row, Result]], bool] | None = None) -> Flow[Key, Row, Result] | None:
        """The flow that is next, whatever its key; of those that may, if that is asked."""
        heads = (lane if may is None else list(filter(may, lane)) for lane in self._lanes.values())
        return min((head[0] for head in heads if head), key=_place, default=None)

    def begin(self, flow: Flow[Key, Row, Result]) -> None:
        """A batch begins with the flow that is next: its start is the time now."""
        self._now = flow.start
        self._forget()

    def any(self, is_so: Callable[[Flow[Key, Row, Result]], bool]) -> bool:
        """Whether it is so of a flow that waits."""
        return any(is_so(flow) for lane in self._lanes.values() for flow in lane)

    def lane(self, key: Key) -> list[Flow[Key, Row, Result]]:
        """All flows that wait for a key, the next one first."""
        return self._lanes.get(key, [])

    def flow_of(self, request: Request[Key, Row, Result]) -> Flow[Key, Row, Result]:
        """That of its client and key, which waits from now on."""
        name = (request.key, request.client)
        flow = self._flows.get(name)
        if flow is None:
            flow = self._flows[name] = Flow(*name)
        if not flow.requests:
            flow.start = max(flow.start, self._now)
            self._line_up(flow, came=0)
        return flow

    def leave(self, flow: Flow[Key, Row, Result]) -> None:
        """It does not wait: it is being served, or wants nothing more."""
        lane = self._lanes[flow.key]
        del lane[bisect_left(lane, flow.place, key=_place)]
        if not lane:
            del self._lanes[flow.key]

    def settle(self, flow: Flow[Key, Row, Result]) -> None:
        """After it left: waits again if it has requests, and rests if not."""
        if flow.requests:
            self._line_up(flow, came=1)
        else:
            heappush(self._resting, (flow.start, next(self._serials), flow))
            self._forget()

    def _line_up(self, flow: Flow[Key, Row, Result], *, came: int) -> None:
        # Of equal starts the one goes first that has just come: the others have had their part of this moment.
        flow.place = (flow.start, came, next(self._serials))
        insort(self._lanes.setdefault(flow.key, []), flow, key=_place)

    def _forget(self) -> None:
        """Of those that rest, the ones whose start has passed: they would enter now in any case."""
        while self._resting and (self._resting[0][0] <= self._now or len(self._resting) > MOST_RESTING):
            start, _, flow = heappop(self._resting)
            if not flow.requests and flow.start == start:
                self._flows.pop((flow.key, flow.client), None)
