"""The service's forward pass without the service: what the server, and the peers given our code, are measured by."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.checkpoint import MODEL
from models_store import Store
from models_store.latents import Floats
from service.engine.cpu_runner import CpuRunner

MOST_ROWS = 64
"""Of one batch, as the service's default."""

Forward = Callable[[Floats], Floats]
"""Latents (N, D) -> pixels (N, C, H, W) in [0, 1]."""


def our_forward(store: Path, threads: int) -> Forward:
    """The service's runner, warmed up, with so many kernel threads."""
    model = Store.load(store)[MODEL]
    runner = CpuRunner([model], threads=threads, max_batch=MOST_ROWS)
    runner.warm_up()
    key = (model.digest, "decode")
    return lambda latents: runner.run(key, [latents])


def our_forward_in_parts(store: Path, workers: int) -> Forward:
    """The same with its rows shared among so many threads: the most that a machine can do."""
    forward, pool = our_forward(store, 1), ThreadPoolExecutor(workers)
    return lambda latents: np.concatenate(list(pool.map(forward, np.array_split(latents, workers))))
