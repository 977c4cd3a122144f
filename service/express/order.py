"""A picture that is being made for an errand: the batcher's answer goes here, and from here to the client."""

import logging
import time
from typing import Any

from numpy.typing import NDArray

from models_store.pixels import Bytes
from service.engine.engine import Engine
from service.engine.executor import ArrayRequest
from service.errors import DeadlineExceeded, InternalError, ServiceError
from service.express.errand import Errand
from service.express.picture import Picture
from service.layers.envelope import CLIENT_GONE
from service.media.png import encode_png
from service.media.tiles import tiles
from service.problems import problem
from service.shelf import Address, Answer, Shelf, lines_of
from service.telemetry import Telemetry

logger = logging.getLogger("latentserve")


class Order:
    """Ends once: with the picture, with an error, or because its client leaves."""

    def __init__(
        self, picture: Picture, errand: Errand, address: Address, engine: Engine, shelf: Shelf, telemetry: Telemetry
    ) -> None:
        self._picture = picture
        self._errand = errand
        self._address = address
        self._engine = engine
        self._shelf = shelf
        self._telemetry = telemetry
        self._making = shelf.begin(picture.etag)
        self._request: ArrayRequest | None = None
        self._done = False

    def place(self) -> None:
        """Into the queue; if there is no room the answer says so."""
        picture = self._picture
        try:
            self._request = self._engine.order(
                picture.target.model,
                picture.draw,
                self,
                temperature=picture.options.temperature,
                client=self._errand.work.client,
            )
        except ServiceError as error:
            self._refuse(error)
        else:
            self._errand.pending = self

    # What the batcher expects of an answer.

    def done(self) -> bool:
        return self._done

    def set_result(self, results: list[NDArray[Any]], /) -> None:
        """The levels (H, W, C) of the one picture."""
        self._end()
        try:
            content = self._encoded(results[0])
        except Exception as error:  # noqa: BLE001  # the other rows of the batch have answers to come
            self._refuse(error)
            return
        self._making.keep(content)
        self._telemetry.file_given("made")
        picture = self._picture
        answer = Answer(picture.etag, content, picture.lines(len(content)), picture.route)
        self._shelf.remember(self._address, answer)
        self._errand.answer(picture.route, 200, answer.lines, content)

    def set_exception(self, error: Exception, /) -> None:
        self._end()
        if isinstance(error, DeadlineExceeded):
            self._telemetry.request_refused("deadline")
        self._refuse(error)

    def abandon(self) -> None:
        """The client has gone."""
        self._end()
        self._making.give_up()
        self._telemetry.request_refused("cancelled")
        self._errand.count(self._picture.route, CLIENT_GONE)
        logger.info("client gone request_id=%s", self._errand.request_id)

    def _end(self) -> None:
        self._done = True
        self._errand.pending = None
        request, self._request = self._request, None
        # They know one another: let go of, neither has to wait for the collector.
        if request is not None:
            self._engine.release(request)
            self._errand.work.queue_s, self._errand.work.model_s = request.queue_s, request.run_s

    def _encoded(self, levels: Bytes) -> bytes:
        started = time.perf_counter()
        content = encode_png(tiles(levels[None], size=self._picture.options.size)[0], self._picture.recipe)
        self._errand.work.encode_s = time.perf_counter() - started
        return content

    def _refuse(self, error: Exception) -> None:
        self._making.fail(error)
        if not isinstance(error, ServiceError):
            logger.error("fault request_id=%s", self._errand.request_id, exc_info=error)
            error = InternalError("a fault of the service; its log has more under this request id")
        response = problem(error, self._errand.request_id, self._errand.header(b"accept-language") or "")
        lines = lines_of(response.raw_headers)
        self._errand.answer(self._picture.route, response.status_code, lines, bytes(response.body))
