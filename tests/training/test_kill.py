"""kill -9 at random moments: a campaign with real processes, slow because each of them has to start."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SMALL = (
    "--image-size 8 --widths 4 --latent-dim 3 --hidden 8 --couplings 2 --flow-hidden 8 --steps 3000 --batch-size 16 "
    "--validate-every 100 --threads 1"
)
KILLS = 8


def training(*arguments: str) -> "subprocess.Popen[bytes]":
    """A training process of its own."""
    command = [sys.executable, "-m", "training", *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.slow
def test_a_run_killed_many_times_ends_bit_identical(tmp_path: Path) -> None:
    """SIGKILL at random moments, resumed each time: weights, optimizer and statistics are those of a quiet run."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    generator = np.random.default_rng(0)
    for index in range(80):
        Image.fromarray(generator.integers(0, 256, (8, 8), dtype=np.uint8)).save(pictures / f"{index}.png")
    flags = ["vae", "--data", str(pictures), *SMALL.split()]
    assert training(*flags, "--runs", str(tmp_path / "whole")).wait(timeout=300) == 0
    whole, killed = tmp_path / "whole/0001-vae", tmp_path / "killed/0001-vae"

    delays = random.Random(0)
    process = training(*flags, "--runs", str(tmp_path / "killed"))
    for _ in range(KILLS):
        wait_for_statistics(killed, process)
        time.sleep(delays.uniform(0.0, 1.0))
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=60)
        process = training("vae", "--resume", str(killed))

    assert process.wait(timeout=300) == 0
    for name in ("last.safetensors", "best.safetensors", "statistics.jsonl", "samples/003000.png"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name


def wait_for_statistics(run: Path, process: "subprocess.Popen[bytes]") -> None:
    """Until the process has written a line of its own, so that the kill meets it at work."""
    path = run / "statistics.jsonl"
    before = path.stat().st_mtime_ns if path.exists() else 0
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if path.exists() and path.stat().st_mtime_ns > before:
            return
        time.sleep(0.02)
