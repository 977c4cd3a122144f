"""An environment for each peer, in a folder that git does not know: peers may want what others cannot bear."""

import json
import re
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

ENVIRONMENTS = Path(__file__).parent / ".environments"
PEERS = Path(__file__).parent / "peers"
SHARED = ("torch", "onnxruntime")
"""What computes: in the very version that runs here."""
CUDA = re.compile(r"nvidia-.+-cu\d+|cuda-.+|triton")
"""Packages that only come with torch for a GPU: gigabytes that no measurement here would use."""


class CannotSetUp(Exception):
    """An environment that could not be made; the message says why and what to do."""


def python_of(name: str) -> Path | None:
    """The interpreter of a peer's environment; None until it has been set up."""
    folder = ENVIRONMENTS / name
    return folder / "bin" / "python" if (folder / ".ready").exists() else None


def set_up(name: str, python: str) -> None:
    """Makes the environment anew with that interpreter. Raises CannotSetUp."""
    folder = ENVIRONMENTS / name
    _run([python, "-m", "venv", "--clear", str(folder)])
    constraints = folder / "constraints.txt"
    constraints.write_text("".join(f"{name}=={version(name)}\n" for name in SHARED))
    wanted = ["-r", str(PEERS / name / "requirements.txt"), "-c", str(constraints)]
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    refuse_cuda(json.loads(_run([*pip, "--dry-run", "--report", "-", *wanted])))
    _run([*pip, *wanted])
    (folder / ".ready").touch()


def version_of(name: str) -> str:
    """Of the package that a peer is: the first that its requirements pin."""
    lines = (PEERS / name / "requirements.txt").read_text().splitlines()
    return next(line.partition("==")[2] for line in lines if "==" in line)


def refuse_cuda(report: dict[str, Any]) -> None:
    """Looks through what pip says it would install. Raises CannotSetUp for what only a GPU needs."""
    names = [package["metadata"]["name"] for package in report["install"]]
    found = [name for name in names if CUDA.fullmatch(name)]
    if found:
        raise CannotSetUp(
            f"pip would fetch torch for a GPU ({', '.join(found[:3])} …); name an index of its CPU wheels:"
            " PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu"
        )


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise CannotSetUp(f"{Path(command[0]).name} {' '.join(command[1:4])} ended with {done.returncode}: {last}")
    return done.stdout
