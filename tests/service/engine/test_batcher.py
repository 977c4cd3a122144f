"""The batcher and an executor that a test can hold: order, isolation, refusal, departures, the end."""

import asyncio
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.engine.batcher import LOOP_SHARE, Batcher
from service.engine.fair_queue import CROWD, LARGE, SHARES, SMALLEST_SHARE
from service.errors import DeadlineExceeded, QueueFull, ShuttingDown

pytestmark = pytest.mark.anyio

BAD = -1
DEAR_S = 0.0031
"""Of a row: more than the event loop has time for."""
Shared = Batcher[str, int, int]


class Executor:
    """Doubles each row; fails on a bad one; can be held, so that a test decides when a batch ends."""

    helpers = 0

    def __init__(self) -> None:
        self.batches: list[tuple[str, list[int]]] = []
        self.here: list[list[int]] = []
        """Those that ran on the event loop."""
        self.open = asyncio.Event()
        self.open.set()

    def run_here(self, batcher: Shared) -> None:
        if (batch := batcher.fill_in()) is not None:
            self.batches.append((batch.key, batch.rows()))
            self.here.append(batch.rows())
            batcher.end(batch, self.answer(batch.rows()))

    def start(self, batcher: Shared) -> None:
        self.worker = asyncio.ensure_future(self._work(batcher))

    def start_helper(self, batcher: Shared) -> None:
        self.helper = asyncio.ensure_future(self._assist(batcher))

    def computed(self, key: str, rows: int) -> int:
        return rows

    async def _assist(self, batcher: Shared) -> None:
        while (batch := batcher.assist()) is not None:
            self.batches.append((batch.key, batch.rows()))
            await self.open.wait()
            batcher.end(batch, self.answer(batch.rows()))
            await asyncio.sleep(0)

    async def _work(self, batcher: Shared) -> None:
        while (batch := batcher.begin()) is not None:
            self.batches.append((batch.key, batch.rows()))
            await self.open.wait()
            batcher.end(batch, self.answer(batch.rows()))
            await asyncio.sleep(0)

    def answer(self, rows: list[int]) -> Sequence[int] | Exception:
        return ValueError("a bad row") if BAD in rows else [2 * row for row in rows]


