"""Request id, common headers, HEAD, and the count of answers."""

import re
import time
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from random import getrandbits

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.telemetry import Telemetry
from service.work import begin_work

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
CLIENT_GONE = 499
"""For logs and metrics only: nobody is there to read it."""
PORTION = 256 * 1024
"""Bytes of a body that are given to the server at once."""
EXPOSED = (
    "Content-Disposition, Content-Language, Content-Location, ETag, Latent-Seed, Link, Model-Version, Retry-After, "
    "Server-Timing, X-Request-Id"
)
OURS = ((b"x-content-type-options", b"nosniff"),)
OURS_AND_SHARED = (
    *OURS,
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", EXPOSED.encode()),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"timing-allow-origin", b"*"),
)
"""Any page may show our pictures and, as our elements do there, score its own: nobody is logged in here."""
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
        method = scope["method"]
        request_id = _prepared(scope)
        work = begin_work(client_of((scope.get("client") or ("",))[0]))
        head, status, seconds = method == "HEAD", CLIENT_GONE, 0.0
        common = OURS_AND_SHARED if method in ("GET", "HEAD", "POST") else OURS

        async def send_wrapped(message: Message) -> None:
            nonlocal status, seconds
            if message["type"] == "http.response.start":
                status = message["status"]
                own = (b"x-request-id", request_id.encode()), (b"server-timing", work.server_timing().encode())
                message = {**message, "headers": [*message["headers"], *own, *common]}
            elif head:
                message = {**message, "body": b""}
            # Until the last of it is made: how fast it is taken is its client's affair.
            seconds = time.perf_counter() - started
            await _send_in_portions(message, send)

        if method == "OPTIONS" and "access-control-request-method" in Headers(scope=scope):
            await Response(None, 204, PREFLIGHT)(scope, receive, send_wrapped)
            return
        scope["state"]["head"] = head
        if head:
            # Every GET can be asked for its headers alone. Only streams need to know, and the server, hence the copy.
            scope = {**scope, "method": "GET"}
        await self.app(scope, receive, send_wrapped)
        self._telemetry.answered(_template(scope), status, seconds or time.perf_counter() - started, work)


async def _send_in_portions(message: Message, send: Send) -> None:
    """Each when the one before has left: a server would copy all that its client does not take at once."""
    body = message.get("body", b"")
    if len(body) <= PORTION:
        await send(message)
        return
    for start in range(0, len(body), PORTION):
        more = start + PORTION < len(body) or message.get("more_body", False)
        await send({**message, "body": body[start : start + PORTION], "more_body": more})


def _prepared(scope: Scope) -> str:
    """The request's id, which its state keeps from here on; headers that nothing may see are taken out."""
    headers = scope["headers"]
    request_id = given_id(headers) or new_id()
    if any(name == b"range" for name, _ in headers):
        # A part of a page or a picture is of no use, and the framework's refusals of odd ranges are none of ours.
        scope["headers"] = [field for field in headers if field[0] != b"range"]
    scope.setdefault("state", {})["id"] = request_id
    return request_id


def given_id(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The id that the client has given its request, if it has, and if it is one."""
    for name, value in headers:
        if name == b"x-request-id" and REQUEST_ID.fullmatch(value):
            return value.decode()
    return None


def new_id() -> str:
    """For a request that has none."""
    return f"{getrandbits(64):016x}"


@lru_cache(maxsize=4096)
def client_of(host: str) -> str:
    """The address that a request comes from: of IPv6 the network, for the rest is the client's own to choose."""
    try:
        address = ip_address(host)
    except ValueError:
        # A proxy may say anything.
        return ""
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))
    return str(address)


def _template(scope: Scope) -> str:
    """The route's own path: a label from a closed set, whatever clients ask for."""
    return str(getattr(scope.get("route"), "path", "none"))
