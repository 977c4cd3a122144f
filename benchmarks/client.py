"""A load generator: raw sockets and one thread, for on two cores a client's microseconds are the server's, too.

It never takes a core from a server that is at work (SCHED_BATCH), as a client on another machine would not: otherwise
it comes in between with each answer that is sent, and the server pays for that with its caches.

Every answer is parsed as far as its length, and counted as an error unless it has the status that was expected. Times
are kept one by one, so percentiles are exact. In an open loop a request's time runs from the moment at which it was
due, whether it could be sent then or not: a server that stalls is charged for all who would have come meanwhile.
"""

import os
import re
import select
import socket
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

HOST = "127.0.0.1"
MOST_CONNECTIONS = 256
"""Of an open loop; a request that finds all of them taken waits, and its waiting counts."""
GRACE_S = 5.0
"""For answers that are still on their way when a window ends; later ones are errors."""
IN_CHUNKS = -1
CHUNKED = b"\r\ntransfer-encoding: chunked\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
ROOM = memoryview(bytearray(1 << 18))
"""What has come goes here first: to reserve as much for each answer would take longer than the answer's whole way."""


@dataclass
class Window:
    """What was seen in a stretch of time."""

    seconds: float
    times: list[float] = field(default_factory=list)
    """From each request to its answer, in seconds."""
    in_time: int = 0
    """Good answers before the end of the stretch."""
    errors: int = 0
    client_cpu: float = 0.0
    """CPU seconds that the client itself took."""

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return self.in_time / self.seconds


class Connection:
    """One keep-alive connection with one request on its way."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((HOST, port), timeout=GRACE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.asked = 0.0
        self._received = b""
        self._expected = 0
        """Bytes of the whole answer, or IN_CHUNKS; 0 while its head is not there."""

    def send(self, request: bytes) -> None:
        self._received = b""
        self._expected = 0
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Takes what has come; whether the answer is complete. Raises ConnectionError if the server hung up."""
        count = self.socket.recv_into(ROOM)
        if not count:
            raise ConnectionError("the server closed the connection")
        self._received += ROOM[:count]
        if not self._expected:
            self._read_head()
        if self._expected == IN_CHUNKS:
            return self._received.endswith(b"0\r\n\r\n")
        return 0 < self._expected <= len(self._received)

    @property
    def status(self) -> int:
        return int(self._received[9:12])

    @property
    def head(self) -> bytes:
        return self._received.partition(b"\r\n\r\n")[0]

    @property
    def body(self) -> bytes:
        content = self._received.partition(b"\r\n\r\n")[2]
        return _joined(content) if self._expected == IN_CHUNKS else content

    def close(self) -> None:
        self.socket.close()

    def _read_head(self) -> None:
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        # A 304 has no body, and need not say so.
        length = LENGTH.search(self._received, 0, end)
        if length is not None:
            self._expected = end + 4 + int(length[1])
        else:
            self._expected = IN_CHUNKS if CHUNKED in self._received[: end + 2].lower() else end + 4


def ask(port: int, request: bytes) -> tuple[int, bytes, bytes]:
    """One request on a connection of its own -> status, head and body. Raises OSError."""
    connection = Connection(port)
    try:
        connection.send(request)
        while not connection.receive():
            pass
        return connection.status, connection.head, connection.body
    finally:
        connection.close()


def closed_loop(port: int, requests: Iterator[bytes], *, connections: int, seconds: float, status: int = 200) -> Window:
    """Each connection asks again as soon as it has its answer."""
    return _Load(port, requests, seconds, status, closed=True).run([0.0] * connections)


def open_loop(port: int, requests: Iterator[bytes], *, rate: float, seconds: float, status: int = 200) -> Window:
    """A request every 1/rate seconds, whatever becomes of the others."""
    due = [number / rate for number in range(int(rate * seconds))]
    return _Load(port, requests, seconds, status, closed=False).run(due)


class _Load:
    """The loop behind both kinds of load."""

    def __init__(self, port: int, requests: Iterator[bytes], seconds: float, status: int, *, closed: bool) -> None:
        self._port = port
        self._requests = requests
        self._status = status
        self._closed = closed
        self._end = 0.0
        self._due: deque[float] = deque()
        self._idle: list[Connection] = []
        self._busy: dict[int, Connection] = {}
        self._answers = select.epoll()
        """Knows every connection: to name all of them at each wait would cost more than all else."""
        self._window = Window(seconds)

    def run(self, offsets: list[float]) -> Window:
        """Sends requests at these seconds after the start; in a closed loop one more after each answer."""
        window, cpu, start = self._window, time.process_time(), time.perf_counter()
        self._due.extend(start + offset for offset in offsets)
        self._end = start + window.seconds
        with _giving_way():
            while (self._due or self._busy) and time.perf_counter() < self._end + GRACE_S:
                self._send_what_is_due()
                self._receive_what_came()
        window.errors += len(self._due) + len(self._busy)
        window.client_cpu = time.process_time() - cpu
        for connection in (*self._idle, *self._busy.values()):
            connection.close()
        self._answers.close()
        return window

    @property
    def _room(self) -> bool:
        return bool(self._idle) or len(self._busy) < MOST_CONNECTIONS

    def _send_what_is_due(self) -> None:
        while self._due and self._room and self._due[0] <= (now := time.perf_counter()):
            due = self._due.popleft()
            try:
                connection = self._idle.pop() if self._idle else self._connected()
                connection.asked = now if self._closed else due
                connection.send(next(self._requests))
            except OSError:
                self._failed(time.perf_counter())
            else:
                self._busy[connection.socket.fileno()] = connection

    def _receive_what_came(self) -> None:
        """Waits for an answer, or until the next request is due."""
        pause = GRACE_S if self._busy else 0.0
        if self._due and self._room:
            # Unlike epoll by itself, select can wait for less than a millisecond.
            select.select([self._answers], [], [], max(0.0, self._due[0] - time.perf_counter()))
            pause = 0.0
        for number, _ in self._answers.poll(pause):
            connection = self._busy.get(number)
            if connection is None:
                # Closed by the server while nothing was asked: the next request will find out.
                self._answers.unregister(number)
                continue
            try:
                complete = connection.receive()
            except OSError:
                del self._busy[number]
                connection.close()
                self._failed(time.perf_counter())
            else:
                if complete:
                    del self._busy[number]
                    self._idle.append(connection)
                    self._answered(connection, time.perf_counter())

    def _connected(self) -> Connection:
        connection = Connection(self._port)
        # With a timeout each call would ask first whether it has to wait, by a system call of its own.
        connection.socket.setblocking(False)
        self._answers.register(connection.socket, select.EPOLLIN)
        return connection

    def _answered(self, connection: Connection, now: float) -> None:
        if connection.status != self._status:
            self._failed(now)
            return
        self._window.times.append(now - connection.asked)
        self._window.in_time += now <= self._end
        self._ask_again(now)

    def _failed(self, now: float) -> None:
        self._window.errors += 1
        self._ask_again(now)

    def _ask_again(self, now: float) -> None:
        if self._closed and now < self._end:
            self._due.append(now)


@contextmanager
def _giving_way() -> Iterator[None]:
    """This thread waits until others sleep or have had their time."""
    before = os.sched_getscheduler(0)
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    try:
        yield
    finally:
        os.sched_setscheduler(0, before, os.sched_param(0))


def _joined(content: bytes) -> bytes:
    """A body in chunks -> the body."""
    parts = []
    while content:
        size, _, rest = content.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        parts.append(rest[:length])
        content = rest[length + 2 :] if length else b""
    return b"".join(parts)
