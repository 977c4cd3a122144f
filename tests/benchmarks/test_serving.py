"""A whole run, as small as it can be: our server alone, in windows of a third of a second."""

from pathlib import Path

import pytest

from benchmarks import environments
from benchmarks.__main__ import main
from benchmarks.contestants import OURS
from benchmarks.report import tables
from benchmarks.result import Result
from benchmarks.serving import Plan, run
from benchmarks.situations import ARRAYS, CLOSED, NOT_MODIFIED, OPEN

SITUATIONS = (CLOSED[1], OPEN[0], ARRAYS, NOT_MODIFIED)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(environments, "ENVIRONMENTS", tmp_path_factory.mktemp("none"))
        return run(Plan(peers=("fastapi", "triton"), situations=SITUATIONS, graphs=False, rounds=1, seconds=0.3))


def test_alone_our_server_answers_every_request_of_every_situation(result: Result) -> None:
    assert [each.situation for each in result.measurements] == [each.name for each in SITUATIONS]
    assert {each.contestant for each in result.measurements} == {OURS}
    for each in result.measurements:
        assert each.errors == 0, each
        assert each.cpu_ms, each
        assert each.p50_ms is not None
        assert each.p99_ms is not None
        assert 0 < each.p50_ms <= each.p99_ms


def test_who_has_no_environment_is_named_with_the_command_that_makes_it(result: Result) -> None:
    assert result.missing["fastapi"] == "no environment: python -m benchmarks setup fastapi"
    assert result.missing["triton"].startswith("no environment: python -m benchmarks setup triton; it needs a Python")


def test_the_parts_are_there_and_the_operations_of_an_image_are_those_of_its_layers(result: Result) -> None:
    """A multiplication and an addition for each weight at each pixel that is read."""
    (found,) = result.ceilings
    layers = ((100, 256, 1), (256, 128, 4 * 4), (128, 64, 8 * 8), (64, 1, 16 * 16))
    assert found.flops_an_image == sum(2 * inputs * outputs * 4 * 4 * pixels for inputs, outputs, pixels in layers)
    rates = (found.forward_images_per_cpu_second, found.eager_images_per_cpu_second)
    assert all(rate > 0 for each in rates for rate in each.values())
    beside = {each.situation: each for each in result.beside}
    assert beside.keys() == {CLOSED[1].name, ARRAYS.name}
    for each in (*(one.before for one in result.beside), *(one.behind for one in result.beside)):
        assert min(each.forward_images_per_cpu_second, each.forward_images_per_second_all_cores, each.png_us) > 0
    assert min(found.gemm_gflops, found.gemm_gflops_all_cores, found.png_us, found.latents_us) > 0


def test_a_run_alone_has_its_tables(result: Result) -> None:
    assert "| **latentserve** |" in tables(result)


def test_a_name_that_nobody_has_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "torchsrve"]) == 1
    assert "no peer 'torchsrve'; there are fastapi, litserve" in capsys.readouterr().err


def test_without_a_run_there_is_nothing_to_report_and_the_remedy_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "--file", str(tmp_path / "none.json")]) == 1
    assert "no run in none.json; python -m benchmarks makes one" in capsys.readouterr().err


def test_all_peers_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["peers"]) == 0
    assert "TorchServe: batches of up to 32, 1 ms, one worker; needs Java 11 or later" in capsys.readouterr().out
