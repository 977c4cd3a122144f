"""A file that is being made for an errand: the batcher's answer goes here, and from here to the client."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from numpy.typing import NDArray

from service.engine.engine import Engine
from service.engine.executor import ArrayRequest
from service.errors import DeadlineExceeded, InternalError, ServiceError
from service.express.errand import Errand
from service.express.picture import Picture
from service.express.together import Together
from service.layers.envelope import CLIENT_GONE
from service.media.pool import FEW_PIXELS, MediaPool
from service.problems import problem
from service.shelf import Address, Answer, Shelf, lines_of
from service.telemetry import Telemetry

logger = logging.getLogger("latentserve")


@dataclass(frozen=True)
class Tools:
    """What pictures are made with, and remembered."""

    engine: Engine
    pool: MediaPool
    shelf: Shelf
    telemetry: Telemetry
    placing: "Together[Order]" = field(default_factory=lambda: Together(Order.place, give_up=Order.break_off))
    finishing: "Together[Order]" = field(
        default_factory=lambda: Together(Order.encode, Order.answer, give_up=Order.break_off)
    )


class Order:
    """Ends once: with the picture, with an error, or because its client leaves."""

    def __init__(self, picture: Picture, errand: Errand, address: Address, tools: Tools) -> None:
        self._picture = picture
        self._errand = errand
        self._address = address
        self._tools = tools
        self._making = tools.shelf.begin(picture.etag)
        self._request: ArrayRequest | None = None
        self._results: list[NDArray[Any]] = []
        self._content: bytes | None = None
        self._encoding: asyncio.Task[bytes] | None = None
        """Of a file that takes too long to be made between two requests."""
        self._done = False

    def begin(self) -> None:
        """From now on the errand waits for it."""
        self._errand.pending = self
        self._tools.placing.add(self)

    # What is done at the end of this turn, unless the client has gone already.

    def place(self) -> None:
        """Into the queue; if there is no room the answer says so."""
        picture, errand = self._picture, self._errand
        if errand.pending is not self:
            return
        try:
            self._request = self._tools.engine.order(
                picture.kind.model,
                picture.draws,
                self,
                temperature=picture.kind.options.temperature,
                client=errand.work.client,
            )
        except Exception as error:  # noqa: BLE001  # somebody may wait for the file already: it has to be answered here
            self._refuse(error)

    # What the batcher expects of an answer.

    def done(self) -> bool:
        return self._done

    def set_result(self, results: list[NDArray[Any]], /) -> None:
        """The levels (H, W, C) of each image."""
        self._done = True
        self._results = results
        self._tools.finishing.add(self)

    def set_exception(self, error: Exception, /) -> None:
        self._release()
        if isinstance(error, DeadlineExceeded):
            self._tools.telemetry.request_refused("deadline")
        self._refuse(error)

    def abandon(self) -> None:
        """The client has gone."""
        if self._encoding is not None:
            self._encoding.cancel()
        else:
            self._tools.telemetry.request_refused("cancelled")
        self._release()
        self._errand.pending = None
        self._making.give_up()
        self._errand.count(self._picture.kind.route, CLIENT_GONE)
        logger.info("client gone request_id=%s", self._errand.request_id)

    def break_off(self) -> None:
        """After a fault: nobody knows how much of the answer has left, so the connection ends."""
        self._release()
        self._errand.pending = None
        self._making.give_up()
        self._errand.hang_up()

    def _release(self) -> None:
        self._done = True
        request, self._request = self._request, None
        # They know one another: let go of, neither has to wait for the collector.
        if request is not None:
            self._tools.engine.release(request)
            self._errand.work.queue_s, self._errand.work.model_s = request.queue_s, request.run_s

    # What is done at the end of the turn in which the images have come, unless the client has gone.

    def encode(self) -> None:
        """Few pixels at once, many beside the event loop."""
        if self._errand.pending is not self:
            return
        self._release()
        kind, results, started = self._picture.kind, self._results, time.perf_counter()
        make = partial(kind.file, results, self._picture.recipe)
        pixels = kind.pixels(len(results))
        if pixels > FEW_PIXELS:
            self._encoding = asyncio.ensure_future(self._tools.pool.run(make, pixels=pixels))
            self._encoding.add_done_callback(partial(self._encoded, started))
        else:
            self._take(make, started)

    def answer(self) -> None:
        """With the file, if it is made."""
        content, picture = self._content, self._picture
        if content is None or self._errand.pending is not self:
            return
        self._errand.pending = None
        self._making.keep(content, cheap=len(self._results) == 1 and self._encoding is None)
        self._tools.telemetry.file_given("made")
        answer = Answer(picture.etag, picture.lines(len(content)), picture.kind.route)
        self._tools.shelf.remember(self._address, answer)
        self._errand.answer(picture.kind.route, 200, answer.lines, content)

    def _encoded(self, started: float, encoding: "asyncio.Task[bytes]") -> None:
        if self._errand.pending is self:
            self._take(encoding.result, started)
            self.answer()

    def _take(self, content_of: Callable[[], bytes], started: float) -> None:
        try:
            self._content = content_of()
            self._errand.work.encode_s = time.perf_counter() - started
        except Exception as error:  # noqa: BLE001  # the other files of this turn have answers to come
            self._refuse(error)

    def _refuse(self, error: Exception) -> None:
        self._errand.pending = None
        self._making.fail(error)
        if not isinstance(error, ServiceError):
            logger.error("fault request_id=%s", self._errand.request_id, exc_info=error)
            error = InternalError("a fault of the service; its log has more under this request id")
        response = problem(error, self._errand.request_id, self._errand.head.accept_language)
        lines = lines_of(response.raw_headers)
        self._errand.answer(self._picture.kind.route, response.status_code, lines, bytes(response.body))
