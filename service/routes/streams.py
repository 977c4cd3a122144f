"""Streams: events one after the other, as server-sent events for browsers or as JSON lines for scripts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event

from service.errors import InvalidParameter, ServiceError, shown
from service.problems import problem
from service.routes.exchange import to_json
from service.routes.target import MEDIA_TYPES

Form = Literal["sse", "jsonl"]
FORMS: tuple[Form, ...] = ("sse", "jsonl")
HEARTBEAT_S = 15.0
"""Proxies hang up after a minute or so without a byte."""
RETRY_S = 1
"""Until a browser connects again, if an error does not say it."""
HEADERS = {
    "Cache-Control": "no-store",
    "Vary": "Accept",
    # nginx would hold events back until it has a page of them.
    "X-Accel-Buffering": "no",
}


@dataclass(frozen=True)
class Event:
    """Something that a client is told; `number` is what it names in Last-Event-ID when it comes back."""

    name: str
    content: Mapping[str, Any]
    number: int | None = None
    retry_ms: int | None = None


def resume_after(request: Request, count: int) -> int:
    """How many of `count` events a client that comes back has. Raises InvalidParameter."""
    last = request.headers.get("last-event-id", "").strip()
    if not last:
        return 0
    if not (last.isascii() and last.isdigit() and len(last) < 10 and int(last) < count):
        detail = f"Last-Event-ID {shown(last)!r} is no frame of this path"
        raise InvalidParameter(detail, allowed=f"0 to {count - 1}", hint="leave it out to begin anew")
    return int(last) + 1


def finished() -> Response:
    """To a client that has everything: 204 tells a browser's EventSource not to come back."""
    return Response(status_code=204, headers=HEADERS)


def stream(events: AsyncIterator[Event], form: Form, request: Request, headers: Mapping[str, str]) -> Response:
    """The answer that sends events as they come; an error on the way is the last of them, named `problem`."""
    if request.state.head:
        # Nobody would see the events that are made.
        return Response(None, 200, {**headers, **HEADERS}, MEDIA_TYPES[form])
    write: Callable[[Event], bytes] = _sse if form == "sse" else _line
    parts = _written(events, write, request)
    if form == "sse":
        parts = _with_heartbeat(parts)
    return StreamingResponse(parts, 200, {**headers, **HEADERS}, MEDIA_TYPES[form])


async def _written(
    events: AsyncIterator[Event], write: Callable[[Event], bytes], request: Request
) -> AsyncIterator[bytes]:
    try:
        async for event in events:
            yield write(event)
    except ServiceError as error:
        answer = problem(error, request.state.id, request.headers.get("accept-language", ""))
        content = orjson.loads(answer.body)
        yield write(Event("problem", content, retry_ms=1000 * error.facts.get("retry_after", RETRY_S)))


async def _with_heartbeat(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A comment whenever nothing was said for a while."""
    while True:
        coming = asyncio.ensure_future(anext(parts, None))
        try:
            while not (await asyncio.wait({coming}, timeout=HEARTBEAT_S))[0]:
                yield KEEPALIVE_COMMENT
            part = coming.result()
        finally:
            # A client that left takes the work with it.
            coming.cancel()
        if part is None:
            return
        yield part


def _sse(event: Event) -> bytes:
    number = None if event.number is None else str(event.number)
    data = to_json(event.content).decode()
    return format_sse_event(data_str=data, event=event.name, id=number, retry=event.retry_ms)


def _line(event: Event) -> bytes:
    return to_json({"event": event.name, **event.content}) + b"\n"
