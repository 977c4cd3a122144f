"""A run with figures that one can work out by hand."""

from benchmarks.ceilings import BATCHES, Ceilings, Parts
from benchmarks.contestants import OURS, RAW
from benchmarks.result import Beside, Code, Measurement, Result
from benchmarks.situations import ARRAYS, CLOSED, HELD_AGAINST_PARTS, HTTP_ALONE, NOT_MODIFIED, OPEN, SHEETS

PLAN = {"graphs": True, "rounds": 1, "seconds": 1.0, "peer_threads": 1, "settings": {}, "cores": 2}
ORIGIN = {"commit": "abc1234", "processor": "a processor", "python": "3.11", "torch": "2.13"}
PEER = "litserve"


def a_run(*, peers: bool = True) -> Result:
    """Ours answers 4,000 requests/s at 0.4 CPU ms, the peer 1,000 at 2 ms, plain FastAPI 400 at 4 ms."""
    result = Result(dict(ORIGIN), dict(PLAN), titles={OURS: OURS, RAW: "raw", PEER: "LitServe", "fastapi": "FastAPI"})
    result.ceilings.append(ceilings())
    for situation in HELD_AGAINST_PARTS:
        result.beside.append(Beside(round=0, situation=situation.name, before=parts(4000), behind=parts(5000)))
    for situation in (*CLOSED, *OPEN, SHEETS):
        result.measurements.append(window(OURS, "ours", situation.name, 4000, 0.4, p99_ms=20))
        if peers:
            result.measurements.append(window(PEER, "written", situation.name, 1000, 2, p99_ms=80))
            result.measurements.append(window(PEER, "ours", situation.name, 2500, 1, p99_ms=40))
            result.measurements.append(window("fastapi", "written", situation.name, 400, 4, p99_ms=800))
    result.measurements.append(window(OURS, "ours", ARRAYS.name, 80, 12, images=64))
    result.measurements.append(window(OURS, "ours", NOT_MODIFIED.name, 9000, 0.05))
    if peers:
        result.measurements.append(window(RAW, "ours", HTTP_ALONE.name, 40_000, 0.02))
    return result


def window(
    contestant: str, code: Code, situation: str, rate: float, cpu_ms: float, *, p99_ms: float = 50, images: int = 1
) -> Measurement:
    """One of a quiet machine."""
    return Measurement(
        round=0,
        contestant=contestant,
        code=code,
        situation=situation,
        requests_per_second=rate,
        images_per_second=rate * images,
        p50_ms=1.2,
        p99_ms=p99_ms,
        cpu_ms=cpu_ms,
        client_cpu_ms=0.02,
        errors=0,
        others_cores=0.0,
    )


def parts(rate: float) -> Parts:
    """A forward pass of so many images a CPU second, and 8,000 images a second by all cores."""
    return Parts(forward_images_per_cpu_second=rate, forward_images_per_second_all_cores=8000.0, png_us=30.0)


def ceilings() -> Ceilings:
    """A forward pass at 70 % of the GEMM peak, 5,000 images a CPU second at its best."""
    rates = {str(batch): 5000.0 for batch in BATCHES}
    return Ceilings(
        flops_an_image=35_000_000,
        gemm_gflops=250.0,
        gemm_gflops_all_cores=500.0,
        forward_images_per_cpu_second=rates,
        forward_p50_ms=0.5,
        forward_images_per_second_all_cores=8000.0,
        eager_images_per_cpu_second={str(batch): 1000.0 for batch in BATCHES},
        png_us=30.0,
        latents_us=10.0,
        python_us=300.0,
    )
