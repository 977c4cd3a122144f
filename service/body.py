"""Reading a request's body within limits: so many bytes, so much time, and JSON that means one thing only."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from service.errors import ContentTooLarge, InvalidJSON, MalformedRequest, ReceiveTimeout, UnsupportedMediaType, shown
from service.limits import Limits

JSON = "application/json"
MULTIPART = "multipart/form-data"

SMALL_JSON = 32 * 1024
"""Bytes of JSON that are parsed where they arrive, in about a millisecond at most: no thread needed."""


def media_type(request: Request) -> str:
    """The Content-Type without its parameters, in lower case; empty if there is none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_body(request: Request, *, limit: int, limits: Limits) -> bytes:
    """All bytes of the body. Raises ContentTooLarge at the first byte above the limit, chunked or not."""
    _check_announced(request, limit)
    async with _in_time(limits):
        return b"".join([chunk async for chunk in _chunks(request, limit)])


async def read_json(request: Request, limits: Limits) -> dict[str, Any]:
    """The JSON object in the body."""
    if media_type(request) != JSON:
        raise UnsupportedMediaType(
            f"Content-Type {shown(media_type(request))!r} is not read here", allowed=[JSON], hint=f"send {JSON}"
        )
    return await parse_large_json(await read_body(request, limit=limits.json_bytes, limits=limits), limits)


async def parse_large_json(content: bytes, limits: Limits) -> dict[str, Any]:
    """As `parse_json`; what is large on a thread: sixteen megabytes of pictures would hold the event loop for 50 ms."""
    if len(content) <= SMALL_JSON:
        return parse_json(content, limits)
    return await asyncio.to_thread(parse_json, content, limits)


def parse_json(content: bytes, limits: Limits) -> dict[str, Any]:
    """A JSON object of unique keys and finite numbers, not deeper than the limit."""
    # Counted before they become objects: 16 MiB of [] would be a gigabyte of them.
    items = sum(content.count(mark) for mark in (b",", b"[", b"{"))
    if items > limits.json_items:
        raise InvalidJSON(
            "the body has too many members", limit=limits.json_items, hint="send several requests, or npy"
        )
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise InvalidJSON(f"the body is not valid JSON: {error.msg}", line=error.lineno, column=error.colno) from None
    if not isinstance(value, dict):
        raise InvalidJSON("the body is valid JSON and not an object", hint='send an object, as in {"n": 4}')
    if _deeper_than(value, limits.json_depth):
        raise InvalidJSON(f"the body is nested deeper than {limits.json_depth} levels", limit=limits.json_depth)
    # orjson keeps the last of two equal keys without a word; what another reader saw before us may have been the first.
    json.loads(content, object_pairs_hook=_unique)
    return value


async def read_form(request: Request, limits: Limits) -> tuple[list[bytes], dict[str, str]]:
    """The files of the parts named `image`, and the other parts as text."""
    _check_announced(request, limits.upload_bytes)
    # As it comes, since sixteen megabytes at once would hold the event loop for 50 ms.
    chunks = _chunks(request, limits.upload_bytes)
    parser = MultiPartParser(request.headers, chunks, max_files=limits.files, max_fields=16, max_part_size=1024)
    # Everything stays in memory, where the limit above has bounded it: no temporary file for an upload.
    parser.spool_max_size = limits.upload_bytes + 1
    try:
        async with _in_time(limits):
            form = await parser.parse()
    except MultiPartException as error:
        if error.message.startswith("Too many files"):
            raise ContentTooLarge(f"more than {limits.files} files in one request", limit=limits.files) from None
        raise MalformedRequest(f"the form cannot be parsed: {shown(error.message)}") from None
    except (KeyError, UnicodeDecodeError, ValueError):
        raise MalformedRequest("the form cannot be parsed: no boundary, or a part without a name") from None
    try:
        parts = form.multi_items()
        texts = {name: value for name, value in parts if isinstance(value, str)}
        return [await _file(name, part, limits) for name, part in parts if isinstance(part, UploadFile)], texts
    finally:
        await form.close()


async def _file(name: str, part: UploadFile, limits: Limits) -> bytes:
    if name != "image":
        raise MalformedRequest(f"a file came as {shown(name)!r}", hint="name each file part 'image'")
    if (part.size or 0) > limits.file_bytes:
        raise ContentTooLarge(f"a file has {part.size} bytes", limit=limits.file_bytes)
    content = await part.read()
    # So that each file is work for a turn of its own.
    await asyncio.sleep(0)
    return content


@asynccontextmanager
async def _in_time(limits: Limits) -> AsyncIterator[None]:
    """Raises ReceiveTimeout if what is inside takes longer than a body may."""
    try:
        async with asyncio.timeout(limits.receive_s):
            yield
    except TimeoutError:
        raise ReceiveTimeout(f"the body took longer than {limits.receive_s:g} s", limit=limits.receive_s) from None


def _check_announced(request: Request, limit: int) -> None:
    """Raises UnsupportedMediaType or ContentTooLarge for what the headers say of the body."""
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise UnsupportedMediaType(f"Content-Encoding {shown(encoding)!r} is not read here", hint="send it as it is")
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and (len(announced) > 18 or int(announced) > limit):
        raise _too_large(limit)


async def _chunks(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    """The body as it comes. Raises ContentTooLarge at the first byte above the limit."""
    length = 0
    async for chunk in request.stream():
        length += len(chunk)
        if length > limit:
            raise _too_large(limit)
        yield chunk


def _too_large(limit: int) -> ContentTooLarge:
    return ContentTooLarge(f"the body is larger than {limit} bytes", limit=limit, hint="send several smaller requests")


def _deeper_than(value: Any, limit: int) -> bool:
    layer = [value]
    for _ in range(limit + 1):
        layer = [child for parent in layer for child in _children(parent)]
        if not layer:
            return False
    return True


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidJSON("a key of an object is there twice", hint="send each key once")
    return found
