"""The requests of one client for one key, in the order in which they would end if all of them ran at once, row by row.

That is the fair sojourn protocol (Friedman and Henderson 2003): a short request overtakes long ones, and none ends
later for it than it would if all had equal shares.
"""

from bisect import bisect_left, insort
from operator import attrgetter
from typing import Generic

from service.engine.request import Key, Request, Result, Row, Share

_place = attrgetter("place")


class Flow(Generic[Key, Row, Result]):
    """`start` and `place` say when it is next among the flows; `Turns` sees to them."""

    def __init__(self, key: Key, client: str) -> None:
        self.key = key
        self.client = client
        self.start = 0
        self.place = (0, 0, 0)
        self.rows = 0
        """Those that wait."""
        self.requests: list[Request[Key, Row, Result]] = []
        self._time = 0.0
        """Rows that each request would have had by now."""

    def line_up(self, request: Request[Key, Row, Result], serial: int) -> None:
        """A new request gets its place: by when it would end, and among equals by its serial number."""
        request.place = (self._time + len(request.rows), serial)
        self.insert(request)

    def insert(self, request: Request[Key, Row, Result]) -> None:
        """Back to where it belongs."""
        insort(self.requests, request, key=_place)
        self.rows += request.left

    def remove(self, request: Request[Key, Row, Result]) -> None:
        """Out of the line, with all its rows that wait."""
        del self.requests[bisect_left(self.requests, request.place, key=_place)]
        self.rows -= request.left

    def serve(self, space: int, row_ns: int) -> Share[Key, Row, Result]:
        """The next rows of the first request, at most `space` of them; the flow pays so much for each."""
        request = self.requests[0]
        share, waiting = request.take(space), len(self.requests)
        rows = share.size
        # With rows left it keeps its place, which is the first.
        if not request.left:
            del self.requests[0]
        self.rows -= rows
        self._time += rows / waiting
        self.start += rows * row_ns
        return share
