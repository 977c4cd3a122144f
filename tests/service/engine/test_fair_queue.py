"""The clock of the turns: it goes on when a batch begins, and not when somebody looks who is next."""

import asyncio
from collections.abc import Iterator

import pytest

from service.engine.costs import Costs
from service.engine.fair_queue import FairQueue
from service.engine.request import Request

Queue = FairQueue[str, int, int]


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def queue(row_s: float) -> Queue:
    """For batches of eight, with a key whose cost is known."""
    costs: Costs[str] = Costs(lambda _key, rows: rows, max_rows=8, batch_s=1.0)
    costs.ran("a", 1, row_s)
    return FairQueue(costs, max_batch=8)


def waits(shared: Queue, client: str, rows: int, loop: asyncio.AbstractEventLoop) -> None:
    """So many rows of a client."""
    answer: asyncio.Future[list[int]] = loop.create_future()
    shared.add(Request("a", client, range(rows), answer, loop, (0.0, 1e9), 1))


def takers(shared: Queue) -> list[str]:
    """Whose rows are in the next batch, each as often as it has some."""
    batch = shared.take(0.0)
    assert batch is not None
    return sorted(share.request.client for share in batch.shares for _ in range(share.size))


def test_who_comes_enters_at_the_time_of_the_batch_that_began_last(loop: asyncio.AbstractEventLoop) -> None:
    """He is a batch behind, and has that first; what the others were given before he came is not owed to him."""
    shared = queue(row_s=0.001)
    waits(shared, "stays", 100, loop)
    for _ in range(8):
        takers(shared)
    waits(shared, "comes", 100, loop)

    assert [takers(shared).count("comes") for _ in range(3)] == [8, 4, 4]


def test_to_look_who_is_next_is_no_batch(loop: asyncio.AbstractEventLoop) -> None:
    """The event loop looks often, and finds rows too dear for it: for those who come then nothing has begun."""
    shared = queue(row_s=0.1)
    waits(shared, "stays", 100, loop)
    takers(shared)
    before = shared._turns._now

    assert shared.take_for_moment(0.0, 4) is None
    assert not shared.has_moment
    assert shared._turns._now == before
    takers(shared)
    assert shared._turns._now > before
