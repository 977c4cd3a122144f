"""From a run's figures to what readers see."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.bars import bars, floor_rate, floor_rate_by_one_core
from benchmarks.contestants import OURS
from benchmarks.report import tables, write
from benchmarks.result import Beside, Result
from benchmarks.situations import CLOSED
from tests.benchmarks.runs import PEER, a_run, parts, window

MARKS = "before\n<!-- serving: python -m benchmarks report -->\nold\n<!-- end of serving -->\nafter\n"


def test_the_floor_rate_is_the_cores_over_the_cheapest_parts() -> None:
    # 1/5000 s for the forward pass, 20 µs for HTTP, 30 µs for the PNG
    assert floor_rate(a_run(), CLOSED[-1].name) == pytest.approx(2 / 250e-6)
    assert floor_rate_by_one_core(a_run()) == pytest.approx(2 / 250e-6)


def test_each_window_is_held_against_the_parts_of_its_own_minute() -> None:
    run, name = a_run(), CLOSED[-1].name
    # Twice as slow as in the first round, the server and the forward pass with HTTP and PNG: half of the floor, still.
    slow = replace(parts(5000), forward_images_per_cpu_second=1 / 450e-6)
    run.beside.append(Beside(round=1, situation=name, before=slow, behind=slow))
    run.measurements.append(replace(window(OURS, "ours", name, 2000, 0.8), round=1))
    assert bars(run)[2].measured == "50% / 50%"


def test_each_bar_is_the_ratio_that_it_names() -> None:
    found = [(bar.measured, bar.met) for bar in bars(a_run())]
    assert found == [
        ("4.0× / 4.0×", True),  # 4000 / 1000
        ("1.6× / 1.6×", False),  # 4000 / 2500
        ("50% / 50%", False),  # 4000 / 8000
        ("0.20 / 0.20", True),  # 0.4 / 2
        ("0.100 / 0.100", True),  # 0.4 / 4
        ("0.50 / 0.50", True),  # 20 / 40
        ("64%", False),  # 80 · 64 / 8000
        ("50%", False),  # the sheets: 4000 / 8000
        ("0.70", True),  # 1.2 - 0.5
        ("20,000", True),  # 1 / 0.05 ms
        ("70%", True),  # 5000 · 35 MFLOP of 250 GFLOP
        ("5.0×", True),  # 5000 / 1000
    ]


def test_one_load_at_which_it_fails_fails_the_bar() -> None:
    run = a_run()
    last = CLOSED[-1].name
    slow = [replace(each, requests_per_second=9000.0) for each in run.measurements if each.contestant == PEER]
    run.measurements += [each for each in slow if each.situation == last] * 2
    first = bars(run)[0]
    assert first.measured == "4.0× / 0.4×"
    assert first.met is False


def test_without_peers_what_needs_them_is_not_measured_and_neither_met_nor_missed() -> None:
    found = bars(a_run(peers=False))
    assert [bar.measured for bar in found[:6]] == [None] * 6
    assert all(bar.met is None for bar in found[:6])
    assert all(bar.measured for bar in found[6:])


def test_a_figure_is_the_median_of_its_rounds() -> None:
    run = a_run()
    name = CLOSED[0].name
    run.measurements += [window("latentserve", "ours", name, rate, 1) for rate in (1.0, 2.0)]
    assert run.median("requests_per_second", "latentserve", "ours", name) == 2.0


def test_a_run_read_from_its_file_is_the_run(tmp_path: Path) -> None:
    a_run().write(tmp_path / "run.json")
    assert Result.read(tmp_path / "run.json") == a_run()


def test_every_row_of_a_table_has_as_many_cells_as_its_head() -> None:
    for table in tables(a_run()).split("\n\n")[1:]:
        cells = {line.count("|") for line in table.strip().splitlines()}
        assert len(cells) == 1, table


def test_who_is_missing_is_said_with_the_reason_and_a_busy_machine_makes_it_provisional() -> None:
    run = a_run()
    assert "Provisional" not in tables(run)
    run.missing["ray"] = "no environment"
    run.measurements = [replace(each, others_cores=0.5) for each in run.measurements]
    assert "ray (no environment)" in tables(run)
    assert "**Provisional**: other work kept 0.5 cores busy" in tables(run)


def test_the_page_changes_between_its_marks_only_and_shows_the_picture(tmp_path: Path) -> None:
    page, picture = tmp_path / "page.md", tmp_path / "picture.png"
    page.write_text(MARKS)
    write(a_run(), page, picture)
    first = page.read_text()
    assert first.startswith("before\n<!--")
    assert first.endswith("-->\nafter\n")
    assert "old" not in first
    assert "picture.png" in first
    with Image.open(picture) as shown:
        assert shown.width > 500
    write(a_run(), page, picture)
    assert page.read_text() == first


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing")
    with pytest.raises(ValueError, match="marks"):
        write(a_run(), page, tmp_path / "picture.png")
    assert page.read_text() == "nothing"
