"""What wraps every answer, as plain ASGI: request id, common headers, HEAD, metrics, faults, clients that leave."""

import asyncio
import logging
import re
import secrets
import time
from ipaddress import IPv6Address, ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import InternalError
from service.problems import problem
from service.telemetry import Telemetry
from service.work import begin_work

logger = logging.getLogger("latentserve")

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
CLIENT_GONE = 499
"""For logs and metrics only: nobody is there to read it."""
EXPOSED = (
    "Content-Disposition, Content-Language, Content-Location, ETag, Latent-Seed, Link, Model-Version, Retry-After, "
    "Server-Timing, X-Request-Id"
)

PREFLIGHT = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, POST",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Max-Age": "86400",
}
"""What a browser wants to hear before another page's script may send JSON."""


class Envelope:
    """Gives the request its id, counts its answer, and puts the headers on it that all answers have."""

    def __init__(self, app: ASGIApp, *, telemetry: Telemetry) -> None:
        self.app = app
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        wanted = Headers(scope=scope).get("x-request-id", "")
        request_id = wanted if REQUEST_ID.fullmatch(wanted) else secrets.token_hex(8)
        scope.setdefault("state", {})["id"] = request_id
        work = begin_work(_client(scope))
        head, status = scope["method"] == "HEAD", CLIENT_GONE
        scope["state"]["head"] = head

        async def send_wrapped(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Server-Timing"] = work.server_timing()
                if scope["method"] in ("GET", "POST"):
                    _share(headers)
            elif head:
                message = {**message, "body": b""}
            await send(message)

        # A part of a page or a picture is of no use, and the framework's refusals of odd ranges are none of ours.
        scope["headers"] = [(name, value) for name, value in scope["headers"] if name != b"range"]
        if scope["method"] == "OPTIONS" and "access-control-request-method" in Headers(scope=scope):
            await Response(None, 204, PREFLIGHT)(scope, receive, send_wrapped)
            return
        if head:
            # Every GET can be asked for its headers alone; only streams need to know.
            scope["method"] = "GET"
        await self.app(scope, receive, send_wrapped)
        self._telemetry.answered(_template(scope), status, time.perf_counter() - started)


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


class Departure:
    """Cancels the handler when its client disconnects, so that the rows leave the queue."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        channel = _Channel(receive, send, bodiless=scope["method"] == "GET")
        handler = asyncio.ensure_future(self.app(scope, channel.receive, channel.send))
        watcher = asyncio.ensure_future(channel.left())
        try:
            await asyncio.wait({handler, watcher}, return_when=asyncio.FIRST_COMPLETED)
            if not handler.done() and not channel.answered:
                handler.cancel()
            await asyncio.wait({handler})
        finally:
            # If it was this task that was cancelled, nobody else will stop these two.
            watcher.cancel()
            handler.cancel()
        if handler.cancelled():
            logger.info("client gone request_id=%s", scope["state"]["id"])
        else:
            handler.result()


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


def _share(headers: MutableHeaders) -> None:
    """Any page may show our pictures and, as our elements do there, score its own: nobody is logged in here."""
    headers["Access-Control-Allow-Origin"] = "*"
    headers["Access-Control-Expose-Headers"] = EXPOSED
    headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    headers["Timing-Allow-Origin"] = "*"


def _client(scope: Scope) -> str:
    """The address that a request comes from: of IPv6 the network, for the rest is the client's own to choose."""
    try:
        address = ip_address((scope.get("client") or ("",))[0])
    except ValueError:
        # A proxy may say anything.
        return ""
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))
    return str(address)


def _template(scope: Scope) -> str:
    """The route's own path: a label from a closed set, whatever clients ask for."""
    return str(getattr(scope.get("route"), "path", "none"))
