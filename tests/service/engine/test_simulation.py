"""The batcher on a virtual clock, in thousands of worlds: whatever happens, every account comes out even.

A seed fixes a world with all that happens in it: `run(chaos(17))` does again what failed in `[17]`.
"""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.service.engine.simulation import Caller, World
from tests.service.engine.virtual_time import run


async def chaos(seed: int) -> World:
    """Callers of all sizes come, leave, are late or bring bad rows; the model is slow or crashes; the server stops."""
    chance = random.Random(seed)
    keys = [f"key {number}" for number in range(chance.randint(1, 4))]
    faults = chance.random() < 0.4
    world = World(
        chance=chance,
        costs={key: 10 ** chance.uniform(-5, -1.7) for key in keys},
        max_batch=chance.choice([1, 3, 8, 16, 64]),
        max_queue_rows=chance.choice([20, 100, 400, 10**6]),
        max_queue_s=chance.choice([0.02, 0.5, float("inf")]),
        padded=chance.random() < 0.5,
        crashes=chance.choice([0.0, 0.05, 0.5]) if faults else 0.0,
        slow=chance.choice([0.0, 0.2]) if faults else 0.0,
        jitter=chance.random() < 0.5,
        helpers=chance.choice([0, 0, 1, 2]),
    )
    horizon = chance.choice([0.0, 0.01, 0.1, 1.0])
    callers = [asyncio.ensure_future(visit(world, chance, keys, horizon)) for _ in range(chance.randint(1, 40))]
    if chance.random() < 0.2:
        await asyncio.sleep(chance.uniform(0, horizon))
        await world.batcher.close()
        await asyncio.sleep(0)
        assert not world.present, "closed before all were answered"
    await asyncio.wait(callers)
    for caller in callers:
        caller.result()
    await world.ended()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    return world


async def visit(world: World, chance: random.Random, keys: list[str], horizon: float) -> None:
    """One caller from the door to the door."""
    size = chance.choice([0, 1, 1, 1, 2, 8, chance.randint(1, 40), chance.randint(1, 200)])
    bad = chance.randrange(size) if size and chance.random() < 0.05 else None
    caller = Caller(chance.choice(keys), f"client {chance.randrange(4)}", size, bad=bad)
    leaves_after = horizon * chance.random() if chance.random() < 0.15 else None
    patience = horizon * chance.random() if chance.random() < 0.15 else None
    await asyncio.sleep(chance.uniform(0, horizon))
    if patience is not None:
        caller.deadline = world.now + patience
    call = asyncio.ensure_future(world.call(caller))
    if leaves_after is not None:
        await asyncio.sleep(0)
        await asyncio.wait({call}, timeout=leaves_after)
        call.cancel()
    await call
    assert caller.outcome


async def flood(seed: int, helpers: int = 0) -> World:
    """Up to four clients never stop; a light one asks for little, now and then, of any key."""
    chance = random.Random(seed)
    keys = [f"key {number}" for number in range(chance.randint(1, 4))]
    world = World(
        chance=chance,
        costs={key: 10 ** chance.uniform(-4.5, -2) for key in keys},
        max_batch=chance.choice([16, 64]),
        jitter=chance.random() < 0.5,
        helpers=helpers,
    )
    clients = [f"heavy {number}" for number in range(chance.randint(1, 4))]
    flows = [(client, key) for client in clients for key in chance.sample(keys, chance.randint(1, len(keys)))]
    floods = [asyncio.ensure_future(again(world, *flow, size)) for flow in flows for size in sizes(chance)]
    # Until each has had its first turn: those who come together are equal.
    await asyncio.sleep(2 * len(flows) * world.longest_batch_s)
    for _ in range(8):
        caller = Caller(chance.choice(keys), "light", chance.randint(1, 4))
        await world.call(caller)
        alone = world.computed(caller.key, caller.size) * world.costs[caller.key]
        waited = caller.left_at - caller.came_at
        assert waited <= 2 * alone + world.longest_batch_s + 1e-6, "waited for a flood"
        # Light is who asks for less than his share.
        await asyncio.sleep((1 + len(flows)) * caller.size * world.costs[caller.key] * (1 + chance.random()))
    check_shares(world, flows)
    for task in floods:
        task.cancel()
    await asyncio.wait(floods)
    await world.ended()
    return world


def sizes(chance: random.Random) -> list[int]:
    """The requests that one flood has in flight at any time: more rows than a batch has."""
    size, count = chance.choice([(1, 70), (8, 12), (64, 4), (1000, 2)])
    return [chance.randint(1 + size // 2, size) for _ in range(count)]


async def again(world: World, client: str, key: str, size: int) -> None:
    """Asks again as soon as it is answered."""
    outcome = "answered"
    while outcome == "answered":
        caller = Caller(key, client, size)
        await world.call(caller)
        outcome = caller.outcome


def check_shares(world: World, flows: list[tuple[str, str]]) -> None:
    """Those who never stop have had the same time of the executor, but for a few batches of each worker."""
    seconds = [world.served[flow] * world.costs[flow[1]] for flow in flows]
    assert max(seconds) - min(seconds) <= 3 * (1 + world.helpers) * world.longest_batch_s, "unequal shares"


async def stay(comers: int) -> World:
    """One client never stops; for another key many have one small request at a time, and come anew after each batch."""
    world = World(chance=random.Random(0), costs={"a": 0.005, "b": 0.005})
    calls = [asyncio.ensure_future(again(world, "heavy", "a", 100)) for _ in range(3)]
    calls += [asyncio.ensure_future(again(world, f"comer {number}", "b", 4)) for number in range(comers)]
    await asyncio.sleep(60)
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)
    await world.ended()
    return world


@pytest.mark.parametrize("seed", range(400))
def test_every_request_is_resolved_once_and_nothing_is_left(seed: int) -> None:
    """Its own rows in order, or an error of its own; no row of who has gone; refusals just where they must be."""
    run(chaos(seed))


@pytest.mark.parametrize("helpers", [0, 1])
@pytest.mark.parametrize("seed", range(10))
def test_a_light_client_waits_for_one_batch_whoever_floods(seed: int, helpers: int) -> None:
    """At most for the batch that runs when it comes, and for its own; and those who flood have equal shares."""
    run(flood(seed, helpers))


def test_who_comes_anew_each_time_has_no_more_than_who_stays() -> None:
    """Leaving does not wipe out what one has had: the one who stays has his part, in the end as in the beginning."""
    served = run(stay(comers=3)).served

    least, *_, most = sorted(served.values())
    assert len(served) == 4
    assert most <= 1.1 * least


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_in_twenty_thousand_worlds_nothing_is_lost(block: int) -> None:
    """A thousand seeds at a time; the number of the one that fails is with its error."""
    for seed in range(1000 * block, 1000 * block + 1000):
        with named(f"chaos({seed})"):
            run(chaos(seed))


@pytest.mark.slow
@pytest.mark.parametrize("block", range(4))
def test_in_four_hundred_floods_nobody_drowns(block: int) -> None:
    """The same bound, a hundred seeds at a time."""
    for seed in range(100 * block, 100 * block + 100):
        for helpers in (0, 1):
            with named(f"flood({seed}, {helpers})"):
                run(flood(seed, helpers))


@contextmanager
def named(world: str) -> Iterator[None]:
    """An error says in which world it was."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"reproduce: run({world})")
        raise
