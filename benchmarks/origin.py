"""Where a result comes from: kept beside every figure."""

import platform
import subprocess
from pathlib import Path

import torch

RESULTS = Path(__file__).parent / "results"


def origin() -> dict[str, str]:
    """Commit and what computed; no name of the machine."""
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "commit": found.stdout.strip(),
        "processor": _processor(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
