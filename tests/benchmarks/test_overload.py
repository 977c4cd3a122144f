"""The server beyond what it can do: what must be exact there, counted; how fast that is, is the benchmark's to say."""

from pathlib import Path

import pytest

from benchmarks.checkpoint import write_store
from benchmarks.overload.departures import LEAVE, departures
from benchmarks.overload.goodput import goodput
from benchmarks.overload.mixed import mixed

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    write_store(tmp_path)
    return tmp_path


async def test_at_ten_times_its_capacity_every_refusal_is_counted_and_says_when_to_return(store: Path) -> None:
    """Clients, batcher and metrics agree on how many there were, and nobody is left without an answer."""
    found = await goodput(store, seconds=4)

    assert found["answered"] + found["refused"] == found["offered"]
    assert found["refused"] > found["offered"] / 2
    assert found["refused_by_metrics"] == found["answered_429_by_metrics"] == found["refused"]
    assert found["refused_with_retry_after"] == found["refused"]


async def test_five_hundred_of_a_thousand_who_leave_cost_no_row_if_they_were_queued(store: Path) -> None:
    """And one batch at most if they were running; all others are answered, and nothing stays in the queue."""
    found = await departures(store)

    assert found["answered"] == found["clients"] - LEAVE
    assert found["cancelled_by_metrics"] == LEAVE
    assert found["rows_for_those_who_left_while_queued"] == 0
    assert found["rows_for_those_who_left_while_running"] <= found["running_when_held"]
    assert found["queued_at_the_end"] == 0


async def test_nothing_that_can_be_asked_for_holds_the_event_loop(tmp_path: Path) -> None:
    """Fifty milliseconds of CPU in one callback are too many, whatever the request."""
    found = await mixed(seconds=5)

    assert found["event_loop"]["over_ms"]["50"] == 0, found["event_loop"]["longest"][:3]
