"""What was made stays at hand for a while, by what it is (its ETag) and by where it was asked for (its address).

Nothing on the shelf can be stale: an ETag names the weights and everything that an answer depends on, and the models do
not change while the service runs.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from service.doorkeeper import Doorkeeper

ADDRESSES = 4096
"""That are remembered; one takes a few kilobytes, its file not counted."""
LONGEST_ADDRESS = 2048
"""Bytes of one; a longer one is none that a page would ask for often."""
LARGEST_SHARE = 8
"""A file of more than this part of the shelf would push out too many others."""

Address = tuple[bytes, bytes]
"""Path and query, as they came."""
Fields = Sequence[tuple[bytes, bytes]]
"""The headers of an answer as ASGI has them."""


OF_CONTENT = re.compile(rb"content-(?!location:)", re.IGNORECASE)


class Observer(Protocol):
    """Told where the files of answers come from."""

    def file_given(self, source: Literal["made", "shared", "kept"]) -> None:
        """One was made, or was being made for somebody else, or lay there."""


class Answer(NamedTuple):
    """All that is sent for an address."""

    etag: str
    lines: bytes
    """The headers of 200, as they are sent; for the collector one object and not twenty."""
    route: str
    """The template of the address, for the metrics."""

    @property
    def cache_lines(self) -> bytes:
        """The headers of 304: all but those that tell of the content."""
        return b"".join(line for line in self.lines.splitlines(keepends=True) if not OF_CONTENT.match(line))


class Making:
    """The promise of a file; whoever asks for it meanwhile waits for the same one. It is kept, fails or is given up."""

    def __init__(self, shelf: "Shelf", etag: str) -> None:
        self._shelf = shelf
        self._etag = etag
        self._file: asyncio.Future[bytes] | None = None
        """Made for the first who waits: most often nobody does."""

    @property
    def file(self) -> "asyncio.Future[bytes]":
        """For who waits."""
        if self._file is None:
            self._file = asyncio.get_running_loop().create_future()
        return self._file

    def keep(self, content: bytes, *, cheap: bool = False) -> None:
        """Here it is; one that is cheap to make again stays at hand only if it is wanted more than once."""
        if not cheap or self._file is not None or self._shelf.was_wanted(self._etag):
            self._shelf.put(self._etag, content)
        else:
            self._shelf.forget(self._etag)
        if self._file is not None:
            self._file.set_result(content)

    def fail(self, error: BaseException) -> None:
        """All who wait hear of the error."""
        self._shelf.forget(self._etag)
        if self._file is not None:
            self._file.set_exception(error)
            # Those who waited may have left; then nobody needs to be told that it was never looked at.
            self._file.exception()

    def give_up(self) -> None:
        """Whoever it was made for has left; one of those who wait has to make it."""
        self._shelf.forget(self._etag)
        if self._file is not None:
            self._file.cancel()


class Shelf:
    """Bounded in bytes and in addresses; what was not used for longest goes first."""

    def __init__(self, *, max_bytes: int, observer: Observer) -> None:
        self._max_bytes = max_bytes
        self._observer = observer
        self._bytes = 0
        self._files: OrderedDict[str, bytes] = OrderedDict()
        self._answers: OrderedDict[Address, Answer] = OrderedDict()
        self._making: dict[str, Making] = {}
        self._doorkeeper = Doorkeeper()

    def answer(self, address: Address) -> Answer | None:
        """What was answered at this address, if its file still lies here."""
        answer = self._answers.get(address)
        if answer is None or answer.etag not in self._files:
            return None
        self._answers.move_to_end(address)
        return answer

    def content(self, answer: Answer) -> bytes:
        """The file of an answer that was given just now."""
        self._files.move_to_end(answer.etag)
        self._observer.file_given("kept")
        return self._files[answer.etag]

    def remember(self, address: Address, answer: Answer) -> None:
        """So that the next request for the address needs nothing but this."""
        if answer.etag not in self._files or len(address[0]) + len(address[1]) > LONGEST_ADDRESS:
            return
        self._answers[address] = answer
        if len(self._answers) > ADDRESSES:
            self._answers.popitem(last=False)

    async def file(self, etag: str, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """The file of that ETag: from the shelf, or made, once for all who ask while it is being made."""
        while (making := self._making.get(etag)) is not None:
            try:
                content = await asyncio.shield(making.file)
            except asyncio.CancelledError:
                if not making.file.cancelled():
                    raise
                continue
            self._observer.file_given("shared")
            return content
        if (kept := self._files.get(etag)) is not None:
            self._files.move_to_end(etag)
            self._observer.file_given("kept")
            return kept
        content = await self._made(etag, make)
        self._observer.file_given("made")
        return content

    async def _made(self, etag: str, make: Callable[[], Awaitable[bytes]]) -> bytes:
        making = self.begin(etag)
        try:
            content = await make()
        except asyncio.CancelledError:
            making.give_up()
            raise
        except BaseException as error:
            making.fail(error)
            raise
        making.keep(content)
        return content

    def has(self, etag: str) -> bool:
        """Whether the file lies here, or is being made."""
        return etag in self._files or etag in self._making

    def was_wanted(self, etag: str) -> bool:
        """Whether this was asked before of that ETag."""
        return self._doorkeeper.knows(etag)

    def begin(self, etag: str) -> Making:
        """For who makes a file that is not here."""
        making = self._making[etag] = Making(self, etag)
        return making

    def forget(self, etag: str) -> None:
        """It is not being made any more."""
        self._making.pop(etag, None)

    def put(self, etag: str, content: bytes) -> None:
        """It is made; a file that would take too much of the room is not kept."""
        self.forget(etag)
        if len(content) * LARGEST_SHARE > self._max_bytes:
            return
        self._files[etag] = content
        self._bytes += len(content)
        while self._bytes > self._max_bytes:
            _, old = self._files.popitem(last=False)
            self._bytes -= len(old)


def address_of(scope: Mapping[str, Any]) -> Address:
    """Where an ASGI request is directed to; a server may leave the raw path out."""
    return scope.get("raw_path") or scope["path"].encode(), scope["query_string"]


def lines_of(fields: Fields) -> bytes:
    """The headers as they are sent."""
    return b"".join([b"%b: %b\r\n" % field for field in fields])


def matches(wanted: str, etag: str) -> bool:
    """Whether If-None-Match names the ETag; it compares weakly (RFC 9110, 13.1.2)."""
    bare = etag.removeprefix("W/")
    return wanted.strip() == "*" or any(one.strip().removeprefix("W/") == bare for one in wanted.split(","))
