"""Decides which requests go this way, and gives what lies on the shelf."""

from service.express.errand import Connection, Errand, Headers
from service.express.order import Order, Tools
from service.express.pattern import Patterns
from service.shelf import Answer, matches

NAME = "express"
"""Under which the state of the server's lifespan has it."""
UNUSUAL = frozenset({b"content-length", b"transfer-encoding", b"expect", b"upgrade", b"x-forwarded-for"})
"""Headers that the framework has to see, or what lies in front of it."""


class Express:
    """Beside the framework, in front of both the engine and the shelf."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._patterns = Patterns(tools.engine.catalog)

    def take(self, url: bytes, headers: Headers, client: str, connection: Connection) -> Errand | None:
        """The errand of a GET, which is answered now or later; None leaves the request to the framework."""
        names = [name for name, _ in headers]
        if not UNUSUAL.isdisjoint(names):
            return None
        path, _, query = url.partition(b"?")
        address, tools = (path, query), self._tools
        if (answer := tools.shelf.answer(address)) is not None:
            errand = Errand(connection, headers, client, tools.telemetry)
            self._give(answer, errand)
            return errand
        picture = self._patterns.picture_of(path, query)
        if picture is None or tools.shelf.has(picture.etag):
            return None
        if b"if-none-match" in names:
            return None
        errand = Errand(connection, headers, client, tools.telemetry)
        Order(picture, errand, address, tools).begin()
        return errand

    def _give(self, answer: Answer, errand: Errand) -> None:
        """The file, or 304 to whoever has it already."""
        if matches(errand.header(b"if-none-match") or "", answer.etag):
            errand.answer(answer.route, 304, answer.cache_lines, b"")
        else:
            errand.answer(answer.route, 200, answer.lines, self._tools.shelf.content(answer))
