"""The blocking client."""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx

from latentserve.animation import Animation
from latentserve.calls import ModelCalls, ServerCalls
from latentserve.card import Card
from latentserve.connection import RETRIES, TIMEOUT_S, Connection, described_as
from latentserve.errors import ConnectionFailed, LatentserveError
from latentserve.local import IN_PROCESS, InProcess
from latentserve.messages import Answer, Call, Request
from latentserve.model import Described
from latentserve.raw import Raw, RawMethods
from latentserve.stream import NO_CONTENT, Frame, Stream

Result = TypeVar("Result")
P = ParamSpec("P")


def _of_server(
    build: Callable[Concatenate[ServerCalls, P], Call[Result]],
) -> Callable[Concatenate["Client", P], Result]:
    def method(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> Result:
        return self.perform(build(self.calls, *args, **kwargs))

    return described_as(build, method)


def _of_model(build: Callable[Concatenate[ModelCalls, P], Call[Result]]) -> Callable[Concatenate["Model", P], Result]:
    def method(self: "Model", /, *args: P.args, **kwargs: P.kwargs) -> Result:
        return self.client.perform(build(self.calls, *args, **kwargs))

    return described_as(build, method)


def _animated(
    build: Callable[Concatenate[ModelCalls, P], Call[Any]],
) -> Callable[Concatenate["Model", P], Animation]:
    def method(self: "Model", /, *args: P.args, **kwargs: P.kwargs) -> Animation:
        found = self.client.perform(build(self.calls, *args, **kwargs))
        return Animation(found.frames, found.make, self.client.perform)

    return described_as(build, method)


def _streamed(
    build: Callable[Concatenate[ModelCalls, P], Request],
) -> Callable[Concatenate["Model", P], Iterator[Frame]]:
    def method(self: "Model", /, *args: P.args, **kwargs: P.kwargs) -> Iterator[Frame]:
        return self.client.stream(build(self.calls, *args, **kwargs))

    return described_as(build, method)


class Client:
    """Speaks to one server: `base_url`, else the variable LATENTSERVE_URL, else http://127.0.0.1:8000.

    `timeout` is in seconds. A full queue, a starting server and a broken connection are tried again, `max_retries`
    times. `http_client` is an httpx.Client of your own, for proxies or credentials. `progress(done, total)` is called
    after each request of a call that needs several.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        timeout: float = TIMEOUT_S,
        max_retries: int = RETRIES,
        http_client: httpx.Client | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self._connection = Connection(base_url, max_retries)
        self._http = http_client or httpx.Client(timeout=timeout)
        self._progress = progress
        self.calls = ServerCalls()

    @classmethod
    def local(cls, model: str | None = None, *, store: Path | str | None = None, **options: Any) -> Self:
        """The same calls in this process, without a server: of one model, which starts fastest, or of a whole store.

        The service and torch must be installed. Errors speak of the models that were loaded, so of one alone if one is
        named. Raises NotFound for a name that the store does not have.
        """
        transport = InProcess(model, store)
        return cls(IN_PROCESS, http_client=httpx.Client(transport=transport, timeout=None), **options)  # noqa: S113  # nothing is sent

    models = _of_server(ServerCalls.models)
    card = _of_server(ServerCalls.card)
    image = _of_server(ServerCalls.image)
    health = _of_server(ServerCalls.health)
    readiness = _of_server(ServerCalls.readiness)
    metrics = _of_server(ServerCalls.metrics)
    problem = _of_server(ServerCalls.problem)
    guide = _of_server(ServerCalls.guide)

    def model(self, name: str) -> "Model":
        """The model as it is now, pinned by its digest. Raises NotFound with the nearest name."""
        return Model(self.card(name), self)

    @property
    def base_url(self) -> str:
        """Where the server is."""
        return self._connection.base_url

    @property
    def with_raw_response(self) -> RawMethods:
        """The same methods, each giving the answer itself: headers, timing, bytes and `parse()`."""
        return RawMethods(self.calls, self.perform_raw)

    def perform(self, call: Call[Result]) -> Result:
        """Sends what a call needs and reads the answers."""
        return self.perform_raw(call).parse()

    def perform_raw(self, call: Call[Result]) -> Raw[Result]:
        """Sends what a call needs."""
        return Raw(list(self._answers(call.requests)), call)

    def stream(self, request: Request) -> Iterator[Frame]:
        """The frames of a stream, resumed after a drop."""
        stream = Stream(request, self.base_url)
        attempts = itertools.count()
        while not stream.done:
            try:
                for frame in self._frames(stream):
                    attempts = itertools.count()
                    yield frame
                error: LatentserveError = stream.dropped()
            except httpx.TransportError as broken:
                error = self._connection.failed(broken)
            except LatentserveError as refused:
                error = refused
            if not stream.done:
                time.sleep(self._connection.delay_s(error, next(attempts)))

    def _frames(self, stream: Stream) -> Iterator[Frame]:
        request = self._http.build_request(**self._connection.arguments(stream.request()))
        response = self._http.send(request, stream=True, follow_redirects=True)
        try:
            if response.is_error or response.status_code == NO_CONTENT:
                response.read()
                stream.begin(self._connection.answer(response))
            for line in response.iter_lines():
                frame = stream.read(line)
                if frame is not None:
                    yield frame
        finally:
            response.close()

    def _answers(self, requests: Sequence[Request]) -> Iterator[Answer]:
        for number, request in enumerate(requests, start=1):
            yield self._send(request)
            if self._progress is not None and len(requests) > 1:
                self._progress(number, len(requests))

    def _send(self, request: Request) -> Answer:
        for attempt in itertools.count():
            found = self._connection.judged(request, self._attempt(request), attempt)
            if isinstance(found, Answer):
                return found
            time.sleep(found)
        raise AssertionError("a counter has no end")

    def _attempt(self, request: Request) -> Answer | ConnectionFailed:
        try:
            built = self._http.build_request(**self._connection.arguments(request))
            return self._connection.answer(self._http.send(built, follow_redirects=True))
        except httpx.TransportError as error:
            return self._connection.failed(error)

    def close(self) -> None:
        """Ends the connections; of a local client also the service."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Model(Described):
    """One version of one model, pinned by its digest: what a notebook computes today it computes tomorrow."""

    def __init__(self, card: Card, client: Client) -> None:
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
