"""A run as tables, and as the serving part of docs/performance.md with its picture."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.bars import LOADED, bars, floor_rate, floor_rate_by_one_core
from benchmarks.ceilings import BATCHES
from benchmarks.contestants import OURS, RAW
from benchmarks.picture import draw
from benchmarks.result import Code, Result
from benchmarks.situations import ARRAYS, CLOSED, HTTP_ALONE, NOT_MODIFIED, OPEN, SHEETS

DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "performance.md"
PICTURE = DOCS / "images" / "performance.png"
PART = re.compile(r"(?<=<!-- serving: python -m benchmarks report -->\n).*?(?=<!-- end of serving -->)", re.DOTALL)
QUIET_CORES = 0.1
"""Other work that keeps more than this busy makes a run provisional."""
WORDS: dict[Code, str] = {"written": "eager torch, Pillow", "ours": "our forward pass and PNG"}


def write(result: Result, page: Path = PAGE, picture: Path = PICTURE) -> None:
    """Puts the tables between the page's marks, and the picture beside it. Raises ValueError without marks."""
    text = page.read_text()
    if not PART.search(text):
        raise ValueError(f"{page.name} lacks the marks between which the tables go")
    draw(result, picture)
    shown = f"\n![Requests a second, and p99 by load]({picture.relative_to(page.parent).as_posix()})\n\n"
    page.write_text(PART.sub(lambda _: shown + tables(result) + "\n", text))


