"""What is done for many requests in one turn of the event loop, step by step: the code of a step, run for one after the
other, is fetched into the processor's nearest cache once, and not for each of them.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Generic, TypeVar

logger = logging.getLogger("latentserve")

One = TypeVar("One")


class Together(Generic[One]):
    """Belongs to the event loop."""

    def __init__(self, *steps: Callable[[One], None], give_up: Callable[[One], None]) -> None:
        self._steps = steps
        self._give_up = give_up
        """Called in the place of all further steps for one with which a step has failed."""
        self._waiting: list[One] = []

    def add(self, one: One) -> None:
        """The steps follow at the end of this turn, each for all that were added in it."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._go)
        self._waiting.append(one)

    def _go(self) -> None:
        those, self._waiting = self._waiting, []
        for step in self._steps:
            failed: list[One] = []
            for one in those:
                try:
                    step(one)
                except Exception:
                    # A fault of ours; the others of this turn are none the worse for it.
                    logger.exception("fault of the express step=%s", step.__name__)
                    failed.append(one)
            for one in failed:
                those.remove(one)
                self._give_up(one)
