"""Decides which requests go this way, and gives what lies on the shelf."""

from service.express.errand import Connection, Errand
from service.express.head import Head
from service.express.order import Order, Tools
from service.express.pattern import Patterns
from service.shelf import Answer, matches

NAME = "express"
"""Under which the state of the server's lifespan has it."""


class Express:
    """Beside the framework, in front of both the engine and the shelf."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._patterns = Patterns(tools.engine.catalog)

    def take(self, url: bytes, head: Head, client: str, connection: Connection) -> Errand | None:
        """The errand of a GET, which is answered now or later; None leaves the request to the framework."""
        if not head.is_usual:
            return None
        path, _, query = url.partition(b"?")
        address, tools = (path, query), self._tools
        if (answer := tools.shelf.answer(address)) is not None:
            errand = Errand(connection, head, client, tools.telemetry)
            self._give(answer, errand)
            return errand
        picture = self._patterns.picture_of(path, query)
        if picture is None:
            return None
        if head.if_none_match and matches(head.if_none_match, picture.etag):
            errand = Errand(connection, head, client, tools.telemetry)
            errand.answer(picture.kind.route, 304, picture.cache_lines, b"")
            return errand
        if tools.shelf.has(picture.etag):
            return None
        errand = Errand(connection, head, client, tools.telemetry)
        Order(picture, errand, address, tools).begin()
        return errand

    def _give(self, answer: Answer, errand: Errand) -> None:
        """The file, or 304 to whoever has it already."""
        if matches(errand.head.if_none_match, answer.etag):
            errand.answer(answer.route, 304, answer.cache_lines, b"")
        else:
            errand.answer(answer.route, 200, answer.lines, self._tools.shelf.content(answer))
