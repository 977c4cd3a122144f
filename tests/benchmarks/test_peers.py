"""What peers are given, and their environments."""

import ast
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import environments
from benchmarks.answers import levels_of
from benchmarks.checkpoint import write_store
from benchmarks.environments import CannotSetUp, refuse_cuda, version_of
from benchmarks.peers import PEERS
from benchmarks.peers.generator import Generate, as_written, with_ours


@pytest.fixture(scope="module")
def generators(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Generate]:
    store = tmp_path_factory.mktemp("store")
    write_store(store)
    return {"written": as_written(store, 1), "ours": with_ours(store, 1)}


@pytest.mark.parametrize("code", ["written", "ours"])
def test_a_peers_picture_does_not_depend_on_who_shares_its_batch(generators: dict[str, Generate], code: str) -> None:
    generate = generators[code]
    together = generate([(1, 3), (64, 4), (1, 5)])
    assert together == [generate([wanted])[0] for wanted in ((1, 3), (64, 4), (1, 5))]


def test_both_kinds_of_code_make_the_same_pictures(generators: dict[str, Generate]) -> None:
    for wanted in ((1, 7), (64, 8)):
        written, ours = (levels_of(generate([wanted])[0]) for generate in generators.values())
        assert written.shape == ours.shape
        assert np.abs(written.astype(int) - ours).max() <= 1


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_has_a_server_and_one_version(name: str) -> None:
    ast.parse((PEERS[name].folder / "server.py").read_text())
    assert version_of(name)[0].isdigit()


@pytest.mark.parametrize("name", PEERS)
def test_two_seeds_are_two_requests_of_a_peer(name: str) -> None:
    first, second = PEERS[name].body(1, 41), PEERS[name].body(1, 42)
    assert first != second
    json.loads(first)


def test_packages_for_a_gpu_are_refused_and_the_remedy_is_named() -> None:
    def report(*names: str) -> dict[str, object]:
        return {"install": [{"metadata": {"name": name}} for name in names]}

    refuse_cuda(report("torch", "nvidia-pytriton", "tritonclient"))
    for name in ("nvidia-cublas-cu12", "triton", "cuda-bindings"):
        with pytest.raises(CannotSetUp, match="PIP_EXTRA_INDEX_URL"):
            refuse_cuda(report("torch", name))


def test_an_environment_is_there_only_when_it_was_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "ENVIRONMENTS", tmp_path)
    (tmp_path / "ray").mkdir()
    assert environments.python_of("ray") is None
    (tmp_path / "ray" / ".ready").touch()
    assert environments.python_of("ray") == tmp_path / "ray" / "bin" / "python"
