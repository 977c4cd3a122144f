"""The asynchronous client: the same methods as the blocking one, awaited."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import anyio
import httpx

from latentserve.animation import AsyncAnimation
from latentserve.calls import ModelCalls, ServerCalls
from latentserve.card import Card
from latentserve.connection import RETRIES, TIMEOUT_S, Connection, described_as
from latentserve.errors import ConnectionFailed, LatentserveError
from latentserve.local import IN_PROCESS, AsyncInProcess
from latentserve.messages import Answer, Call, Request
from latentserve.model import Described
from latentserve.raw import Raw, RawMethods
from latentserve.stream import NO_CONTENT, Frame, Stream

Result = TypeVar("Result")
P = ParamSpec("P")


def _of_server(
    build: Callable[Concatenate[ServerCalls, P], Call[Result]],
) -> Callable[Concatenate["AsyncClient", P], Awaitable[Result]]:
    async def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> Result:
        return await self.perform(build(self.calls, *args, **kwargs))

    return described_as(build, method)


def _of_model(
    build: Callable[Concatenate[ModelCalls, P], Call[Result]],
) -> Callable[Concatenate["AsyncModel", P], Awaitable[Result]]:
    async def method(self: "AsyncModel", /, *args: P.args, **kwargs: P.kwargs) -> Result:
        return await self.client.perform(build(self.calls, *args, **kwargs))

    return described_as(build, method)


def _animated(
    build: Callable[Concatenate[ModelCalls, P], Call[Any]],
) -> Callable[Concatenate["AsyncModel", P], Awaitable[AsyncAnimation]]:
    async def method(self: "AsyncModel", /, *args: P.args, **kwargs: P.kwargs) -> AsyncAnimation:
        found = await self.client.perform(build(self.calls, *args, **kwargs))
        return AsyncAnimation(found.frames, found.make, self.client.perform)

    return described_as(build, method)


def _streamed(
    build: Callable[Concatenate[ModelCalls, P], Request],
) -> Callable[Concatenate["AsyncModel", P], AsyncIterator[Frame]]:
    def method(self: "AsyncModel", /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[Frame]:
        return self.client.stream(build(self.calls, *args, **kwargs))

    return described_as(build, method)


class AsyncClient:
    """The twin of `Client`: the same arguments, the same methods, awaited; streams are iterated with `async for`."""

    def __init__(
        self,
        base_url: str | None = None,
        *,
        timeout: float = TIMEOUT_S,  # of each request, as httpx has it
        max_retries: int = RETRIES,
        http_client: httpx.AsyncClient | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self._connection = Connection(base_url, max_retries)
        self._http = http_client or httpx.AsyncClient(timeout=timeout)
        self._progress = progress
        self.calls = ServerCalls()

    @classmethod
    def local(cls, model: str | None = None, *, store: Path | str | None = None, **options: Any) -> Self:
        """The same calls in this process, without a server: of one model, which starts fastest, or of a whole store.

        The service and torch must be installed; it blocks until the models are loaded. Raises NotFound for a name that
        the store does not have.
        """
        transport = AsyncInProcess(model, store)
        return cls(IN_PROCESS, http_client=httpx.AsyncClient(transport=transport, timeout=None), **options)  # noqa: S113  # nothing is sent

    models = _of_server(ServerCalls.models)
    card = _of_server(ServerCalls.card)
    image = _of_server(ServerCalls.image)
    health = _of_server(ServerCalls.health)
    readiness = _of_server(ServerCalls.readiness)
    metrics = _of_server(ServerCalls.metrics)
    problem = _of_server(ServerCalls.problem)
    guide = _of_server(ServerCalls.guide)

    async def model(self, name: str) -> "AsyncModel":
        """The model as it is now, pinned by its digest. Raises NotFound with the nearest name."""
        return AsyncModel(await self.card(name), self)

    @property
    def base_url(self) -> str:
        """Where the server is."""
        return self._connection.base_url

    @property
    def with_raw_response(self) -> RawMethods:
        """The same methods, each giving the answer itself: headers, timing, bytes and `parse()`."""
        return RawMethods(self.calls, self.perform_raw)

    async def perform(self, call: Call[Result]) -> Result:
        """Sends what a call needs and reads the answers."""
        return (await self.perform_raw(call)).parse()

    async def perform_raw(self, call: Call[Result]) -> Raw[Result]:
        """Sends what a call needs."""
        return Raw([answer async for answer in self._answers(call.requests)], call)

    async def stream(self, request: Request) -> AsyncIterator[Frame]:
        """The frames of a stream, resumed after a drop."""
        stream = Stream(request, self.base_url)
        attempts = itertools.count()
        while not stream.done:
            try:
                async for frame in self._frames(stream):
                    attempts = itertools.count()
                    yield frame
                error: LatentserveError = stream.dropped()
            except httpx.TransportError as broken:
                error = self._connection.failed(broken)
            except LatentserveError as refused:
                error = refused
            if not stream.done:
                await anyio.sleep(self._connection.delay_s(error, next(attempts)))

    async def _frames(self, stream: Stream) -> AsyncIterator[Frame]:
        request = self._http.build_request(**self._connection.arguments(stream.request()))
        response = await self._http.send(request, stream=True, follow_redirects=True)
        try:
            if response.is_error or response.status_code == NO_CONTENT:
                await response.aread()
                stream.begin(self._connection.answer(response))
            async for line in response.aiter_lines():
                frame = stream.read(line)
                if frame is not None:
                    yield frame
        finally:
            await response.aclose()

    async def _answers(self, requests: Sequence[Request]) -> AsyncIterator[Answer]:
        for number, request in enumerate(requests, start=1):
            yield await self._send(request)
            if self._progress is not None and len(requests) > 1:
                self._progress(number, len(requests))

    async def _send(self, request: Request) -> Answer:
        for attempt in itertools.count():
            found = self._connection.judged(request, await self._attempt(request), attempt)
            if isinstance(found, Answer):
                return found
            await anyio.sleep(found)
        raise AssertionError("a counter has no end")

    async def _attempt(self, request: Request) -> Answer | ConnectionFailed:
        try:
            built = self._http.build_request(**self._connection.arguments(request))
            return self._connection.answer(await self._http.send(built, follow_redirects=True))
        except httpx.TransportError as error:
            return self._connection.failed(error)

    async def close(self) -> None:
        """Ends the connections; of a local client also the service."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class AsyncModel(Described):
    """One version of one model, pinned by its digest: what a notebook computes today it computes tomorrow."""

    def __init__(self, card: Card, client: AsyncClient) -> None:
        super().__init__(card)
        self.client = client

    sample = _of_model(ModelCalls.sample)
    sheet = _of_model(ModelCalls.sheet)
    latents = _of_model(ModelCalls.latents)
    encode = _of_model(ModelCalls.encode)
    decode = _of_model(ModelCalls.decode)
    decode_sheet = _of_model(ModelCalls.decode_sheet)
    image = _of_model(ModelCalls.image)
    interpolate = _animated(ModelCalls.interpolate)
    interpolation = _of_model(ModelCalls.interpolation)
    stream_interpolation = _streamed(ModelCalls.stream_interpolation)
    reconstruct = _of_model(ModelCalls.reconstruct)
    reconstruction_pairs = _of_model(ModelCalls.reconstruction_pairs)
    score = _of_model(ModelCalls.score)
    log_prior = _of_model(ModelCalls.log_prior)
    manifold = _of_model(ModelCalls.manifold)
    traverse = _of_model(ModelCalls.traverse)
    tile = _of_model(ModelCalls.tile)
    stages = _of_model(ModelCalls.stages)

    @property
    def with_raw_response(self) -> RawMethods:
        """The same methods, each giving the answer itself: headers, timing, bytes and `parse()`."""
        return RawMethods(self.calls, self.client.perform_raw)
