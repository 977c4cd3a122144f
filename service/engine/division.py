"""One piece of work in parts, which threads take one after another; whoever finishes the last of them ends it."""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Part = TypeVar("Part")
Result = TypeVar("Result")


class Division(Generic[Part, Result]):
    """`end` is called once, with the results in the order of the parts, or with the first error."""

    def __init__(
        self, parts: Sequence[Part], run: Callable[[Part], Result], end: Callable[[list[Result] | Exception], None]
    ) -> None:
        self._parts = parts
        self._run = run
        self._end = end
        self._lock = threading.Lock()
        self._taken = 0
        self._results: dict[int, Result] = {}
        self._error: Exception | None = None
        self._left = len(parts)
        self._ended = threading.Event()

    def work(self) -> None:
        """Takes parts until all are taken; others may still be at theirs."""
        while (number := self._take()) is not None:
            if self._error is None:
                try:
                    self._results[number] = self._run(self._parts[number])
                except Exception as error:  # noqa: BLE001  # it is for whoever waits for the whole
                    self._error = error
            self._finish()

    def wait(self) -> None:
        """Until it has ended, whoever ends it."""
        self._ended.wait()

    def _take(self) -> int | None:
        with self._lock:
            if self._taken == len(self._parts):
                return None
            self._taken += 1
            return self._taken - 1

    def _finish(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left:
                return
        try:
            self._end(self._error or [self._results[number] for number in range(len(self._parts))])
        finally:
            self._ended.set()
