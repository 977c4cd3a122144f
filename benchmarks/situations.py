"""What the servers are put through."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, repeat

from benchmarks.client import Window, ask, closed_loop, open_loop
from benchmarks.contestants import OURS, RAW, Contestant, our_request

SHEET = 64
"""Images of a large request."""
SHEET_CONNECTIONS = 8
CHEAP_CONNECTIONS = 16
"""For answers that cost next to nothing."""


@dataclass(frozen=True)
class Situation:
    """A load: so many connections that always wait for an answer, or so many requests a second."""

    name: str
    n: int = 1
    """Images a request."""
    connections: int = 0
    rate: float = 0.0
    only: str | None = None
    """The one contestant that it is for."""
    form: str = "png"
    cached: bool = False
    """Asks for what the client has already."""

    def is_for(self, contestant: Contestant) -> bool:
        """Whether the contestant takes part."""
        return contestant.name == self.only if self.only else contestant.name != RAW

    def load(self, contestant: Contestant, seeds: "count[int]", seconds: float) -> Window:
        """So many seconds of it."""
        requests, status = self._requests(contestant, seeds), 304 if self.cached else 200
        if self.rate:
            return open_loop(contestant.port, requests, rate=self.rate, seconds=seconds, status=status)
        return closed_loop(contestant.port, requests, connections=self.connections, seconds=seconds, status=status)

    def _requests(self, contestant: Contestant, seeds: "count[int]") -> Iterator[bytes]:
        if self.cached:
            return repeat(our_request(1, 42, more=f"If-None-Match: {etag_of(contestant)}\r\n"))
        if self.form != "png":
            return (our_request(self.n, seed, form=self.form) for seed in seeds)
        return (contestant.request(self.n, seed) for seed in seeds)


CLOSED = tuple(Situation(f"n=1, {each} connection{'s' * (each > 1)}", connections=each) for each in (1, 16, 64))
OPEN = tuple(Situation(f"n=1, {each} requests/s", rate=each) for each in (100, 400, 1000))
SHEETS = Situation("n=64 as PNG sheet, 8 connections", n=SHEET, connections=SHEET_CONNECTIONS)
ARRAYS = Situation("n=64 as npy, 8 connections", n=SHEET, connections=SHEET_CONNECTIONS, only=OURS, form="npy")
NOT_MODIFIED = Situation("304, 16 connections", connections=CHEAP_CONNECTIONS, only=OURS, cached=True)
HTTP_ALONE = Situation("a constant, 16 connections", connections=CHEAP_CONNECTIONS, only=RAW)
HELD_AGAINST_PARTS = (*CLOSED[1:], SHEETS, ARRAYS)
"""Of our server: what it does is compared with what the parts of its answers cost at that moment."""
SITUATIONS = (*CLOSED, *OPEN, SHEETS, ARRAYS, NOT_MODIFIED, HTTP_ALONE)


def etag_of(contestant: Contestant) -> str:
    """The ETag of one picture of ours."""
    _, head, _ = ask(contestant.port, our_request(1, 42))
    found = next(line for line in head.decode().splitlines() if line.lower().startswith("etag:"))
    return found.partition(":")[2].strip()
