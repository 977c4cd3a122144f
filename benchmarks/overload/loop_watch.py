"""How long each callback of an event loop holds it, in CPU time: on a busy machine that tells work from waiting."""

import asyncio
import time
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

WORTH_KEEPING_S = 0.005
PATH: ContextVar[str] = ContextVar("path")


class Marked:
    """Middleware: what runs for a request of the framework's knows its path."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            PATH.set(scope["path"])
        await self.app(scope, receive, send)


@dataclass(frozen=True)
class Hold:
    """A callback that took long; milliseconds of the thread's CPU, and by the clock on the wall."""

    cpu_ms: float
    wall_ms: float
    path: str
    where: str
    """The innermost coroutines of its task afterwards: where it stopped to wait."""


class LoopWatch:
    """Watches all event loops of the process from `install` on."""

    def __init__(self) -> None:
        self.begun = False
        """Whether there have been clients: how long the start-up takes is another question."""
        self.callbacks = 0
        self.cpu_s = 0.0
        self.holds: list[Hold] = []

    def install(self) -> None:
        """Every callback of asyncio runs through `Handle._run`."""
        handle, watch = asyncio.Handle, self
        run = handle._run  # noqa: SLF001  # asyncio has no hook for this

        def watched(self: Any) -> None:
            callback, context = self._callback, self._context
            wall, cpu = time.perf_counter(), time.thread_time()
            run(self)
            spent = time.thread_time() - cpu
            watch.callbacks += 1
            watch.cpu_s += spent
            if spent > WORTH_KEEPING_S and watch.begun:
                path = context.get(PATH, "")
                waited = time.perf_counter() - wall
                watch.holds.append(Hold(round(1000 * spent, 1), round(1000 * waited, 1), path, _place(callback)))

        handle._run = watched  # type: ignore[method-assign]  # noqa: SLF001

    def report(self) -> dict[str, Any]:
        """How many callbacks held the loop for how long, and the longest of each place."""
        longest = sorted(self.holds, key=lambda hold: -hold.cpu_ms)
        return {
            "callbacks": self.callbacks,
            "cpu_s": round(self.cpu_s, 3),
            "longest_cpu_ms": longest[0].cpu_ms if longest else 0.0,
            "over_ms": {str(bar): sum(hold.cpu_ms > bar for hold in longest) for bar in (5, 10, 20, 50)},
            "longest": [asdict(hold) for hold in _worst_of_each(longest)[:12]],
        }


def _worst_of_each(longest: list[Hold]) -> list[Hold]:
    """One for each resource and place, in the order of the list."""
    found: dict[tuple[list[str] | str, ...], Hold] = {}
    for hold in longest:
        found.setdefault((hold.where, *hold.path.split("/")[3:5]), hold)
    return list(found.values())


def _place(callback: Any) -> str:
    task = getattr(callback, "__self__", None)
    if not isinstance(task, asyncio.Task):
        return getattr(callback, "__qualname__", repr(callback)[:80])
    coroutine: Any = task.get_coro()
    names = []
    while coroutine is not None:
        names.append(getattr(coroutine, "__qualname__", type(coroutine).__name__))
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)
    return " > ".join(names[-4:])
