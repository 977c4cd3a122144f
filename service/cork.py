"""One answer's way to its connection: the head goes together with what follows it at once.

By themselves they would be two system calls, and a client that waits would be woken twice.
"""

import asyncio


class Cork:
    """What of a transport an answer needs; its head leaves at the latest when this turn of the event loop ends."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._turn_ends: asyncio.Handle | None = None

    def write(self, content: bytes) -> None:
        """The head first; whatever comes after it goes at once, and takes the head along."""
        self._held.append(content)
        if self._turn_ends is None:
            self._turn_ends = self._loop.call_soon(self.uncork)
        else:
            self.uncork()

    def uncork(self) -> None:
        """Sends what is still here."""
        if self._held and self._turn_ends is not None:
            self._turn_ends.cancel()
            self._transport.writelines(self._held)
            self._held = []

    def is_closing(self) -> bool:
        """Whether nothing more can be written."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Closes the connection behind all that was written."""
        self.uncork()
        self._transport.close()
