"""One request about one model: what its handler needs, and how its answers are labelled, cached and pinned."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any

import orjson
from fastapi import Depends, Path, Request, Response
from fastapi.responses import RedirectResponse

from service.engine.engine import Engine
from service.errors import ModelLoading
from service.limits import Limits
from service.media.negotiation import negotiate
from service.media.pool import MediaPool
from service.routes.seeds import fresh_seed
from service.routes.target import MEDIA_TYPES, Recipe, Target
from service.shelf import Answer, Shelf, address_of, lines_of, matches

UNCACHED = {"Cache-Control": "no-store", "Vary": "Accept"}
"""Answers to a POST: Accept has decided their form."""
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
ROWS_AT_ONCE = 64
"""Of a list in JSON: with two thousand numbers a row, a few milliseconds."""
EXTENSIONS = {
    "image/png": "png",
    "image/webp": "webp",
    "application/json": "json",
    "application/x-npy": "npy",
    "application/zip": "zip",
    "image/apng": "apng",
    "image/gif": "gif",
    "text/event-stream": "sse",
    "application/jsonl": "jsonl",
}


def engine_of(request: Request) -> Engine:
    """The engine of this app. Raises ModelLoading until it has started."""
    engine: Engine | None = getattr(request.app.state, "engine", None)
    if engine is None:
        raise ModelLoading("the models are loading", retry_after=1)
    return engine


@dataclass(frozen=True, kw_only=True)
class Exchange(Target):
    """The request, what its address means, and the tools to answer it."""

    request: Request
    engine: Engine
    limits: Limits
    pool: MediaPool
    shelf: Shelf

    def require(self, capability: str) -> None:
        """Refuses before the body is read what the model cannot do."""
        self.engine.catalog.require(self.model, capability)

    def accepted(self, *offered: str) -> str:
        """The offered extension that the Accept header wants most."""
        media = negotiate(self.request.headers.get("accept", "*/*"), [MEDIA_TYPES[name] for name in offered])
        return EXTENSIONS[media]

    async def conditional(
        self,
        recipe: Recipe,
        extension: str,
        stem: str,
        make: Callable[[], Awaitable[bytes]],
        more: Mapping[str, str] = NO_HEADERS,
    ) -> Response:
        """Answers a GET; the ETag is known before anything is computed, so a 304 costs nothing."""
        headers = {**self.cache_headers(recipe, extension), **more}
        etag = headers["ETag"]
        if matches(self.request.headers.get("if-none-match", ""), etag):
            return Response(status_code=304, headers=headers)
        scope, content = self.request.scope, await self.shelf.file(etag, make)
        response = self.answer(content, extension, stem, headers)
        # Only what the address alone decides: without an extension it was the Accept header.
        if str(scope["path"]).endswith(f".{extension}"):
            answer = Answer(etag, lines_of(response.raw_headers), scope["route"].path)
            self.shelf.remember(address_of(scope), answer)
        return response

    def answer(self, content: bytes, extension: str, stem: str, headers: Mapping[str, str] = UNCACHED) -> Response:
        """The content as a file with a name, from this version of the model."""
        named = {**self.file_headers(extension, stem), **headers}
        return Response(content, 200, named, MEDIA_TYPES[extension])

    def random_seed(self) -> Response:
        """To the same address with a seed drawn here in the place of `random`."""
        # As the router matched it; the path of `request.url` is quoted once already, in part.
        path = re.sub(r"/random(\.[^/]+)$", rf"/{fresh_seed()}\1", str(self.request.scope["path"]))
        return RedirectResponse(self.with_query(path), 302, {"Cache-Control": "no-store"})


# A plain function FastAPI would call on a thread, and the hop there and back costs more than all of its work.
async def _engine(request: Request) -> Engine:
    return engine_of(request)


async def _exchange(
    request: Request,
    m: Annotated[
        str,
        Path(
            description="name of a model, or name@digest with at least 8 hex digits for one version for ever",
            examples=["fashion-vae"],
        ),
    ],
) -> Exchange:
    return about(request, m)


async def _shortest(request: Request) -> Exchange:
    return about_default(request)


def about(request: Request, m: str) -> Exchange:
    """The exchange of an address `/v1/models/{m}/…`. Raises ModelNotFound and its kin."""
    return _about(request, m, str(request.scope["path"]).removeprefix(f"/v1/models/{m}/"))


def about_default(request: Request) -> Exchange:
    """An address without a model means the samples of the default one."""
    return _about(request, engine_of(request).catalog.default, "samples" + str(request.scope["path"]))


def _about(request: Request, reference: str, place: str) -> Exchange:
    engine, state = engine_of(request), request.app.state
    return Exchange(
        request=request,
        reference=reference,
        place=place,
        query=request.scope["query_string"].decode("latin-1"),
        model=engine.catalog.find(reference),
        engine=engine,
        limits=state.limits,
        pool=state.pool,
        shelf=state.shelf,
    )


EngineDep = Annotated[Engine, Depends(_engine)]
ExchangeDep = Annotated[Exchange, Depends(_exchange)]
ShortestDep = Annotated[Exchange, Depends(_shortest)]


def to_json(content: Any) -> bytes:
    """JSON in UTF-8; numpy's float32 keep just the digits that they have."""
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)


async def list_to_json(data: Sequence[Any], head: Mapping[str, Any] = NO_HEADERS) -> bytes:
    """The head's members and then `data`, written a few rows at a time, so that nobody waits for a million numbers."""
    parts = [to_json({**head, "data": []})[: -len(b"]}")]]
    for start in range(0, len(data), ROWS_AT_ONCE):
        parts += [b"," if start else b"", to_json(data[start : start + ROWS_AT_ONCE])[1:-1]]
        await asyncio.sleep(0)
    content = b"".join([*parts, b"]}"])
    # Ten megabytes in new memory are work for one turn.
    await asyncio.sleep(0)
    return content


def label_of(seeds: Sequence[int]) -> str:
    """How a file of these seeds is called."""
    return f"seed{seeds[0]}" if len(seeds) == 1 else f"seeds{seeds[0]}-and-{len(seeds) - 1}-more"
