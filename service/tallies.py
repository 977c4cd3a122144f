"""Counts and distributions as plain numbers. They belong to the event loop's thread and need no lock: what is observed
is noted, and put into its bucket with many others.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate

import numpy as np
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

Labels = tuple[str, ...]
"""The values of a metric's labels."""


class Distribution:
    """How many observations lie in each bucket, and their sum."""

    __slots__ = ("_bounds", "_counts", "_noted", "_sum", "observe")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = np.zeros(len(bounds) + 1, dtype=np.int64)
        self._sum = 0.0
        self._noted: list[float] = []
        self.observe: Callable[[float], None] = self._noted.append
        """Notes a value; somebody has to see to it that it is sorted in with a few thousand others."""

    def sort_in(self) -> None:
        """What was noted, into the buckets."""
        places = np.searchsorted(self._bounds, self._noted)
        self._counts += np.bincount(places, minlength=len(self._counts))
        self._sum += sum(self._noted)
        self._noted.clear()

    def add_to(self, family: HistogramMetricFamily, labels: Sequence[str] = ()) -> None:
        """As Prometheus has it: each bucket with all below it."""
        self.sort_in()
        bounds = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        family.add_metric(labels, list(zip(bounds, accumulate(self._counts.tolist()), strict=True)), self._sum)


def counter(name: str, description: str, labels: Sequence[str], counts: Mapping[Labels, int]) -> CounterMetricFamily:
    """For the exposition."""
    family = CounterMetricFamily(name, description, labels=labels)
    for values, count in counts.items():
        family.add_metric(values, count)
    return family


def histogram(
    name: str, description: str, labels: Sequence[str], distributions: Mapping[Labels, Distribution]
) -> HistogramMetricFamily:
    """For the exposition."""
    family = HistogramMetricFamily(name, description, labels=labels)
    for values, distribution in distributions.items():
        distribution.add_to(family, values)
    return family
