"""Percentiles of known times."""

import pytest

from benchmarks.latencies import percentile_ms


def test_of_the_times_1_to_100_the_percentile_is_the_number_itself() -> None:
    times = [number / 1000 for number in range(100, 0, -1)]
    assert [percentile_ms(times, percent) for percent in (1, 50, 99, 100)] == pytest.approx([1, 50, 99, 100])


def test_a_percentile_is_one_of_the_times() -> None:
    assert percentile_ms([0.001, 0.010], 50) == pytest.approx(1)
    assert percentile_ms([0.001, 0.010], 51) == pytest.approx(10)


def test_nothing_has_no_percentile() -> None:
    assert percentile_ms([], 99) is None
