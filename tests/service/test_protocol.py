"""One connection, below the framework: who waits for what, and for how long."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from service import protocol
from service.cork import Cork
from service.layers.envelope import PORTION
from service.protocol import Protocol

pytestmark = pytest.mark.anyio

UPLOAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
KEEP_ALIVE_S = 1
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Connection]]


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[Connect]:
    """Opens connections to that app."""
    config = Config(app, lifespan="off", log_config=None, timeout_keep_alive=KEEP_ALIVE_S)
    config.load()
    state = ServerState()

    def protocol_of() -> Protocol:
        return Protocol(config=config, server_state=state, app_state={})

    async with await asyncio.get_running_loop().create_server(protocol_of, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield lambda: asyncio.open_connection("127.0.0.1", port)
        for connection in list(state.connections):
            connection.transport.abort()


async def refuse(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Does not look at the body."""
    await send({"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"no"})


async def answered(reader: asyncio.StreamReader) -> None:
    """Reads the refusal."""
    assert (await reader.readuntil(b"\r\n\r\nno")).startswith(b"HTTP/1.1 413 ")


async def test_who_never_ends_a_body_that_was_refused_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may read its answer first; dripping on does not keep the connection."""
    monkeypatch.setattr(protocol, "LINGER_S", 0.2)
    async with served(refuse) as connect:
        reader, writer = await connect()
        writer.write(UPLOAD)
        await answered(reader)

        async def drip() -> None:
            while True:
                writer.write(b"x")
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        assert await asyncio.wait_for(reader.read(), timeout=5) == b""
        dripping.cancel()
        writer.close()


async def test_after_the_rest_of_a_refused_body_the_connection_is_like_any_other() -> None:
    """The next request is answered, and without one it ends in the usual time."""
    async with served(refuse) as connect:
        reader, writer = await connect()
        writer.write(UPLOAD)
        await answered(reader)
        writer.write(b"x" * 1000 + REQUEST)
        await answered(reader)
        writer.write(UPLOAD)
        await answered(reader)
        writer.write(b"x" * 1000)
        assert await asyncio.wait_for(reader.read(), timeout=5) == b""
        writer.close()


async def test_an_answer_whose_client_has_left_ends_though_another_request_waits_behind_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is not sent on, its handler comes to its end, and the log has nothing to say."""
    ended = asyncio.Event()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(100):
            await send({"type": "http.response.body", "body": bytes(PORTION), "more_body": True})
        await send({"type": "http.response.body"})
        ended.set()

    with caplog.at_level(logging.WARNING):
        async with served(app) as connect:
            reader, writer = await connect()
            writer.write(REQUEST + REQUEST)
            await reader.readexactly(100)
            writer.transport.abort()
            await asyncio.wait_for(ended.wait(), timeout=5)
            await asyncio.sleep(0.05)
    assert not caplog.records


async def test_the_head_of_an_answer_and_its_body_are_written_at_one_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """One system call, and the client is woken once."""
    written: list[bytes] = []

    class Watched(Cork):
        def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
            monkeypatch.setattr(transport, "write", written.append)
            monkeypatch.setattr(transport, "writelines", lambda parts: written.append(b"".join(parts)))
            super().__init__(transport, loop)

    monkeypatch.setattr(protocol, "Cork", Watched)
    async with served(refuse) as connect:
        _, writer = await connect()
        writer.write(REQUEST)
        await asyncio.sleep(0.1)
        writer.close()
    assert [content[-6:] for content in written] == [b"\r\n\r\nno"]


async def test_a_head_does_not_wait_for_a_body_that_takes_its_time() -> None:
    """A stream is known to be open before its first event."""
    may_end = asyncio.Event()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await may_end.wait()
        await send({"type": "http.response.body", "body": b"ok"})

    async with served(app) as connect:
        reader, writer = await connect()
        writer.write(REQUEST)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), timeout=5)
        may_end.set()
        assert head.startswith(b"HTTP/1.1 200 ")
        assert await asyncio.wait_for(reader.readexactly(2), timeout=5) == b"ok"
        writer.close()
