"""What issue 3 says must be true of the speed: bar, measured, met or not, each from one run."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.ceilings import Parts
from benchmarks.contestants import OURS, RAW
from benchmarks.result import Code, Measurement, Result
from benchmarks.situations import ARRAYS, CLOSED, HTTP_ALONE, NOT_MODIFIED, SHEETS

ALONE, SIXTEEN, SIXTY_FOUR = CLOSED
LOADED = (SIXTEEN, SIXTY_FOUR)
PLAIN = "fastapi"
LARGE_BATCHES = (32, 64)


@dataclass(frozen=True)
class Bar:
    """A line of the table; `measured` is None where the run lacks what it needs."""

    what: str
    bar: str
    measured: str | None
    met: bool | None


def bars(result: Result) -> list[Bar]:
    """All of them, in the issue's order."""
    against = [
        _throughput(result, "written", 3.5, "as its users write it"),
        _throughput(result, "ours", 2.0, "given our forward pass and PNG writer"),
        _at_least("n=1: of the floor rate of the parts", 0.70, _loaded(result, _of_floor), "{:.0%}"),
        _at_most("n=1: CPU time of a request, of the best peer's", 1 / 3, _loaded(result, _cpu_of_best), "{:.2f}"),
        _at_most("n=1: CPU time of a request, of plain FastAPI's", 1 / 8, _loaded(result, _cpu_of_plain), "{:.3f}"),
        _at_most("n=1: p99, of the lowest of any peer", 1.0, _loaded(result, _p99_of_best), "{:.2f}", below=True),
    ]
    return [*against, *_large(result), *_small(result), *_network(result)]


def floor_rate(result: Result, situation: str) -> float | None:
    """Requests a second if every core did nothing but forward passes, HTTP and PNG, each at its cheapest; beside the
    windows of a situation.
    """
    if (http_ms := _http_ms(result)) is None:
        return None
    return result.median_of_parts(lambda _, parts: _floor_beside(parts, result, http_ms), OURS, "ours", situation)


def floor_rate_by_one_core(result: Result) -> float | None:
    """The same with the parts as they are when the other cores rest, at the beginning of each round."""
    batches = result.ceilings[0].forward_images_per_cpu_second if result.ceilings else ()
    forward = max((rate for batch in batches if (rate := _forward(result, int(batch)))), default=None)
    http_ms, png_us = _http_ms(result), result.ceiling("png_us")
    if http_ms is None or png_us is None or forward is None:
        return None
    return _floor(result, forward, http_ms, png_us)


def _floor_beside(parts: Parts, result: Result, http_ms: float) -> float:
    return _floor(result, parts.forward_images_per_cpu_second, http_ms, parts.png_us)


def _floor(result: Result, forward_rate: float, http_ms: float, png_us: float) -> float:
    return float(result.plan["cores"]) / (1 / forward_rate + http_ms / 1e3 + png_us / 1e6)


def _http_ms(result: Result) -> float | None:
    return result.median("cpu_ms", RAW, "ours", HTTP_ALONE.name)


def _forward(result: Result, batch: int) -> float | None:
    return result.ceiling("forward_images_per_cpu_second", batch)


def _throughput(result: Result, code: Code, bar: float, how: str) -> Bar:
    def ratio(result: Result, situation: str) -> float | None:
        best = max(_peers(result, "requests_per_second", situation, (code,)), default=None)
        return _over(_ours(result, "requests_per_second", situation), best)

    return _at_least(f"n=1: throughput over the best peer {how}", bar, _loaded(result, ratio), "{:.1f}×")


def _of_floor(result: Result, situation: str) -> float | None:
    if (http_ms := _http_ms(result)) is None:
        return None

    def share(window: Measurement, parts: Parts) -> float:
        return window.requests_per_second / _floor_beside(parts, result, http_ms)

    return result.median_of_parts(share, OURS, "ours", situation)


def _cpu_of_best(result: Result, situation: str) -> float | None:
    best = min(_peers(result, "cpu_ms", situation, ("written",)), default=None)
    return _over(_ours(result, "cpu_ms", situation), best)


