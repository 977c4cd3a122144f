"""Answers as they came: headers, timing, bytes; and what the method would have made of them."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from latentserve.messages import Answer, Call, Result

TIMING = re.compile(r"([\w-]+);(?:[^,]*;)?dur=([0-9.]+)")


@dataclass(frozen=True)
class Raw(Generic[Result]):
    """The answers to one call; nearly always there is just one."""

    answers: Sequence[Answer]
    call: Call[Result]

    @property
    def status(self) -> int:
        """Of the last answer."""
        return self.answers[-1].status

    @property
    def headers(self) -> Mapping[str, str]:
        """Of the last answer, their names in small letters."""
        return self.answers[-1].headers

    @property
    def content(self) -> bytes:
        """Of the last answer."""
        return self.answers[-1].content

    @property
    def request_id(self) -> str | None:
        """What the server's log calls this request."""
        return self.headers.get("x-request-id")

    @property
    def server_timing(self) -> Mapping[str, float]:
        """Milliseconds that the server spent in its queue, in the model and with files."""
        return {name: float(time) for name, time in TIMING.findall(self.headers.get("server-timing", ""))}

    def parse(self) -> Result:
        """What the method gives without `with_raw_response`."""
        return self.call.read(self.answers)


class RawMethods:
    """The same methods, each giving `Raw` instead of its result; awaited where the method is."""

    def __init__(self, calls: object, perform: Callable[[Call[Any]], Any]) -> None:
        self._calls = calls
        self._perform = perform

    def __getattr__(self, name: str) -> Callable[..., Any]:
        build = getattr(self._calls, name, None)
        if name.startswith("_") or not inspect.ismethod(build):
            raise AttributeError(f"{type(self._calls).__name__} has no method {name!r}")
        return lambda *arguments, **options: self._perform(build(*arguments, **options))
