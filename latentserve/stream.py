"""Frames as they arrive: server-sent events read line by line, resumed after the last one that came whole."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urljoin

from latentserve.errors import ConnectionFailed, error_of, error_of_problem
from latentserve.images import Image
from latentserve.messages import Answer, Request

NO_CONTENT = 204


@dataclass(frozen=True)
class Frame:
    """One frame of a path."""

    index: int
    t: float
    """Where it lies on the path, 0 … 1."""
    image: Image


@dataclass
class Stream:
    """A path under way; `request` is what continues it, `read` takes the next line. No input or output here."""

    first: Request
    base: str
    done: bool = False
    _last: str | None = None
    _event: dict[str, str] = field(default_factory=dict)

    def request(self) -> Request:
        """Begins, or goes on after the last frame that came: frames are the same whenever they are made."""
        self._event = {}
        if self._last is None:
            return self.first
        return replace(self.first, headers={**self.first.headers, "Last-Event-ID": self._last})

    def begin(self, answer: Answer) -> None:
        """Looks at the head of an answer; its content matters only for an error. Raises what it tells of."""
        error = error_of(answer)
        if error is not None:
            raise error
        # All frames had come, and only the word that these were all was lost.
        self.done = answer.status == NO_CONTENT

    def dropped(self) -> ConnectionFailed:
        """The error of a stream that ended before its last frame."""
        return ConnectionFailed(f"the stream from {self.base} ended early", code="connection_failed")

    def read(self, line: str) -> Frame | None:
        """The frame that this line completes, if it completes one. Raises what a `problem` event tells of."""
        if line:
            name, _, value = line.partition(":")
            self._event[name] = value.removeprefix(" ")
            return None
        event, self._event = self._event, {}
        kind = event.get("event")
        if kind == "done":
            self.done = True
        if kind == "problem":
            raise error_of_problem(json.loads(event["data"]))
        if kind != "frame":
            return None
        frame = self._frame(json.loads(event["data"]))
        self._last = event.get("id", str(frame.index))
        return frame

    def _frame(self, values: Mapping[str, Any]) -> Frame:
        facts = {name: value for name, value in values.items() if name != "data"}
        if "url" in facts:
            facts["url"] = urljoin(self.base, facts["url"])
        return Frame(int(values["index"]), float(values["t"]), Image(base64.b64decode(values["data"]), facts))
