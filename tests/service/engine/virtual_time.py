"""An event loop on a virtual clock: it never sleeps, it jumps to the next timer.

What would hang elsewhere is an error here: a wait that nobody ends, and a bustle that never does. So is an exception
that no task wants.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Answer = TypeVar("Answer")

MOST_ROUNDS = 1_000_000
"""Of the loop, in one run: thousands are usual."""


class NobodyGoesOn(Exception):
    """Every task waits and no timer is set: a wake-up was lost."""


class NoEnd(Exception):
    """The loop goes round and round."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Plays its own selector: there are no files to wait for, only time."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._rounds = 0
        self._fault: BaseException | None = None
        self._selector = self

    def time(self) -> float:
        return self._now

    def select(self, timeout: float | None) -> list[object]:
        self._rounds += 1
        if self._fault is not None:
            raise self._fault
        if timeout is None:
            raise NobodyGoesOn
        if self._rounds > MOST_ROUNDS:
            raise NoEnd
        self._now += timeout
        return []

    def jump(self, seconds: float) -> None:
        """Whoever calls it has held the loop for so long."""
        self._now += seconds

    def fail(self, error: BaseException) -> None:
        """Ends the run with that error."""
        self._fault = self._fault or error

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.fail(context.get("exception") or RuntimeError(context["message"]))

    def _write_to_self(self) -> None:
        """There is only one thread, and nobody to wake."""

    def _process_events(self, events: list[object]) -> None:
        """There are none."""


def run(main: Coroutine[Any, Any, Answer]) -> Answer:
    """Runs it to its end, at once."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
