"""One timer for many deadlines. Most requests are answered long before theirs, and never see it."""

import asyncio
import math
from collections.abc import Callable


class Alarm:
    """Rings at the first deadline, or before it; belongs to the event loop."""

    def __init__(self, wake: Callable[[float], float], clock: Callable[[], float]) -> None:
        """`wake(now)` ends what is late, and says when to ring again."""
        self.at = math.inf
        """When it will ring."""
        self._wake = wake
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None

    def set(self, loop: asyncio.AbstractEventLoop, at: float) -> None:
        """To another time."""
        self.cancel()
        self.at = at
        self._timer = loop.call_later(max(0.0, at - self._clock()), self._ring, loop)

    def cancel(self) -> None:
        """It does not ring."""
        self.at = math.inf
        if self._timer is not None:
            self._timer.cancel()

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        self.cancel()
        following = self._wake(self._clock())
        if following < math.inf:
            self.set(loop, following)