def _cpu_of_plain(result: Result, situation: str) -> float | None:
    return _over(_ours(result, "cpu_ms", situation), result.median("cpu_ms", PLAIN, "written", situation))


def _p99_of_best(result: Result, situation: str) -> float | None:
    best = min(_peers(result, "p99_ms", situation, ("written", "ours")), default=None)
    return _over(_ours(result, "p99_ms", situation), best)


def _large(result: Result) -> Iterable[Bar]:
    def share(window: Measurement, parts: Parts) -> float:
        # Threads can be in one another's way: then the most that there is has one core.
        most = max(parts.forward_images_per_second_all_cores, parts.forward_images_per_cpu_second)
        return window.images_per_second / most

    for situation, bar, form in ((ARRAYS, 0.90, "npy"), (SHEETS, 0.80, "PNG sheet")):
        found = result.median_of_parts(share, OURS, "ours", situation.name)
        yield _at_least(f"n=64 as {form}: of the bare forward pass on all cores", bar, _known(found), "{:.0%}")


def _small(result: Result) -> Iterable[Bar]:
    server, bare = _ours(result, "p50_ms", ALONE.name), result.ceiling("forward_p50_ms")
    added = None if server is None or bare is None else server - bare
    yield _at_most("idle, n=1: p50 beyond the bare forward pass, ms", 1.0, _known(added), "{:.2f}", below=True)
    cpu, raw = _ours(result, "cpu_ms", NOT_MODIFIED.name), result.median("cpu_ms", RAW, "ours", HTTP_ALONE.name)
    bar = 15_000.0 if raw is None else min(15_000.0, 0.8 * 1e3 / raw)
    yield _at_least("304, requests a CPU second", bar, _known(_over(1e3, cpu)), "{:,.0f}")


def _network(result: Result) -> Iterable[Bar]:
    peak, flops = result.ceiling("gemm_gflops"), result.ceiling("flops_an_image")
    rates = [rate for batch in LARGE_BATCHES if (rate := _forward(result, batch))]
    share = None if peak is None or flops is None or not rates else min(rates) * flops / 1e9 / peak
    yield _at_least("forward pass at batch 32 and 64: of the GEMM peak", 0.60, _known(share), "{:.0%}")
    faster = _over(_forward(result, 1), result.ceiling("eager_images_per_cpu_second", 1))
    yield _at_least("forward pass at batch 1: over eager PyTorch", 3.0, _known(faster), "{:.1f}×")


def _loaded(result: Result, figure: Callable[[Result, str], float | None]) -> tuple[float, ...]:
    """A ratio at 16 and at 64 connections: both have to reach the bar."""
    return tuple(found for each in LOADED if (found := figure(result, each.name)) is not None)


def _ours(result: Result, figure: str, situation: str) -> float | None:
    return result.median(figure, OURS, "ours", situation)


def _peers(result: Result, figure: str, situation: str, codes: tuple[Code, ...]) -> list[float]:
    those = [who for who in result.contestants(situation) if who[0] != OURS and who[1] in codes]
    return [found for who in those if (found := result.median(figure, *who, situation)) is not None]


def _over(above: float | None, below: float | None) -> float | None:
    return above / below if above is not None and below else None


def _at_least(what: str, bar: float, values: tuple[float, ...], form: str) -> Bar:
    met = min(values) >= bar if values else None
    return Bar(what, f"≥ {form.format(bar)}", _shown(values, form), met)


def _at_most(what: str, bar: float, values: tuple[float, ...], form: str, *, below: bool = False) -> Bar:
    met = (max(values) < bar if below else max(values) <= bar) if values else None
    return Bar(what, f"{'<' if below else '≤'} {form.format(bar)}", _shown(values, form), met)


def _known(found: float | None) -> tuple[float, ...]:
    return () if found is None else (found,)


def _shown(values: tuple[float, ...], form: str) -> str | None:
    """One value, or those at 16 and at 64 connections."""
    return " / ".join(form.format(value) for value in values) or None
