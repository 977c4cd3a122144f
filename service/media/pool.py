"""The threads that encode and decode files, so that the event loop does not; zlib and Pillow release the GIL."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from service.errors import DeadlineExceeded, QueueFull
from service.work import current_work

Answer = TypeVar("Answer")

THREADS = 2
"""Each may hold a decoded picture of 16 megapixels, about 200 MiB."""
FEW_PIXELS = 64 * 64
"""Encoding so few takes less time than a hop to another thread."""
SECONDS_A_PIXEL = 2e-8
"""For the hint when to try again; a deflated PNG takes about that."""


class MediaPool:
    """Runs file work; the time counts as encoding of the current request."""

    def __init__(self, *, max_pixels: int, timeout_s: float) -> None:
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="media")
        self._max_pixels = max_pixels
        self._timeout_s = timeout_s
        self._pixels = 0

    async def run(self, call: Callable[[], Answer], *, pixels: int) -> Answer:
        """Calls it here if it handles few pixels, else on a thread. Raises QueueFull or DeadlineExceeded."""
        started = time.perf_counter()
        try:
            if pixels <= FEW_PIXELS:
                return call()
            if self._pixels and self._pixels + pixels > self._max_pixels:
                raise QueueFull(self._pixels * SECONDS_A_PIXEL)
            return await self._on_thread(call, pixels)
        finally:
            current_work().encode_s += time.perf_counter() - started

    async def _on_thread(self, call: Callable[[], Answer], pixels: int) -> Answer:
        self._pixels += pixels
        task = asyncio.get_running_loop().run_in_executor(self._threads, call)
        # Running work cannot be stopped: it is counted until it has really ended.
        task.add_done_callback(lambda _: self._release(pixels))
        try:
            async with asyncio.timeout(self._timeout_s):
                return await task
        except TimeoutError:
            detail = f"no file within {self._timeout_s:g} s"
            raise DeadlineExceeded(detail, limit=self._timeout_s) from None

    def _release(self, pixels: int) -> None:
        self._pixels -= pixels

    def close(self) -> None:
        """Waits for running work."""
        self._threads.shutdown()
