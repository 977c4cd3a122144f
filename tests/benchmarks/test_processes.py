"""Servers as trees of processes."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.processes import DidNotStart, Server, busy_s

CHILD = """import time
end = time.process_time() + 0.4
while time.process_time() < end:
    pass
print("done", flush=True)
time.sleep(60)"""
PARENT = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {CHILD!r}]); time.sleep(60)"


@contextmanager
def started(program: str, folder: Path) -> Iterator[Server]:
    server = Server([sys.executable, "-c", program], folder=folder, environment={}, log=folder / "log")
    try:
        yield server
    finally:
        server.stop()


def test_cpu_time_is_that_of_children_too_and_of_nobody_else(tmp_path: Path) -> None:
    before = busy_s()
    with started(PARENT, tmp_path) as server:
        server.wait_until(lambda: "done" in (tmp_path / "log").read_text())
        found = server.cpu_s()
        machine = busy_s() - before
    assert 0.35 < found <= machine + 0.1


def test_stopping_ends_children_too(tmp_path: Path) -> None:
    with started(PARENT, tmp_path) as server:
        server.wait_until(lambda: "done" in (tmp_path / "log").read_text())
    time.sleep(0.1)
    assert server.cpu_s() == 0
    assert not [entry for entry in Path("/proc").glob("[0-9]*/cmdline") if b"0.4" in _read(entry)]


def test_what_ends_at_once_has_not_started_and_its_last_words_are_told(tmp_path: Path) -> None:
    with started("raise SystemExit('no such model')", tmp_path) as server, pytest.raises(DidNotStart) as caught:
        server.wait_until(lambda: False)
    assert "ended with status 1" in str(caught.value)
    assert "no such model" in str(caught.value)


def test_a_paused_server_works_no_more_until_it_goes_on(tmp_path: Path) -> None:
    with started("print('up', flush=True)\nwhile True: pass", tmp_path) as server:
        server.wait_until(lambda: "up" in (tmp_path / "log").read_text())
        server.pause()
        time.sleep(0.05)
        before = server.cpu_s()
        time.sleep(0.2)
        assert server.cpu_s() == before
        server.go_on()
        server.wait_until(lambda: server.cpu_s() > before)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""