def tables(result: Result) -> str:
    """All of a run that a reader wants to see, in Markdown."""
    parts = [
        _preface(result),
        _table(("n images a request", "bar", "measured", "met"), _bar_rows(result)),
        _table(
            _head("requests/s, connections: 1", "16", "64", "p50 / p99 ms, 16", "64", "CPU ms, 16", "64", "errors"),
            _closed_rows(result),
        ),
        _table(
            _head("p50 / p99 ms, requests/s: " + f"{OPEN[0].rate}", *(f"{each.rate}" for each in OPEN[1:]), "errors"),
            _open_rows(result),
        ),
        _table(_head("images/s, n=64, 8 connections", "p50 / p99 ms", "errors"), _sheet_rows(result)),
        _table(("part", "by itself"), _ceiling_rows(result)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _preface(result: Result) -> str:
    made, plan = result.origin, result.plan
    machine = f"{made['processor']}, {plan['cores']} cores, Python {made['python']}, torch {made['torch']}"
    lines = [f"Commit {made['commit']}; {machine}; medians of {plan['rounds']} windows of {plan['seconds']:g} s."]
    if plan["settings"]:
        lines.append("Settings: " + ", ".join(f"{name}={value}" for name, value in plan["settings"].items()) + ".")
    others = result.others_cores()
    if others > QUIET_CORES:
        lines.append(f"**Provisional**: other work kept {others:.1f} cores busy meanwhile; only ratios mean something.")
    lines += [f"Not there: {name} ({why})." for name, why in result.missing.items()]
    return "\n".join(lines)


def _bar_rows(result: Result) -> Iterable[Sequence[str]]:
    for bar in bars(result):
        met = "" if bar.met is None else "yes" if bar.met else "**no**"
        yield bar.what, bar.bar, bar.measured or "not measured", met


def _closed_rows(result: Result) -> Iterable[Sequence[str]]:
    names = [each.name for each in CLOSED]
    for who in _contestants(result, names[-1]):
        rates = [_figure(result, "requests_per_second", who, name, "{:,.0f}") for name in names]
        times = [_times(result, who, name) for name in names[1:]]
        cpu = [_figure(result, "cpu_ms", who, name, "{:.2f}") for name in names[1:]]
        yield *_named(result, who), *rates, *times, *cpu, _errors(result, who, names)


def _open_rows(result: Result) -> Iterable[Sequence[str]]:
    names = [each.name for each in OPEN]
    for who in _contestants(result, names[0]):
        yield *_named(result, who), *(_times(result, who, name) for name in names), _errors(result, who, names)


def _sheet_rows(result: Result) -> Iterable[Sequence[str]]:
    for situation in (SHEETS, ARRAYS):
        for who in _contestants(result, situation.name):
            title, code = _named(result, who)
            rate = _figure(result, "images_per_second", who, situation.name, "{:,.0f}")
            times, errors = _times(result, who, situation.name), _errors(result, who, [situation.name])
            yield title, "as npy" if situation is ARRAYS else code, rate, times, errors


def _ceiling_rows(result: Result) -> Iterable[Sequence[str]]:
    def shown(figure: str, form: str, batch: int | None = None) -> str:
        found = result.ceiling(figure, batch)
        return "" if found is None else form.format(found)

    def by_batch(figure: str) -> str:
        return " / ".join(shown(figure, "{:,.0f}", batch) for batch in BATCHES)

    batches = " / ".join(map(str, BATCHES))
    yield (
        "GEMM, float32: GFLOP a CPU second; with all cores, a second",
        (shown("gemm_gflops", "{:.0f}") + "; " + shown("gemm_gflops_all_cores", "{:.0f}")),
    )
    yield f"forward pass, images a CPU second, batch {batches}", by_batch("forward_images_per_cpu_second")
    yield f"eager PyTorch, images a CPU second, batch {batches}", by_batch("eager_images_per_cpu_second")
    yield "forward pass at batch 64 on all cores, images/s", shown("forward_images_per_second_all_cores", "{:,.0f}")
    yield "forward pass at batch 1, p50 ms", shown("forward_p50_ms", "{:.2f}")
    yield "latents of a seed, CPU µs", shown("latents_us", "{:.0f}")
    yield "a thousand objects of plain Python, CPU µs", shown("python_us", "{:.0f}")
    yield "PNG of 32×32, CPU µs", shown("png_us", "{:.0f}")
    yield "raw ASGI under uvicorn, a kilobyte: CPU µs, requests/s", _cheap(result, (RAW, "ours"), HTTP_ALONE.name)
    yield "our 304: CPU µs, requests/s", _cheap(result, (OURS, "ours"), NOT_MODIFIED.name)
    floors = [_rate(floor_rate(result, each.name)) for each in LOADED]
    yield (
        "floor rate, n=1: cores ÷ (forward pass at its best batch + raw ASGI + PNG), beside 16 / 64 connections",
        " / ".join(floors),
    )
    yield "the same by parts that have one core at work", _rate(floor_rate_by_one_core(result))


def _rate(found: float | None) -> str:
    return "not measured" if found is None else f"{found:,.0f}"


def _cheap(result: Result, who: tuple[str, Code], situation: str) -> str:
    cpu = result.median("cpu_ms", *who, situation)
    rate = _figure(result, "requests_per_second", who, situation, "{:,.0f}")
    return "not measured" if cpu is None else f"{1000 * cpu:.0f}, {rate}"


def _contestants(result: Result, situation: str) -> list[tuple[str, Code]]:
    """Ours first, then as people write them, then with our code; the fastest first."""

    def order(who: tuple[str, Code]) -> tuple[bool, bool, float]:
        rate = result.median("images_per_second", *who, situation) or 0.0
        return who[0] != OURS, who[1] == "ours", -rate

    return sorted(result.contestants(situation), key=order)


def _named(result: Result, who: tuple[str, Code]) -> tuple[str, str]:
    name, code = who
    return (f"**{name}**", "") if name == OURS else (result.titles[name], WORDS[code])


def _figure(result: Result, figure: str, who: tuple[str, Code], situation: str, form: str) -> str:
    found = result.median(figure, *who, situation)
    return "–" if found is None else form.format(found)


def _times(result: Result, who: tuple[str, Code], situation: str) -> str:
    found = [result.median(figure, *who, situation) for figure in ("p50_ms", "p99_ms")]
    return " / ".join("–" if time is None else f"{time:,.0f}" if time >= 100 else f"{time:.3g}" for time in found)


def _errors(result: Result, who: tuple[str, Code], situations: Iterable[str]) -> str:
    return str(sum(result.errors(*who, situation) for situation in situations))


def _head(*columns: str) -> tuple[str, ...]:
    return ("server", "code", *columns)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """In Markdown; nothing without rows."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    sides = ["---", *("---" if column == "code" else "--:" for column in head[1:])]
    return "\n".join([f"| {' | '.join(head)} |", f"|{'|'.join(sides)}|", *lines]) if lines else ""
