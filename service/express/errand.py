"""A request from its head to its answer, without a task; uvicorn takes it for one of its cycles."""

import time
from typing import Protocol

from service.express.head import Head
from service.layers.envelope import OURS_AND_SHARED
from service.shelf import lines_of
from service.telemetry import Telemetry
from service.work import Work

COMMON = lines_of(OURS_AND_SHARED)


class Connection(Protocol):
    """Where an answer goes."""

    def reply(self, errand: "Errand", status: int, lines: bytes, body: bytes) -> None:
        """The whole answer at one time, its headers as lines; then the connection is free for the next request."""

    def hang_up(self) -> None:
        """No answer, and no more requests."""


class Departure(Protocol):
    """What has to end when the client leaves."""

    def abandon(self) -> None:
        """Nobody waits for it any more."""


class Unheard:
    """Stands for the event by which uvicorn tells an application of its client: here nobody listens."""

    def set(self) -> None:
        """Nothing happens."""


class Errand:
    """`response_complete` and what follows it are read, and set, by uvicorn."""

    def __init__(self, connection: Connection, head: Head, client: str, telemetry: Telemetry) -> None:
        self.head = head
        self.request_id = head.request_id
        self.work = Work(client)
        self.pending: Departure | None = None
        """What the answer waits for."""
        self.response_complete = False
        self.disconnected = False
        self.keep_alive = True
        self._connection = connection
        self._telemetry = telemetry
        self._started = time.perf_counter()

    more_body = False
    response_started = False
    message_event = Unheard()

    def answer(self, route: str, status: int, lines: bytes, body: bytes) -> None:
        """Sends it, with the headers that all answers have, and counts it."""
        own = f"x-request-id: {self.request_id}\r\nserver-timing: {self.work.server_timing()}\r\n"
        self.count(route, status)
        self._connection.reply(self, status, lines + own.encode() + COMMON, body)

    def count(self, route: str, status: int) -> None:
        """For the metrics."""
        self._telemetry.answered(route, status, time.perf_counter() - self._started, self.work)

    def hang_up(self) -> None:
        """In the place of an answer."""
        self._connection.hang_up()

    def is_at_hand(self, cycle: object) -> bool:
        """Whether the newest request of the connection is this one."""
        return cycle is self

    def leave(self) -> None:
        """The client has gone."""
        if self.pending is not None:
            self.pending.abandon()
