"""Which processors the threads may use. By default the system decides; on a machine, or in a set of processors, that
the service has to itself, one can be left to the main inference thread: no other of ours interrupts its batches.
"""

import os
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


def usable() -> frozenset[int]:
    """Those that this process may use, by number."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


@dataclass(frozen=True)
class Division:
    """One processor for the main inference thread, the others for all other threads."""

    main: frozenset[int]
    others: frozenset[int]

    @classmethod
    def of_process(cls) -> "Division":
        """Raises ValueError where there is nothing to divide."""
        own = usable()
        if len(own) < 2 or not hasattr(os, "sched_setaffinity"):
            raise ValueError("one processor can be left to the main inference thread only where there are others")
        main = frozenset({max(own)})
        return cls(main, own - main)

    def begin(self) -> None:
        """All threads that there are keep to the others, and so do those that they start."""
        _move_all(self.others)

    def end(self) -> None:
        """All threads may use all of them again."""
        _move_all(self.main | self.others)


def keep_to(processors: Collection[int]) -> None:
    """The thread that calls it runs nowhere else, if the system lets it."""
    with suppress(OSError):
        os.sched_setaffinity(0, processors)


def _move_all(processors: Collection[int]) -> None:
    for thread in Path("/proc/self/task").iterdir():
        # It may have ended meanwhile.
        with suppress(OSError):
            os.sched_setaffinity(int(thread.name), processors)
