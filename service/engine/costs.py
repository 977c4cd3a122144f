"""What a row of each key costs, as measured, and how many rows a batch may have for it."""

import math
from collections.abc import Callable
from typing import Generic

from service.engine.request import Key

UNKNOWN_NS = 1_000_000
"""A row of a key that has not run yet is taken for a millisecond."""
MEMORY = 0.2
"""The weight of the newest batch: the average is over about the last five."""
SPREAD = 3
"""So many times the cheapest of the last batches is the most that a row is thought to cost."""


class Costs(Generic[Key]):
    """Prices in nanoseconds, which are integers, so that sums of them come back to zero.

    `computed(key, rows)` tells how many rows the executor really computes for so many: padding costs as much as rows.
    """

    def __init__(self, computed: Callable[[Key, int], int], *, max_rows: int, batch_s: float) -> None:
        self.computed = computed
        self._max_rows = max_rows
        self._batch_ns = 1e9 * batch_s
        self._known: dict[Key, float] = {}
        self._least: dict[Key, float] = {}
        self._prices: dict[Key, int] = {}

    def row_ns(self, key: Key) -> int:
        """The price of a row that is computed; one slow batch, while the machine was elsewhere, does not set it."""
        return self._prices.get(key, UNKNOWN_NS)

    def room(self, key: Key) -> int:
        """The rows of the largest batch that should end in time; an unknown key is tried with its smallest batch."""
        rows = self._max_rows
        while self._too_long(key, rows) and self.computed(key, rows // 2) < self.computed(key, rows):
            rows //= 2
        return rows

    def rows_for(self, key: Key, ns: float) -> int:
        """How many rows can be run in so long a time; none of a key that has not run yet."""
        price = self._prices.get(key, math.inf)
        rows = min(self._max_rows, int(ns // price))
        while rows and self.computed(key, rows) * price > ns:
            rows //= 2
        return rows

    def ran(self, key: Key, rows: int, seconds: float) -> None:
        """A batch of so many rows took so long."""
        row_ns = 1e9 * seconds / self.computed(key, rows)
        known = self._known.get(key, row_ns)
        self._known[key] = known + MEMORY * (row_ns - known)
        self._least[key] = min(row_ns, (1 + MEMORY) * self._least.get(key, row_ns))
        self._prices[key] = max(1, round(min(self._known[key], SPREAD * self._least[key])))

    def _too_long(self, key: Key, rows: int) -> bool:
        if rows == 1:
            return False
        return key not in self._known or self.computed(key, rows) * self._known[key] > self._batch_ns
