"""A server in processes of its own: started, waited for, stopped, and the CPU time of all of them."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
START_S = 60.0
"""The slowest peer is ready after ten seconds on an idle machine."""
STOP_S = 20.0
POLL_S = 0.1


class DidNotStart(Exception):
    """A server that ended, or did not answer in time; the message quotes the end of what it printed."""


class Server:
    """A started command; what it prints goes to a file."""

    def __init__(self, command: Sequence[str], *, folder: Path, environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def wait_until(self, answers: Callable[[], bool]) -> None:
        """Returns when it answers as it should. Raises DidNotStart."""
        end = time.monotonic() + START_S
        while time.monotonic() < end and self._process.poll() is None:
            with suppress(OSError, ValueError):
                if answers():
                    return
            time.sleep(POLL_S)
        ended = self._process.poll()
        how = f"no good answer within {START_S:g} s" if ended is None else f"it ended with status {ended}"
        last = self._log.read_text(errors="replace").strip().splitlines()[-3:]
        raise DidNotStart(f"{how}; it printed: {' / '.join(last) or 'nothing'}")

    def cpu_s(self) -> float:
        """CPU seconds, user and system, of the server's processes since they began."""
        return sum(each.cpu_s for each in _family(self._process.pid))

    def pause(self) -> None:
        """It gets no CPU time until `go_on`: an idle server that polls would take it from the one that is measured."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Ends a pause; nothing happens without one."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """Asks it to end, and kills what is left of its family then, or when it takes too long."""
        self.go_on()
        family = _family(self._process.pid)
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=STOP_S)
        for each in family:
            if each.is_running():
                each.signal(signal.SIGKILL)
        self._process.wait(timeout=STOP_S)

    def _signal(self, number: signal.Signals) -> None:
        for each in _family(self._process.pid):
            each.signal(number)


def free_port() -> int:
    """One that nobody listens on at this moment."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def busy_s() -> float:
    """CPU seconds that the whole machine has worked since it was started, time stolen by its host included."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    user, nice, system, _idle, _waiting, interrupts, soft_interrupts, steal = map(int, fields)
    return (user + nice + system + interrupts + soft_interrupts + steal) * TICK_S


@dataclass(frozen=True)
class _Process:
    """What the kernel says of a process."""

    pid: int
    parent: int
    cpu_s: float
    """Of it, and of its children that have ended."""
    started: int
    """Ticks since the machine began: tells it from a later one with its number."""

    @classmethod
    def of(cls, pid: int) -> "_Process | None":
        """None if there is none, or it has ended and nobody has asked yet how."""
        try:
            # The program's name, in parentheses, may have spaces and parentheses of its own.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        if fields[0] == "Z":
            return None
        return cls(pid, int(fields[1]), sum(map(int, fields[11:15])) * TICK_S, int(fields[19]))

    def signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def is_running(self) -> bool:
        now = _Process.of(self.pid)
        return now is not None and now.started == self.started


def _family(root: int) -> list[_Process]:
    """The process and all that come from it."""
    found = [_Process.of(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    processes = {each.pid: each for each in found if each is not None}
    family = [processes[root]] if root in processes else []
    for member in family:  # grows while it is walked
        family.extend(each for each in processes.values() if each.parent == member.pid)
    return family
