"""A server of its own process for one experiment, and what its metrics say."""

import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.overload.visitors import HOST
from benchmarks.processes import TICK_S


class Served:
    """A server that is ready."""

    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        self._process = process
        self.port = port

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric over all its series that have these labels."""
        url = f"http://{HOST}:{self.port}/metrics"
        with urllib.request.urlopen(url, timeout=60) as answer:
            text = answer.read().decode()
        lines = re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", text, re.MULTILINE)
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(float(value) for series, value in lines if all(one in series for one in wanted))

    def cpu_s(self) -> float:
        """CPU seconds that the process has taken, of users and of the system."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * TICK_S

    def release(self) -> None:
        """Lets a held model begin."""
        self._process.send_signal(signal.SIGUSR1)


@contextmanager
def served(*options: str, store: Path) -> Iterator[Served]:
    """`python -m benchmarks.overload.server` on a free port, stopped at the end."""
    command = [sys.executable, "-m", "benchmarks.overload.server", "--port", "0", "--store", str(store)]
    # Its log has a line for each client that leaves.
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([*command, "--drain-s", "0", *options], text=True, **pipes)  # type: ignore[call-overload]
    try:
        assert process.stdout is not None
        greeting = process.stdout.readline()
        if "http://" not in greeting:
            raise SystemExit("the server did not start")
        yield Served(process, int(greeting.split(f"http://{HOST}:")[1].split()[0]))
    finally:
        process.terminate()
        try:
            process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
