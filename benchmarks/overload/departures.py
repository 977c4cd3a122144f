"""A thousand clients wait, half of them leave: what do those cost who have gone?"""

import asyncio
import random
from pathlib import Path
from typing import Any

from benchmarks.checkpoint import MODEL
from benchmarks.overload.served import Served, served
from benchmarks.overload.visitors import arrive, get

CLIENTS = 1000
LEAVE = 500
ROW_MS = 1.0
SETTLED_S = 0.3
PATIENCE_S = 60.0


async def departures(store: Path) -> dict[str, Any]:
    """The model is held until all have come and half have left, so that what each costs is a number and no guess."""
    with served("--held", "--row-ms", str(ROW_MS), "--deadline-s", "120", store=store) as server:
        visitors = [await arrive(server.port) for _ in range(CLIENTS)]
        answers = [visitor.ask(get(f"/v1/models/{MODEL}/samples/{seed}.png")) for seed, visitor in enumerate(visitors)]
        queued = await _settled(server, CLIENTS)
        leavers = set(random.Random(1).sample(range(CLIENTS), LEAVE))
        for number in leavers:
            visitors[number].leave()
        still_queued = await _settled(server, queued - 1)
        server.release()
        stayed = await asyncio.gather(*(answers[number] for number in range(CLIENTS) if number not in leavers))
        rows = await _metric(server, "latentserve_batch_rows_sum")
        cancelled = await _metric(server, "latentserve_rejections_total", reason="cancelled")
        left_over = await _metric(server, "latentserve_queue_rows")
    for visitor in visitors:
        visitor.leave()
    return {
        "clients": CLIENTS,
        "running_when_held": CLIENTS - queued,
        "left": LEAVE,
        "left_while_queued": queued - still_queued,
        "answered": sum(status == 200 for status, _ in stayed),
        "cancelled_by_metrics": cancelled,
        "rows_run": rows,
        "rows_for_those_who_left_while_queued": rows - (CLIENTS - LEAVE) - (LEAVE - (queued - still_queued)),
        "rows_for_those_who_left_while_running": LEAVE - (queued - still_queued),
        "queued_at_the_end": left_over,
    }


async def _settled(server: Served, at_most: int) -> int:
    """The rows that wait, once their number no longer changes and is not above the bound."""
    last, end = -1, asyncio.get_running_loop().time() + PATIENCE_S
    while asyncio.get_running_loop().time() < end:
        now = await _metric(server, "latentserve_queue_rows")
        if now == last and 0 < now <= at_most and now >= at_most // 2 - 1:
            return now
        last = now
        await asyncio.sleep(SETTLED_S)
    raise SystemExit(f"the queue does not settle: {last} rows")


async def _metric(server: Served, name: str, **labels: str) -> int:
    return int(await asyncio.to_thread(server.metric, name, **labels))
