"""The threads that encode and decode files, so that the event loop does not; zlib and Pillow release the GIL."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from service.work import current_work

Answer = TypeVar("Answer")

THREADS = 2
"""Each may hold a decoded picture of 16 megapixels, about 100 MiB."""
FEW_PIXELS = 64 * 64
"""Encoding so few takes less time than a hop to another thread."""


class MediaPool:
    """Runs file work; the time counts as encoding of the current request."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="media")

    async def run(self, call: Callable[[], Answer], *, pixels: int) -> Answer:
        """Calls it here if it handles few pixels, else on a thread."""
        with current_work().encoding():
            if pixels <= FEW_PIXELS:
                return call()
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def close(self) -> None:
        """Waits for running work."""
        self._threads.shutdown()
