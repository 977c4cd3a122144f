"""Files whose images are here. Those of one turn of the event loop are finished together, step by step: the code of a
step, run for one file after the other, is fetched into the processor's nearest cache once and not for each of them.
"""

import asyncio
from typing import Protocol


class Finished(Protocol):
    """A file on its way out."""

    def encode(self) -> None:
        """The first step."""

    def answer(self) -> None:
        """The second."""


class Finishing:
    """Belongs to the event loop."""

    def __init__(self) -> None:
        self._ready: list[Finished] = []

    def add(self, file: Finished) -> None:
        """With all others of this turn, at its end."""
        if not self._ready:
            asyncio.get_running_loop().call_soon(self._finish)
        self._ready.append(file)

    def _finish(self) -> None:
        ready, self._ready = self._ready, []
        for file in ready:
            file.encode()
        for file in ready:
            file.answer()
