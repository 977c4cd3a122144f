"""Ten times what the model can do: what of its capacity is left, and what those hear who are refused."""

import asyncio
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.checkpoint import MODEL
from benchmarks.latencies import percentile_ms
from benchmarks.overload.served import Served, served
from benchmarks.overload.visitors import Answer, closed_loop, get, open_loop

ROW_MS = 5.0
IMAGES = 8
"""A request: 40 ms of the model, so that ten times its capacity is what a part of one core can refuse."""
OVERLOAD = 10
DEADLINE_S = 4
CONNECTIONS = 16
"""Enough for a batch that runs and one that waits."""


async def goodput(store: Path, seconds: float) -> dict[str, Any]:
    """Capacity from a closed loop, then the open loop, on one server."""
    options = ("--row-ms", str(ROW_MS), "--deadline-s", str(DEADLINE_S))
    with served(*options, store=store) as server:
        requests = _requests()
        await closed_loop(server.port, requests, connections=CONNECTIONS, seconds=1)
        usual = await closed_loop(server.port, requests, connections=CONNECTIONS, seconds=seconds)
        capacity = rate_of(usual, seconds)
        before, cpu_s = await _refusals(server), server.cpu_s()
        offered = OVERLOAD * capacity
        answers = await open_loop(server.port, requests, rate=offered, seconds=seconds)
        after, cpu_s = await _refusals(server), server.cpu_s() - cpu_s
    refused = [answer for answer in answers if answer.status == 429]
    good = rate_of(answers, seconds)
    return {
        "capacity_per_s": round(capacity, 1),
        "offered_per_s": round(offered, 1),
        "goodput_per_s": round(good, 1),
        "goodput_share": round(good / capacity, 3),
        "offered": len(answers),
        "answered": sum(answer.status == 200 for answer in answers),
        "refused": len(refused),
        "refused_with_retry_after": sum(answer.says_when for answer in refused),
        "refused_by_metrics": after[0] - before[0],
        "answered_429_by_metrics": after[1] - before[1],
        "server_cpu_ms_per_offered": round(1000 * cpu_s / len(answers), 3),
        "server_cores": round(cpu_s / (answers[-1].came - answers[0].due), 2),
        "refused_p50_ms": percentile_ms([answer.seconds for answer in refused], 50),
        "refused_p99_ms": percentile_ms([answer.seconds for answer in refused], 99),
        "answered_p99_ms": percentile_ms([answer.seconds for answer in answers if answer.status == 200], 99),
    }


def rate_of(answers: list[Answer], seconds: float) -> float:
    """Good answers a second, by when they came; the first second, while the queue fills, does not count."""
    start = min(answer.due for answer in answers)
    return sum(answer.status == 200 and 1 < answer.came - start < seconds for answer in answers) / (seconds - 1)


def _requests() -> Iterator[bytes]:
    for number in count():
        first = number * IMAGES
        yield get(f"/v1/models/{MODEL}/samples/{first}-{first + IMAGES - 1}.npy")


async def _refusals(server: Served) -> tuple[int, int]:
    """Of the batcher, and as answers."""
    refused = await asyncio.to_thread(server.metric, "latentserve_rejections_total", reason="queue_full")
    answered = await asyncio.to_thread(server.metric, "latentserve_requests_total", status="429")
    return int(refused), int(answered)
