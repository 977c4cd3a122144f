"""The batcher against a fake executor: order, fairness, isolation, refusal, and accounts that return to zero."""

import asyncio
import random
from collections.abc import Sequence

import pytest

from service.engine.batcher import Batcher
from service.errors import DeadlineExceeded, QueueFull, ShuttingDown

pytestmark = pytest.mark.anyio

BAD = -1


class Executor:
    """Doubles each row; fails on a bad one; can be held, so that a test decides when a batch ends."""

    def __init__(self) -> None:
        self.batches: list[tuple[str, list[int]]] = []
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, key: str, rows: Sequence[int]) -> list[int]:
        self.batches.append((key, list(rows)))
        await self.open.wait()
        if BAD in rows:
            raise ValueError("a bad row")
        return [2 * row for row in rows]


class Witness:
    """Remembers what the batcher reports."""

    def __init__(self) -> None:
        self.refused: list[str] = []
        self.rows = 0
        self.done = 0

    def batch_ran(self, rows: int, seconds: float) -> None:
        self.rows += rows

    def request_done(self, queue_s: float, run_s: float) -> None:
        assert queue_s >= 0
        assert run_s >= 0
        self.done += 1

    def request_refused(self, reason: str) -> None:
        self.refused.append(reason)


def batcher(
    executor: Executor, *, max_batch: int = 8, max_queue_rows: int = 100, witness: Witness | None = None
) -> Batcher[str, int, int]:
    return Batcher(executor, max_batch=max_batch, max_queue_rows=max_queue_rows, observer=witness or Witness())