class Padding(Executor):
    """Computes eight rows at a time."""

    def computed(self, key: str, rows: int) -> int:
        return -(-rows // 8) * 8


class Lazy(Executor):
    """Forgets to answer."""

    def answer(self, rows: list[int]) -> Sequence[int]:
        return []


class Witness:
    """Remembers what the batcher reports."""

    def __init__(self) -> None:
        self.refused: list[str] = []
        self.rows = 0
        self.padding = 0
        self.done = 0

    def batch_ran(self, rows: int, padding: int, seconds: float) -> None:
        self.rows += rows
        self.padding += padding

    def request_done(self, queue_s: float, run_s: float) -> None:
        assert queue_s >= 0
        assert run_s >= 0
        self.done += 1

    def request_refused(self, reason: str) -> None:
        self.refused.append(reason)


async def batcher(
    executor: Executor, *, max_batch: int = 8, max_queue_rows: int = 100, witness: Witness | None = None
) -> Shared:
    """One that knows that a row of the keys a and b costs next to nothing, and so fills its batches."""
    found: Shared = Batcher(executor, max_batch=max_batch, max_queue_rows=max_queue_rows, observer=Witness())
    for key in "ab":
        await found.submit(key, [0])
    found._observer = witness or Witness()
    executor.batches.clear()
    return found


async def turns(count: int = 5) -> None:
    """Lets everything that can go on go on."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_an_idle_batcher_runs_a_request_at_once() -> None:
    """A lone request does not wait for company."""
    executor = Executor()
    shared = await batcher(executor)

    assert await shared.submit("a", [1, 2, 3]) == [2, 4, 6]

    assert executor.batches == [("a", [1, 2, 3])]


async def test_requests_that_arrive_together_share_a_batch() -> None:
    """Ten callers of one row make two batches of at most eight."""
    executor = Executor()
    shared = await batcher(executor)

    results = await asyncio.gather(*(shared.submit("a", [row]) for row in range(10)))

    assert results == [[2 * row] for row in range(10)]
    assert [len(rows) for _, rows in executor.batches] == [8, 2]


async def test_what_comes_while_a_batch_runs_is_in_the_next_one() -> None:
    """A batch is made when it begins and not before: whoever comes until then is in it."""
    executor = Executor()
    shared = await batcher(executor)
    executor.open.clear()
    running = asyncio.create_task(shared.submit("a", [1]))
    await turns()
    early = asyncio.create_task(shared.submit("a", [2]))
    await turns()
    late = asyncio.create_task(shared.submit("a", [3]))
    await turns()
    executor.open.set()

    assert list(await asyncio.gather(running, early, late)) == [[2], [4], [6]]
    assert executor.batches == [("a", [1]), ("a", [2, 3])]


async def test_of_many_requests_a_batch_takes_a_part() -> None:
    """The executor has work while those of the first batch get their answers; one caller's rows are not divided.

    It is a half if that is done in no time, and less if rows cost a millisecond each.
    """
    executor = Executor()
    shared = await batcher(executor, max_batch=64, max_queue_rows=1000)

    await asyncio.gather(*(shared.submit("a", [row]) for row in range(64)))
    await shared.submit("a", list(range(64)))
    for _ in range(50):
        shared._costs.ran("b", 10, 0.01)
    await asyncio.gather(*(shared.submit("b", [row]) for row in range(64)))

    assert len(next(rows for key, rows in executor.batches if key == "b")) == 64 / SHARES
    sizes = [len(rows) for key, rows in executor.batches if key == "a"]
    assert sizes[0] == 64 / 2
    assert sum(sizes[:-1]) == 64
    assert min(sizes[:-2]) >= SMALLEST_SHARE
    assert sizes[-1] == 64


async def test_a_key_that_never_ran_is_tried_with_its_smallest_batch() -> None:
    """Nobody knows how long it takes; once that is known, its batches are as large as they may be."""
    executor = Padding()
    shared = await batcher(executor, max_batch=32)

    await shared.submit("new", list(range(40)))

    assert [len(rows) for _, rows in executor.batches] == [8, 32]


async def test_keys_never_mix_and_take_turns() -> None:
    """A batch has rows of one key, and no key waits for all the rows of another."""
    executor = Executor()
    shared = await batcher(executor)

    await asyncio.gather(shared.submit("a", list(range(24))), shared.submit("b", [7]))

    assert [key for key, _ in executor.batches] == ["a", "b", "a", "a"]


async def test_a_long_request_does_not_starve_a_short_one_of_the_same_client() -> None:
    """One row that comes while a thousand wait is the first of the very next batch."""
    executor = Executor()
    shared = await batcher(executor, max_queue_rows=3000)
    executor.open.clear()
    long = asyncio.create_task(shared.submit("a", list(range(1000))))
    await turns()

    short = asyncio.create_task(shared.submit("a", [5000]))
    await turns()
    executor.open.set()

    assert await short == [10000]
    assert executor.batches[1][1][0] == 5000
    assert not long.done()
    assert await long == [2 * row for row in range(1000)]


async def test_a_clients_few_rows_take_only_the_padding_along() -> None:
    """Beside them another's flood gets what would be computed for nobody, so that they are not later for it."""
    executor, witness = Padding(), Witness()
    shared = await batcher(executor, max_batch=32, max_queue_rows=1000, witness=witness)
    executor.open.clear()
    flood = asyncio.create_task(shared.submit("a", list(range(100)), client="heavy"))
    await turns()
    light = asyncio.create_task(shared.submit("a", [5000], client="light"))
    await turns()
    executor.open.set()

    assert await light == [10000]
    await flood
    assert [len(rows) for _, rows in executor.batches] == [32, 8, 32, 29]
    assert executor.batches[1][1] == [5000, *range(32, 39)]
    assert witness.rows + witness.padding == 32 + 8 + 32 + 32


async def test_large_requests_of_four_clients_all_move_on_in_every_batch() -> None:
    """A chunk of each, in turn."""
    executor = Executor()
    shared = await batcher(executor)

    await asyncio.gather(*(shared.submit("a", [client] * 6, client=str(client)) for client in range(4)))

    assert [sorted(rows) for _, rows in executor.batches] == [[0, 0, 1, 1, 2, 2, 3, 3]] * 3


async def test_rows_of_a_request_run_in_their_order() -> None:
    """First in, first out, inside a request, however it is cut."""
    executor = Executor()
    shared = await batcher(executor)

    await asyncio.gather(shared.submit("a", list(range(100, 130))), shared.submit("a", list(range(200, 220))))

    seen = [row for _, rows in executor.batches for row in rows]
    assert [row for row in seen if row < 200] == list(range(100, 130))
    assert [row for row in seen if row >= 200] == list(range(200, 220))


async def test_a_full_queue_refuses_at_once_and_says_when_to_return() -> None:
    """The refusal does not wait for anything, and names seconds."""
    executor, witness = Executor(), Witness()
    shared = await batcher(executor, max_queue_rows=10, witness=witness)
    executor.open.clear()
    running = asyncio.create_task(shared.submit("a", [0] * 8))
    await turns()
    waiting = asyncio.create_task(shared.submit("a", [0] * 8))
    await turns()

    with pytest.raises(QueueFull) as refused:
        await shared.submit("a", [0] * 8, client="another")

    assert refused.value.facts["retry_after"] >= 1
    assert witness.refused == ["queue_full"]
    executor.open.set()
    await asyncio.gather(running, waiting)
    assert shared.queued_rows == 0


async def test_one_client_cannot_have_more_than_half_of_the_queue() -> None:
    """What is left is for the next one."""
    executor = Executor()
    shared = await batcher(executor, max_queue_rows=10)
    executor.open.clear()
    running = asyncio.create_task(shared.submit("a", [0], client="heavy"))
    await turns()
    waiting = [asyncio.create_task(shared.submit("a", [0], client="heavy")) for _ in range(5)]
    await turns()

    with pytest.raises(QueueFull):
        await shared.submit("a", [0], client="heavy")
    light = asyncio.create_task(shared.submit("a", [4], client="light"))
    await turns()
    executor.open.set()

    assert await light == [8]
    await asyncio.gather(running, *waiting)


async def test_work_that_would_take_too_long_is_refused_though_it_has_few_rows() -> None:
    """The queue is bounded in seconds, too; when to come back is what it takes to do what waits."""
    executor = Executor()
    shared: Shared = Batcher(executor, max_batch=8, max_queue_rows=1000, max_queue_s=60, observer=Witness())
    shared._costs.ran("dear", 1, 10.0)
    executor.open.clear()
    running = asyncio.create_task(shared.submit("dear", [1]))
    await turns()
    waiting = [asyncio.create_task(shared.submit("dear", [1, 2], client=client)) for client in "abc"]
    await turns()

    with pytest.raises(QueueFull) as refused:
        await shared.submit("dear", [1], client="d")

    assert refused.value.facts["retry_after"] == 60
    executor.open.set()
    await asyncio.gather(running, *waiting)


async def test_a_cancelled_caller_leaves_the_queue_and_its_neighbours_alone() -> None:
    """Rows of a caller that has gone are not run; those beside them are."""
    executor, witness = Executor(), Witness()
    shared = await batcher(executor, witness=witness)
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


async def test_a_caller_who_leaves_between_two_batches_costs_no_more_rows() -> None:
    """Of a long request only the batch that runs is lost."""
    executor = Executor()
    shared = await batcher(executor)
    executor.open.clear()
    gone = asyncio.create_task(shared.submit("a", list(range(100))))
    await turns()
    gone.cancel()
    await turns()
    executor.open.set()
    await executor.worker

    assert executor.batches == [("a", list(range(8)))]
    assert shared.queued_rows == 0


async def test_a_deadline_that_passes_in_the_queue_drops_the_rows() -> None:
    """The caller hears of it at its deadline, and the rows are never run."""
    executor, witness = Executor(), Witness()
    shared = await batcher(executor, witness=witness)
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


class Helped(Executor):
    """With a helper."""

    helpers = 1


async def test_a_large_request_is_shared_with_a_helper_and_a_few_small_ones_are_not() -> None:
    """Both run a half of it at one time; its results are in the order of its rows, whoever is done first."""
    executor = Helped()
    shared = await batcher(executor, max_batch=64)
    executor.open.clear()
    large = asyncio.create_task(shared.submit("a", list(range(64))))
    await turns()
    assert [len(rows) for _, rows in executor.batches] == [32, 32]
    executor.open.set()
    assert await large == [2 * row for row in range(64)]

    executor.open.clear()
    small = [asyncio.create_task(shared.submit("a", [row])) for row in range(20)]
    await turns()
    assert executor.helper.done()
    executor.open.set()
    assert await asyncio.gather(*small) == [[2 * row] for row in range(20)]


async def test_a_helper_takes_its_part_of_a_crowd_of_dear_requests() -> None:
    """From what would else wait for longer than a batch; the last ones are the main thread's."""
    executor = Helped()
    shared = await batcher(executor, max_batch=64)
    for _ in range(50):
        shared._costs.ran("a", 8, 8 * DEAR_S)
    executor.open.clear()
    calls = [asyncio.create_task(shared.submit("a", [row], client=str(row))) for row in range(2 * CROWD)]
    await turns()
    assert [len(rows) for _, rows in executor.batches] == [LARGE, (2 * CROWD - LARGE) // SHARES]
    assert executor.here == []
    executor.open.set()
    assert await asyncio.gather(*calls) == [[2 * row] for row in range(2 * CROWD)]


async def test_of_cheap_requests_the_event_loop_runs_a_part_while_the_main_thread_is_at_work() -> None:
    """A third of those that wait, again and again, as long as that is a row at least; the last are the thread's."""
    executor = Helped()
    shared = await batcher(executor, max_batch=64)
    executor.open.clear()
    calls = [asyncio.create_task(shared.submit("a", [row], client=str(row))) for row in range(64)]
    await turns(100)
    assert [len(rows) for _, rows in executor.batches][:4] == [32, 10, 7, 5]
    assert len(executor.here) == len(executor.batches) - 1
    assert 32 - sum(map(len, executor.here)) == LOOP_SHARE - 1
    executor.open.set()
    assert await asyncio.gather(*calls) == [[2 * row] for row in range(64)]


async def test_who_comes_alone_after_one_who_did_is_served_by_the_event_loop() -> None:
    """No thread is woken for a single cheap row; of two who take turns the one would wait for the other, so one is."""
    executor = Helped()
    shared = await batcher(executor)
    executor.here.clear()

    for row in (1, 2, 3):
        await turns()
        assert await shared.submit("a", [row]) == [2 * row]
    assert executor.here == [[1], [2], [3]]

    # The next is here already when the last one has its answer.
    for row in (4, 5, 6):
        assert await shared.submit("a", [row]) == [2 * row]
    assert executor.here == [[1], [2], [3]]

    await turns()
    await asyncio.gather(shared.submit("a", [7]), shared.submit("a", [8]))
    await turns()
    assert await shared.submit("a", [9]) == [18]
    assert executor.here == [[1], [2], [3]]
    await turns()
    assert await shared.submit("a", [10]) == [20]
    assert executor.here == [[1], [2], [3], [10]]


async def test_a_crowd_that_needs_padding_has_a_helper_and_not_the_event_loop() -> None:
    """One row there would cost as much as eight."""
    executor = Padding()
    executor.helpers = 1
    shared = await batcher(executor, max_batch=64)
    executor.here.clear()
    executor.open.clear()
    calls = [asyncio.create_task(shared.submit("a", [row], client=str(row))) for row in range(2 * CROWD)]
    await turns()
    assert executor.here == []
    assert len(executor.batches[0][1]) == LARGE
    executor.open.set()
    assert await asyncio.gather(*calls) == [[2 * row] for row in range(2 * CROWD)]


async def test_a_cheap_crowd_has_a_helper_where_it_has_a_core_and_the_event_loop_only_beside_all_of_them() -> None:
    """Of three cores the second is a helper's; the event loop runs nothing while that one rests."""
    executor = Helped()
    executor.helpers = 2
    shared = await batcher(executor, max_batch=64, max_queue_rows=1000)
    executor.here.clear()
    executor.open.clear()

    few = [asyncio.create_task(shared.submit("a", [row], client=str(row))) for row in range(CROWD - 1)]
    await turns(20)
    assert [len(rows) for _, rows in executor.batches] == [CROWD // 2 - 1]
    assert executor.here == []

    crowd = [asyncio.create_task(shared.submit("a", [row], client=str(row))) for row in range(CROWD)]
    await turns(20)
    assert LARGE in [len(rows) for _, rows in executor.batches if rows not in executor.here]
    assert executor.here
    executor.open.set()
    await asyncio.gather(*few, *crowd)


@pytest.mark.parametrize("dear_first", [True, False])
async def test_a_cheap_crowd_behind_a_dear_row_has_a_helper(dear_first: bool) -> None:  # a case
    """The event loop cannot run who is next, and nobody is passed over for others' cheap rows."""
    executor = Helped()
    shared = await batcher(executor, max_batch=64, max_queue_rows=1000)
    for _ in range(50):
        shared._costs.ran("b", 8, 8 * DEAR_S)
    executor.here.clear()
    executor.open.clear()
    running = asyncio.create_task(shared.submit("a", [0], client="first"))
    await turns()
    dear = [("b", [0], "dear")]
    cheap = [("a", [row], "many") for row in range(2 * CROWD - LOOP_SHARE)]
    those = [*dear, *cheap] if dear_first else [*cheap, *dear]
    calls = [asyncio.create_task(shared.submit(key, rows, client=client)) for key, rows, client in those]
    await turns(8)
    assert ("b", [0]) in executor.batches
    executor.open.set()
    await asyncio.gather(running, *calls)


@pytest.mark.parametrize(("row_s", "helpers"), [(None, 1), (DEAR_S, 1), (1e-6, 0)])
async def test_the_event_loop_runs_nothing_dear_and_nothing_where_there_is_no_core_for_it(
    row_s: float | None, helpers: int
) -> None:
    """Neither what nobody knows the cost of, nor what would hold it, nor beside the only thread."""
    executor = Helped()
    executor.helpers = helpers
    shared = await batcher(executor, max_batch=64)
    executor.here.clear()
    key = "new" if row_s is None else "a"
    if row_s is not None:
        for _ in range(50):
            shared._costs.ran(key, 1, row_s)
    executor.open.clear()

    calls = [asyncio.create_task(shared.submit(key, [0]))]
    await turns()
    calls += [asyncio.create_task(shared.submit(key, [row])) for row in range(16)]
    await turns()

    assert executor.here == []
    executor.open.set()
    await asyncio.gather(*calls)


async def test_a_bad_row_on_the_event_loop_fails_its_own_request_only() -> None:
    """As on a thread: those beside it run again."""
    executor = Helped()
    shared = await batcher(executor, max_batch=64)
    executor.open.clear()
    calls = [asyncio.create_task(shared.submit("a", [row if row != 9 else BAD])) for row in range(16)]
    await turns(100)
    executor.open.set()

    results = await asyncio.gather(*calls, return_exceptions=True)

    assert any(BAD in rows for rows in executor.here)
    assert isinstance(results.pop(9), ValueError)
    assert results == [[2 * row] for row in range(16) if row != 9]


async def test_rows_of_a_batch_that_failed_run_again_though_later_ones_have_run() -> None:
    """A request whose first half shared its batch with a bad row gets all of its results in order."""
    executor = Helped()
    shared = await batcher(executor, max_batch=64, max_queue_rows=1000)
    executor.open.clear()
    bad = asyncio.create_task(shared.submit("a", [BAD], client="another"))
    large = asyncio.create_task(shared.submit("a", list(range(100)), client="one"))
    await turns()
    executor.open.set()

    assert await large == [2 * row for row in range(100)]
    with pytest.raises(ValueError, match="a bad row"):
        await bad


async def test_a_bad_row_fails_its_own_request_only() -> None:
    """The requests of a failed batch run again, each without company, once."""
    executor = Executor()
    shared = await batcher(executor)

    results = await asyncio.gather(
        shared.submit("a", [1]), shared.submit("a", [2, BAD]), shared.submit("a", [3, 4]), return_exceptions=True
    )

    assert results[0] == [2]
    assert isinstance(results[1], ValueError)
    assert results[2] == [6, 8]
    assert executor.batches[0] == ("a", [1, 2, BAD, 3, 4])
    assert sorted(executor.batches[1:]) == [("a", [1]), ("a", [2, BAD]), ("a", [3, 4])]
    assert shared.queued_rows == 0


async def test_a_result_that_is_missing_is_an_error_and_no_hang() -> None:
    """An executor that returns too few results fails the request."""
    shared: Shared = Batcher(Lazy(), max_batch=8, max_queue_rows=100, observer=Witness())

    with pytest.raises(RuntimeError, match="rows gave 0 results"):
        await shared.submit("a", [1, 2])


async def test_closing_answers_what_is_queued_and_refuses_what_comes() -> None:
    """A shutdown loses nothing that was accepted."""
    executor = Executor()
    shared = await batcher(executor)
    accepted = asyncio.create_task(shared.submit("a", list(range(20))))
    await turns(1)

    await shared.close()

    assert await accepted == [2 * row for row in range(20)]
    with pytest.raises(ShuttingDown):
        await shared.submit("a", [1])


class Threads(Executor):
    """Runs its batches on real threads, as the engine does: one, and a helper."""

    helpers = 1

    def __init__(self) -> None:
        super().__init__()
        self.pool = ThreadPoolExecutor(2)
        self.at_work: list[str] = []

    def start(self, batcher: Shared) -> None:
        self.pool.submit(self._run, batcher, "main")

    def start_helper(self, batcher: Shared) -> None:
        self.pool.submit(self._run, batcher, "helper")

    def _run(self, batcher: Shared, name: str) -> None:
        self.at_work.append(name)
        assert self.at_work.count(name) == 1
        while (batch := batcher.begin() if name == "main" else batcher.assist()) is not None:
            batcher.end(batch, self.answer(batch.rows()))
        self.at_work.remove(name)


async def test_a_real_thread_and_the_event_loop_lose_nothing_between_them() -> None:
    """Two thousand callers of all sizes, some of whom leave, while the interpreter switches as often as it can."""
    shared: Shared = Batcher(executor := Threads(), max_batch=8, max_queue_rows=10**6, observer=(witness := Witness()))

    async def caller(number: int) -> None:
        rows = list(range(number % 23))
        call = asyncio.ensure_future(shared.submit("ab"[number % 2], rows, client=str(number % 5)))
        await asyncio.sleep(0)
        if number % 11 == 0:
            call.cancel()
            await asyncio.wait({call})
        else:
            assert await call == [2 * row for row in rows]

    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for start in range(0, 2000, 100):
            await asyncio.wait_for(asyncio.gather(*(caller(number) for number in range(start, start + 100))), 30)
        await shared.close()
    finally:
        sys.setswitchinterval(usual)
    executor.pool.shutdown()

    loads = shared._queue.loads.all
    assert (loads.rows, loads.ns) == (0, 0)
    assert witness.done + witness.refused.count("cancelled") == sum(number % 23 > 0 for number in range(2000))
