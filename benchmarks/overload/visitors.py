"""Clients that cost little: one task for all of a load, a protocol that reads no more than an answer's head.

They share the machine with the server, and nothing is taken off for that.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass

HOST = "127.0.0.1"
END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True)
class Answer:
    """One answer; times of the same clock, in seconds."""

    status: int
    due: float
    came: float
    says_when: bool
    """Whether it has a Retry-After."""

    @property
    def seconds(self) -> float:
        return self.came - self.due


class Visitor(asyncio.Protocol):
    """One keep-alive connection; `answer` is that of the request on its way."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._answer: asyncio.Future[tuple[int, bool]] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self, request: bytes) -> "asyncio.Future[tuple[int, bool]]":
        """Sends it; the future gives the status, and whether there is a Retry-After."""
        assert self._transport is not None
        self._received.clear()
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def leave(self) -> None:
        """Closes the connection, whatever is on its way."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(END_OF_HEAD)
        if end < 0 or self._answer is None or self._answer.done():
            return
        head = bytes(self._received[:end]).lower()
        length = head.partition(b"content-length:")[2].split(b"\r\n", 1)[0]
        if len(self._received) >= end + len(END_OF_HEAD) + int(length or 0):
            self._answer.set_result((int(head[9:12]), b"\r\nretry-after:" in head))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("the server hung up"))
            self._answer.exception()


def get(path: str) -> bytes:
    """A GET as bytes."""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()


def post(path: str, kind: str, body: bytes, accept: str = "*/*") -> bytes:
    """A POST as bytes."""
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: {kind}\r\nAccept: {accept}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def arrive(port: int, source: str = HOST) -> Visitor:
    """A new connection, from an address of this machine's own."""
    loop = asyncio.get_running_loop()
    _, visitor = await loop.create_connection(Visitor, HOST, port, local_addr=(source, 0))
    return visitor


async def closed_loop(port: int, requests: Iterator[bytes], *, connections: int, seconds: float) -> list[Answer]:
    """Each connection asks again as soon as it has its answer."""
    answers: list[Answer] = []
    end = time.perf_counter() + seconds

    async def one() -> None:
        visitor = await arrive(port)
        while time.perf_counter() < end:
            answers.append(await _asked(visitor, next(requests), time.perf_counter()))
        visitor.leave()

    await asyncio.gather(*(one() for _ in range(connections)))
    return answers


async def open_loop(port: int, requests: Iterator[bytes], *, rate: float, seconds: float) -> list[Answer]:
    """A request every 1/rate seconds, whatever becomes of the others; it is late from the moment when it was due."""
    idle: list[Visitor] = []
    start = time.perf_counter()

    async def one(due: float) -> Answer:
        visitor = idle.pop() if idle else await arrive(port)
        answer = await _asked(visitor, next(requests), due)
        idle.append(visitor)
        return answer

    tasks = []
    for number in range(int(rate * seconds)):
        due = start + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.ensure_future(one(due)))
    answers = await asyncio.gather(*tasks)
    for visitor in idle:
        visitor.leave()
    return answers


async def _asked(visitor: Visitor, request: bytes, due: float) -> Answer:
    status, says_when = await visitor.ask(request)
    return Answer(status, due, time.perf_counter(), says_when)
