"""Clients that leave before their answer."""

import asyncio
import logging
from typing import Any, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger("latentserve")

PATIENCE_S = 0.005
"""A client that leaves is noticed after this time at the earliest."""


class Departure:
    """Cancels the handler when its client disconnects, so that the rows leave the queue."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        channel = _Channel(receive, send, bodiless=scope["method"] == "GET")
        watch = _Watch(channel)
        try:
            await self.app(scope, channel.receive, channel.send)
        except asyncio.CancelledError:
            if not watch.has_cancelled():
                raise
            logger.info("client gone request_id=%s", scope["state"]["id"])
        finally:
            watch.end()


class _Watch:
    """Cancels the task that made it as soon as its client has gone, unless the answer has by then."""

    def __init__(self, channel: "_Channel") -> None:
        self._channel = channel
        self._task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._watcher: asyncio.Task[None] | None = None
        self._cancelled = False
        # Most answers are quicker: a task for each of them would cost more than it ever saves.
        self._timer = asyncio.get_running_loop().call_later(PATIENCE_S, self._begin)

    def has_cancelled(self) -> bool:
        """Whether it was this that cancelled the task; if so it is cancelled no longer."""
        if self._cancelled:
            self._task.uncancel()
        return self._cancelled

    def end(self) -> None:
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()

    def _begin(self) -> None:
        self._watcher = asyncio.ensure_future(self._channel.left())
        self._watcher.add_done_callback(self._left)

    def _left(self, watcher: "asyncio.Task[None]") -> None:
        if not watcher.cancelled() and not self._channel.answered and not self._task.done():
            self._cancelled = True
            self._task.cancel()


class _Channel:
    """Hands messages to the app until the body is complete; only then may anyone else read."""

    def __init__(self, receive: Receive, send: Send, *, bodiless: bool) -> None:
        self._receive = receive
        self._send = send
        self.answered = False
        self._complete = asyncio.Event()
        if bodiless:
            self._complete.set()

    async def receive(self) -> Message:
        message = await self._receive()
        if not message.get("more_body"):
            self._complete.set()
        return message

    async def send(self, message: Message) -> None:
        # Before it is sent: the server reports a disconnect as soon as the answer is complete.
        self.answered = message["type"] == "http.response.body" and not message.get("more_body")
        await self._send(message)

    async def left(self) -> None:
        """Returns when the client has gone."""
        await self._complete.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
