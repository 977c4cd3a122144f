"""Clients that leave before their answer."""

import asyncio
import logging
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

logger = logging.getLogger("latentserve")

PRESENCE = "presence"
"""Under that name the state of a request has the presence of its client, if the server tells of it."""


class Presence:
    """Whether the client of a connection is there: with it goes the task that works for it."""

    def __init__(self) -> None:
        self.work: asyncio.Task[Any] | None = None
        self._left = False

    def has_left(self) -> bool:
        """Whether nobody is there to read an answer."""
        return self._left

    def leave(self) -> None:
        """The connection is lost."""
        self._left = True
        if self.work is not None:
            self.work.cancel()


class Departure:
    """Cancels the handler when its client leaves, so that the rows leave the queue.

    ASGI itself would tell it only to whoever reads for it: a task more for each request.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        presence: Presence | None = scope["state"].get(PRESENCE)
        task = asyncio.current_task()
        if presence is None or task is None:
            await self.app(scope, receive, send)
            return
        if presence.has_left():
            return
        presence.work = task
        try:
            await self.app(scope, receive, send)
        except asyncio.CancelledError:
            if not presence.has_left():
                raise
            task.uncancel()
            logger.info("client gone request_id=%s", scope["state"]["id"])
        finally:
            presence.work = None
