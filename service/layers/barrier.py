"""Faults that nobody caught."""

import logging

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import InternalError
from service.problems import problem

logger = logging.getLogger("latentserve")


class FaultBarrier:
    """Turns what nobody caught into a 500 that tells nothing but the request's id, and keeps the connection."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = False

        async def send_watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, send_watched)
        except ClientDisconnect:
            logger.info("client gone while sending its body request_id=%s", scope["state"]["id"])
        except Exception:
            request_id = scope["state"]["id"]
            logger.exception("fault request_id=%s", request_id)
            if begun:
                raise
            error = InternalError("a fault of the service; its log has more under this request id")
            accept_language = Headers(scope=scope).get("accept-language", "")
            await problem(error, request_id, accept_language)(scope, receive, send)
