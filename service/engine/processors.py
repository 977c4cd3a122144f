"""Which processors the threads may use. By default the system decides; on a machine, or in a set of processors, that
the service has to itself, one can be left to the main inference thread: its batches are then never interrupted.
"""

import os
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Division:
    """Of the processors that the process may use, by number."""

    main: frozenset[int]
    """For the main inference thread."""
    others: frozenset[int]
    """For the event loop and all other threads."""

    @classmethod
    def of_process(cls) -> "Division":
        """Raises ValueError where there is nothing to divide."""
        own = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
        if len(own) < 2:
            raise ValueError("one processor can be left to the main inference thread only where there are others")
        main = frozenset({max(own)})
        return cls(main, frozenset(own) - main)


def keep_to(processors: Collection[int]) -> None:
    """The thread that calls it, and those that it starts from now on, run nowhere else."""
    os.sched_setaffinity(0, processors)
