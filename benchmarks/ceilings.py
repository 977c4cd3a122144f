"""What the machine, the network and the parts of an answer cost by themselves, in this process, in the same run.

Rates of one thread are per second of CPU time, which other work on the machine disturbs less than the clock. What a
window of our server is held against is measured beside it, before and behind, and with all cores at work as the server
has them: a machine that has neighbours is another one a minute later, and slower with two cores than with one.
"""

import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import torch

from benchmarks.checkpoint import MODEL, SIDE, flops_an_image, stored
from benchmarks.forward import Forward, our_forward, our_forward_in_parts
from models_store.latents import Floats, normals
from service.media.png import encode_png

BATCHES = (1, 8, 16, 32, 64)
GEMM_SIDE = 1024
RECIPE = {"resource": "samples", "model": MODEL, "digest": "0" * 64, "seed": 42, "index": 0, "temperature": 1.0}
CORES = os.cpu_count() or 1


@dataclass(frozen=True, kw_only=True)
class Ceilings:
    """One round's figures, medians of many calls; all but those named otherwise with one thread."""

    flops_an_image: int
    gemm_gflops: float
    """Of float32, in GFLOP a CPU second; of all calls the fastest, for it is a peak."""
    gemm_gflops_all_cores: float
    """Of float32 with a thread for each core, in GFLOP a second."""
    forward_images_per_cpu_second: dict[str, float]
    """Batch size -> our runner's rate."""
    forward_p50_ms: float
    """Of our runner at batch 1, by the clock."""
    forward_images_per_second_all_cores: float
    """Of our runner at batch 64, its rows shared among a thread for each core."""
    eager_images_per_cpu_second: dict[str, float]
    """Batch size -> the rate of the network as PyTorch runs it."""
    png_us: float
    """CPU time of writing one 32×32 picture with its recipe."""
    latents_us: float
    """CPU time of drawing the latents of one seed."""
    python_us: float
    """CPU time of a thousand plain objects, made, called and kept: interpreters of one version differ by how they were
    built."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Of an answer, beside one window of our server."""

    forward_images_per_cpu_second: float
    """Of our runner at its best batch, while each core runs one."""
    forward_images_per_second_all_cores: float
    """Of our runner at batch 64, its rows shared among a thread for each core."""
    png_us: float
    """CPU time of writing one 32×32 picture with its recipe."""


class Bench:
    """The parts, made once and timed every round."""

    def __init__(self, store: Path) -> None:
        self._network = stored(store)
        self._forward = our_forward(store, 1)
        self._forward_all_cores = our_forward_in_parts(store, CORES)
        self._flops = flops_an_image(self._network)

    def measure(self, seconds: float) -> Ceilings:
        """Each part for so many seconds."""
        torch.set_num_threads(CORES)
        gemm_all_cores = min(_times(_gemm(), seconds, time.perf_counter))
        all_cores = self._all_cores(seconds)
        torch.set_num_threads(1)
        return Ceilings(
            flops_an_image=self._flops,
            gemm_gflops=_GEMM_GFLOP / min(_times(_gemm(), seconds, time.process_time)),
            gemm_gflops_all_cores=_GEMM_GFLOP / gemm_all_cores,
            forward_images_per_cpu_second=self._rates(self._forward, seconds),
            forward_p50_ms=1000 * _wall(self._call(self._forward, 1), seconds),
            forward_images_per_second_all_cores=all_cores,
            eager_images_per_cpu_second=self._rates(self._eager, seconds),
            png_us=self._png_us(seconds),
            latents_us=1e6 * _cpu(lambda: normals(42, [0], self._network.latent_dim), seconds),
            python_us=1e6 * _cpu(_plain_python, seconds),
        )

    def parts(self, seconds: float) -> Parts:
        """Each for so many seconds."""
        return Parts(
            forward_images_per_cpu_second=max(
                batch / _cpu_on_each_core(self._call(self._forward, batch), seconds) for batch in BATCHES
            ),
            forward_images_per_second_all_cores=self._all_cores(seconds),
            png_us=self._png_us(seconds),
        )

    def _all_cores(self, seconds: float) -> float:
        return BATCHES[-1] / _wall(self._call(self._forward_all_cores, BATCHES[-1]), seconds)

    def _png_us(self, seconds: float) -> float:
        picture = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 1), dtype=np.uint8)
        return 1e6 * _cpu(lambda: encode_png(picture, RECIPE), seconds)

    def _rates(self, forward: Forward, seconds: float) -> dict[str, float]:
        return {str(batch): batch / _cpu(self._call(forward, batch), seconds) for batch in BATCHES}

    def _call(self, forward: Forward, batch: int) -> Callable[[], object]:
        latents = normals(0, range(batch), self._network.latent_dim)
        return lambda: forward(latents)

    def _eager(self, latents: Floats) -> Floats:
        with torch.inference_mode():
            return self._network.decode(torch.from_numpy(latents)).numpy()


class _Plain:
    """An object like any other."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number

    def named(self, prefix: str) -> str:
        return f"{prefix}{self.number}"


def _plain_python() -> object:
    return {each.named("seed "): each for each in map(_Plain, range(1000))}


_GEMM_GFLOP = 2 * GEMM_SIDE**3 / 1e9


def _gemm() -> Callable[[], object]:
    left, right = torch.randn(GEMM_SIDE, GEMM_SIDE), torch.randn(GEMM_SIDE, GEMM_SIDE)
    return lambda: left @ right


def _cpu(part: Callable[[], object], seconds: float) -> float:
    """The median CPU time of a call, in seconds."""
    return statistics.median(_times(part, seconds, time.process_time))


def _cpu_on_each_core(part: Callable[[], object], seconds: float) -> float:
    """The median CPU time of a call while as many threads as there are cores make it, in seconds."""
    with ThreadPoolExecutor(CORES) as pool:
        found = pool.map(lambda _: _times(part, seconds, time.thread_time), range(CORES))
        return statistics.median(chain.from_iterable(found))


def _wall(part: Callable[[], object], seconds: float) -> float:
    """The median time of a call by the clock, in seconds."""
    return statistics.median(_times(part, seconds, time.perf_counter))


def _times(part: Callable[[], object], seconds: float, clock: Callable[[], float]) -> list[float]:
    part()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        started = clock()
        part()
        times.append(clock() - started)
    return times