async def turns(count: int = 5) -> None:
    """Lets everything that can go on go on."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_an_idle_batcher_runs_a_request_at_once() -> None:
    """A lone request does not wait for company."""
    executor = Executor()

    assert await batcher(executor).submit("a", [1, 2, 3]) == [2, 4, 6]

    assert executor.batches == [("a", [1, 2, 3])]


async def test_requests_that_arrive_together_share_a_batch() -> None:
    """Ten callers of one row make two batches of at most eight."""
    executor = Executor()
    shared = batcher(executor)

    results = await asyncio.gather(*(shared.submit("a", [row]) for row in range(10)))

    assert results == [[2 * row] for row in range(10)]
    assert [len(rows) for _, rows in executor.batches] == [8, 2]


async def test_keys_never_mix_and_take_turns() -> None:
    """A batch has rows of one key, and no key waits for all the rows of another."""
    executor = Executor()
    shared = batcher(executor)

    await asyncio.gather(shared.submit("a", list(range(24))), shared.submit("b", [7]))

    assert [key for key, _ in executor.batches] == ["a", "b", "a", "a"]


async def test_a_long_request_does_not_starve_a_short_one() -> None:
    """One row that comes while a thousand wait is in the very next batch."""
    executor = Executor()
    shared = batcher(executor, max_queue_rows=2000)
    executor.open.clear()
    long = asyncio.create_task(shared.submit("a", list(range(1000))))
    await turns()

    short = asyncio.create_task(shared.submit("a", [5000]))
    await turns()
    executor.open.set()

    assert await short == [10000]
    assert 5000 in executor.batches[1][1]
    assert not long.done()
    assert await long == [2 * row for row in range(1000)]


async def test_rows_of_a_request_run_in_their_order() -> None:
    """First in, first out, inside a request, however it is cut."""
    executor = Executor()
    shared = batcher(executor)

    await asyncio.gather(shared.submit("a", list(range(100, 130))), shared.submit("a", list(range(200, 230))))

    seen = [row for _, rows in executor.batches for row in rows]
    assert [row for row in seen if row < 200] == list(range(100, 130))
    assert [row for row in seen if row >= 200] == list(range(200, 230))


async def test_a_full_queue_refuses_at_once_and_says_when_to_return() -> None:
    """The refusal does not wait for anything, and names seconds."""
    executor, witness = Executor(), Witness()
    shared = batcher(executor, max_queue_rows=10, witness=witness)
    executor.open.clear()
    running = asyncio.create_task(shared.submit("a", [0] * 8))
    await turns()
    waiting = asyncio.create_task(shared.submit("a", [0] * 8))
    await turns()

    with pytest.raises(QueueFull) as refused:
        await shared.submit("a", [0] * 8)

    assert refused.value.facts["retry_after"] >= 1
    assert witness.refused == ["queue_full"]
    executor.open.set()
    await asyncio.gather(running, waiting)
    assert shared.queued_rows == 0


async def test_a_cancelled_caller_leaves_the_queue_and_its_neighbours_alone() -> None:
    """Rows of a caller that has gone are not run; those beside them are."""
    executor, witness = Executor(), Witness()
    shared = batcher(executor, witness=witness)
    executor.open.clear()
    first = asyncio.create_task(shared.submit("a", [1]))
    await turns()
    gone = asyncio.create_task(shared.submit("a", [66, 67]))
    stays = asyncio.create_task(shared.submit("a", [3]))
    await turns()

    gone.cancel()
    await turns()
    executor.open.set()

    assert await first == [2]
    assert await stays == [6]
    assert executor.batches[1] == ("a", [3])
    assert witness.refused == ["cancelled"]
    assert shared.queued_rows == 0


async def test_a_deadline_that_passes_in_the_queue_drops_the_rows() -> None:
    """The caller hears of it at its deadline, and the rows are never run."""
    executor, witness = Executor(), Witness()
    shared = batcher(executor, witness=witness)
    executor.open.clear()
    running = asyncio.create_task(shared.submit("a", [1]))
    await turns()

    with pytest.raises(DeadlineExceeded):
        await shared.submit("a", [9], timeout_s=0.01)

    executor.open.set()
    assert await running == [2]
    await turns()
    assert executor.batches == [("a", [1])]
    assert witness.refused == ["deadline"]


async def test_a_bad_row_fails_its_own_request_only() -> None:
    """A failed batch is run again row by row, once."""
    executor = Executor()
    shared = batcher(executor)

    results = await asyncio.gather(
        shared.submit("a", [1]), shared.submit("a", [2, BAD]), shared.submit("a", [3, 4]), return_exceptions=True
    )

    assert results[0] == [2]
    assert isinstance(results[1], ValueError)
    assert results[2] == [6, 8]
    assert executor.batches[1:] == [("a", [1]), ("a", [2]), ("a", [BAD]), ("a", [3]), ("a", [4])]
    assert shared.queued_rows == 0


async def test_a_result_that_is_missing_is_an_error_and_no_hang() -> None:
    """An executor that returns too few results fails the request."""

    async def lazy(key: str, rows: Sequence[int]) -> list[int]:
        return []

    shared: Batcher[str, int, int] = Batcher(lazy, max_batch=8, max_queue_rows=100, observer=Witness())

    with pytest.raises(RuntimeError, match="rows gave 0 results"):
        await shared.submit("a", [1, 2])


async def test_closing_answers_what_is_queued_and_refuses_what_comes() -> None:
    """A shutdown loses nothing that was accepted."""
    executor = Executor()
    shared = batcher(executor)
    accepted = asyncio.create_task(shared.submit("a", list(range(20))))
    await turns(1)

    await shared.close()

    assert await accepted == [2 * row for row in range(20)]
    with pytest.raises(ShuttingDown):
        await shared.submit("a", [1])


@pytest.mark.parametrize("seed", range(300))
async def test_every_request_is_resolved_once_whatever_happens(seed: int) -> None:
    """Random sizes, bad rows, cancellations, deadlines: the right answer or error, and empty accounts."""
    chance = random.Random(seed)
    executor, witness = Executor(), Witness()
    shared = batcher(executor, max_batch=chance.choice([1, 3, 8]), max_queue_rows=60, witness=witness)

    async def caller() -> bool:
        rows = [BAD if chance.random() < 0.02 else chance.randrange(1000) for _ in range(chance.randrange(20))]
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(0)
        try:
            results = await shared.submit(chance.choice("ab"), rows, timeout_s=chance.choice([None, None, 5.0, 0.0]))
        except (QueueFull, DeadlineExceeded):
            return True
        except ValueError:
            return BAD in rows
        return results == [2 * row for row in rows]

    callers = [asyncio.create_task(caller()) for _ in range(20)]
    await turns(chance.randrange(6))
    for task in chance.sample(callers, 3):
        task.cancel()
    outcomes = await asyncio.gather(*callers, return_exceptions=True)

    assert all(outcome is True or isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
    await turns()
    assert shared.queued_rows == 0
    assert not shared._queues
    assert shared._worker is None
