"""Counts and distributions as plain numbers. They belong to the event loop's thread and need no lock: to observe
something takes less than a microsecond.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

Labels = tuple[str, ...]
"""The values of a metric's labels."""


class Distribution:
    """How many observations lie in each bucket, and their sum."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def add_to(self, family: HistogramMetricFamily, labels: Sequence[str] = ()) -> None:
        """As Prometheus has it: each bucket with all below it."""
        bounds = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        family.add_metric(labels, list(zip(bounds, accumulate(self._counts), strict=True)), self._sum)


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
