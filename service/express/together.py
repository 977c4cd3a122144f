"""What is done for many requests in one turn of the event loop, step by step: the code of a step, run for one after the
other, is fetched into the processor's nearest cache once, and not for each of them.
"""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

One = TypeVar("One")


class Together(Generic[One]):
    """Belongs to the event loop."""

    def __init__(self, *steps: Callable[[One], None]) -> None:
        self._steps = steps
        self._waiting: list[One] = []

    def add(self, one: One) -> None:
        """The steps follow at the end of this turn, each for all that were added in it."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._go)
        self._waiting.append(one)

    def _go(self) -> None:
        those, self._waiting = self._waiting, []
        for step in self._steps:
            for one in those:
                step(one)
