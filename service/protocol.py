"""HTTP below the framework: uvicorn's parser in C, with bounded heads, and problem+json for bytes that are no HTTP.

What the express takes is answered from here; for everything else uvicorn calls the application.
"""

import asyncio
import logging
import secrets
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from service.cork import Cork
from service.errors import MalformedRequest
from service.express.errand import Errand
from service.express.express import NAME, Express
from service.express.head import Head
from service.layers.departure import PRESENCE, Presence
from service.layers.envelope import client_of
from service.problems import problem
from service.refrain import Refrain
from service.shelf import lines_of

logger = logging.getLogger("latentserve")

LINGER_S = 30.0
"""That a client may go on sending after its answer: closed at once, the connection would take the answer along."""
LARGEST_HEAD = 16 * 1024
"""Bytes of a request's line and headers: the longest legal address has about 1.4 kB."""


class HeadTooLarge(Exception):
    """A request's line and headers have more bytes than any that we could serve."""


class Protocol(HttpToolsProtocol):
    """One connection."""

    _answering: Any = None
    """The cycle whose answer is under way; `cycle` is that of the newest request, which may wait behind it."""
    _in_head = False
    _in_message = False
    """Whether the parser waits for more of a head or of a body."""
    _unparsed = 0
    """Bytes since the last head or body that was complete."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._presence = Presence()
        self._express: Express | None = self.app_state.get(NAME)
        self._errand: Errand | None = None
        """The newest that the express took."""
        self._client_name = ""
        self._idle_since = 0.0
        self._patience: asyncio.TimerHandle | None = None
        self._just_answered = False
        """Whether the bytes at hand had a whole request, and it was answered at once."""
        self._usual: tuple[object, bytes] = (None, b"")
        self._refrain: Refrain | None = None
        """Of the newest head that the express took by itself."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._client_name = client_of(self.client[0] if self.client else "")

    def connection_lost(self, exc: Exception | None) -> None:
        if self._errand is not None:
            self._errand.leave()
        if self._patience is not None:
            self._patience.cancel()
        if self._answering is not None and not self._answering.response_complete:
            # By itself it would be told of the newest cycle only, and send on.
            self._answering.disconnected = True
        super().connection_lost(exc)
        self._presence.leave()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._just_answered = False
        if self._is_refrain(data):
            return
        self._unparsed += len(data)
        before = self._errand
        super().data_received(data)
        if self._errand is not before and self._errand is not None and not self._in_message:
            self._refrain = Refrain.of(data, self.url, self._errand.head)
        # The parser itself would go on collecting a head that never ends.
        if self._in_head and self._unparsed > LARGEST_HEAD:
            self.send_400_response(f"a head of more than {LARGEST_HEAD} bytes")

    def _is_refrain(self, data: bytes) -> bool:
        """Takes the head of a request that needs no parser, if the express takes it."""
        if (
            self._refrain is None
            or self._express is None
            or self._in_message
            or self._waits
            or len(data) > LARGEST_HEAD
        ):
            return False
        address = self._refrain.address_in(data)
        if address is None:
            return False
        self._unset_keepalive_if_required()
        return self._taken(self._express, address, self._refrain.head)

    def on_message_begin(self) -> None:
        # What an application would be told is made when it is known that one will be asked.
        self.url, self.headers, self.expect_100_continue = b"", [], False
        self._unset_keepalive_if_required()
        self._in_head = self._in_message = True

    def on_headers_complete(self) -> None:
        self._in_head, self._unparsed = False, 0
        if len(self.url) + sum([len(name) + len(value) for name, value in self.headers]) > LARGEST_HEAD:
            raise HeadTooLarge
        if self._express is not None and self._is_plain() and self._taken(self._express, self.url, Head(self.headers)):
            return
        url, headers, expect_100_continue = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expect_100_continue
        self.headers.extend(headers)
        self.scope["state"][PRESENCE] = self._presence
        super().on_headers_complete()

    def _is_plain(self) -> bool:
        """Whether it is a GET with nothing before it on its way or not yet read, and the connection stays."""
        parser = self.parser
        stays = parser.should_keep_alive() and parser.get_http_version() != "1.0"
        return not self._waits and stays and parser.get_method() == b"GET"

    @property
    def _waits(self) -> bool:
        """Whether an answer is on its way, or not yet read."""
        return (self.cycle is not None and not self.cycle.response_complete) or self.flow.write_paused

    def _taken(self, express: Express, url: bytes, head: Head) -> bool:
        try:
            errand = express.take(url, head, self._client_name, self)
        except Exception:
            # The parser would take it for the client's fault; the framework's way has a barrier for faults.
            logger.exception("fault of the express url=%r", url)
            errand = None
        if errand is not None:
            # It has what is asked of a cycle from here on.
            self.cycle = self._errand = errand  # type: ignore[assignment]
        return errand is not None

    def reply(self, errand: Errand, status: int, lines: bytes, body: bytes) -> None:
        """An errand's answer, as one piece."""
        self.transport.write(b"".join((STATUS_LINE[status], self._usual_lines(), lines, b"\r\n", body)))
        errand.response_complete = self._just_answered = True
        if not errand.keep_alive:
            self.transport.close()
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
        else:
            self.server_state.total_requests += 1
            self._wait_for_more()

    def _usual_lines(self) -> bytes:
        """The headers that uvicorn adds; it makes them anew each second, for the date."""
        fields = self.server_state.default_headers
        if fields is not self._usual[0]:
            self._usual = (fields, lines_of(fields))
        return self._usual[1]

    def hang_up(self) -> None:
        """After a fault, in the place of an errand's answer."""
        self.transport.close()

    def _wait_for_more(self) -> None:
        """One timer for many answers: it goes off at times, and is set anew if there was a request since."""
        self._idle_since = self.loop.time()
        if self._patience is None:
            self._patience = self.loop.call_later(self.timeout_keep_alive, self._lose_patience)

    def _lose_patience(self) -> None:
        self._patience, errand = None, self._errand
        waits = errand is not None and errand.is_at_hand(self.cycle) and errand.response_complete
        if self.transport.is_closing() or not waits or self._unparsed:
            # A request is on its way; after its answer there is a new timer, here or at uvicorn's.
            return
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left <= 0:
            self.transport.close()
        else:
            self._patience = self.loop.call_later(left, self._lose_patience)

    def on_message_complete(self) -> None:
        self._unparsed, self._in_message = 0, False
        if self._errand is not None and self._errand.is_at_hand(self.cycle):
            return
        super().on_message_complete()
        if self.cycle.response_complete:
            # Answered before its body was here: only now does the connection wait for another request.
            self.cycle.more_body = False
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_response_complete(self) -> None:
        answered = self._answering
        answered.transport.uncork()
        if answered.more_body:
            self.loop.call_later(LINGER_S, self._hang_up, answered)
        super().on_response_complete()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._answering = cycle
        cycle.transport = Cork(cycle.transport, self.loop)
        super()._start_asgi_task(cycle, app)

    def _hang_up(self, answered: Any) -> None:
        if answered.more_body and not self.transport.is_closing():
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Answers what cannot be parsed, unless an answer is on its way already; then nothing more is read."""
        if self.transport.is_closing():
            return
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete and not cycle.more_body:
            # Its request was whole, only what follows is none: it gets its answer, the connection no more.
            cycle.keep_alive = False
            self.transport.pause_reading()
            return
        if self._just_answered:
            # Only what follows is none: that answer was the connection's last.
            self.transport.close()
            return
        if cycle is None or not cycle.response_started or cycle.response_complete:
            self.transport.write(_refusal(msg))
        self.transport.close()


def _refusal(reason: str) -> bytes:
    error = MalformedRequest("the bytes that arrived are no HTTP request", parser=reason)
    answer = problem(error, secrets.token_hex(8))
    fields = [*answer.raw_headers, (b"connection", b"close")]
    return STATUS_LINE[400] + b"".join(b"%b: %b\r\n" % field for field in fields) + b"\r\n" + bytes(answer.body)
