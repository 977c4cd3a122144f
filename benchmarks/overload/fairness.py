"""A client that asks for one image now and then, alone and while another floods."""

import asyncio
import time
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.checkpoint import MODEL
from benchmarks.latencies import percentile_ms
from benchmarks.overload.served import served
from benchmarks.overload.visitors import arrive, closed_loop, get
from service.engine.batcher import BATCH_S

ROW_MS = 1.0
FLOODERS = 16
FLOOD_IMAGES = 64
LIGHT = "127.0.0.2"
"""The whole of 127.0.0.0/8 is this machine: another address is another client."""
PAUSE_S = 0.1


async def fairness(store: Path, seconds: float) -> dict[str, Any]:
    """One server; the light client's times alone, then beside sheets of 64 from another address."""
    with served("--row-ms", str(ROW_MS), store=store) as server:
        alone = await _light(server.port, seconds)
        floods = (
            get(f"/v1/models/{MODEL}/samples/{first}-{first + FLOOD_IMAGES - 1}.npy")
            for first in count(0, FLOOD_IMAGES)
        )
        flood = asyncio.ensure_future(closed_loop(server.port, floods, connections=FLOODERS, seconds=seconds + 1))
        await asyncio.sleep(1)
        beside = await _light(server.port, seconds)
        flooded = await flood
        refused = await asyncio.to_thread(server.metric, "latentserve_rejections_total")
    alone_ms, beside_ms = percentile_ms(alone, 99), percentile_ms(beside, 99)
    assert alone_ms is not None
    assert beside_ms is not None
    return {
        "light_alone_p50_ms": percentile_ms(alone, 50),
        "light_alone_p99_ms": alone_ms,
        "light_beside_p50_ms": percentile_ms(beside, 50),
        "light_beside_p99_ms": beside_ms,
        "bound_ms": 2 * alone_ms + 1000 * BATCH_S,
        "light_requests": len(beside),
        "flood_images_per_s": round(FLOOD_IMAGES * len(flooded) / (seconds + 1), 1),
        "refused": int(refused),
    }


async def _light(port: int, seconds: float) -> list[float]:
    """One request after another, with pauses."""
    visitor, times, end = await arrive(port, LIGHT), [], time.perf_counter() + seconds
    seed = 0
    while time.perf_counter() < end:
        started = time.perf_counter()
        status, _ = await visitor.ask(get(f"/v1/models/{MODEL}/samples/{(seed := seed + 1)}.npy"))
        assert status == 200
        times.append(time.perf_counter() - started)
        await asyncio.sleep(PAUSE_S)
    visitor.leave()
    return times
