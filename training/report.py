"""What a run shows while it goes on: a progress bar or plain lines, TensorBoard curves, grids of pictures."""

import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

from models_store.pixels import Bytes, sheet, to_bytes
from training.objective import Pictures

SCALE = 2
"""Grids are saved this many times larger: 28 pixels are a stamp on today's screens."""


FIRST_STEPS = 10
"""After so many, the speed is known, and said."""
SILENCE_S = 5.0
"""Until the first terms nobody waits longer for a sign of life."""
LATER_SILENCE_S = 60.0
"""Once the reader knows how fast it goes."""


class Report:
    """Use as a context manager; curves after `start`, left by a killed run, are dropped."""

    def __init__(self, folder: Path, *, steps: int, start: int, batch_size: int) -> None:
        self.steps, self.batch_size = steps, batch_size
        self.board = SummaryWriter(str(folder), purge_step=start)
        self.console = Console()
        columns = (
            TextColumn("{task.completed}/{task.total}"),
            BarColumn(),
            TextColumn("{task.fields[terms]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        self.bar = Progress(*columns, console=self.console, disable=not sys.stdout.isatty())
        self.task: TaskID = self.bar.add_task("training", total=steps, completed=start, terms="")
        self.start = start
        self.since, self.since_step = time.monotonic(), start
        self.spoke, self.silence_s = self.since, SILENCE_S

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()
        self.board.close()

    def terms(self, step: int, values: dict[str, float]) -> None:
        """The means over the last ticks: on the bar, or as a line where there is no terminal."""
        rate = self._rate(step)
        self.since, self.since_step = time.monotonic(), step
        self.silence_s = LATER_SILENCE_S
        self._progress(step, rate, "  ".join(f"{name} {value:.4g}" for name, value in values.items()) + "  ")
        for name, value in (values | {"images_per_second": rate}).items():
            self.board.add_scalar(f"training/{name}", value, step)

    def alive(self, step: int) -> None:
        """Speed and time left: after the first steps, and whenever nothing was said for long. Terms are not read."""
        if step - self.start == FIRST_STEPS or time.monotonic() - self.spoke > self.silence_s:
            self._progress(step, self._rate(step), "")

    def validation(self, step: int, values: dict[str, float], *, best: bool) -> None:
        """A line that stays, above the bar."""
        text = "  ".join(f"{name} {value:.5g}" for name, value in values.items())
        self.console.print(
            f"validation at {step}  {text}{'  (best so far)' if best else ''}", highlight=False, soft_wrap=True
        )
        for name, value in values.items():
            self.board.add_scalar(f"validation/{name}", value, step)

    def pictures(self, step: int, name: str, images: Pictures, path: Path) -> None:
        """Saves a grid of eight columns and shows it to TensorBoard."""
        grid = save_grid(path, images)
        self.board.add_image(name, grid, step, dataformats="HWC")

    def say(self, text: str) -> None:
        """A line for the reader."""
        self.console.print(text, highlight=False, soft_wrap=True)

    def _progress(self, step: int, rate: float, terms: str) -> None:
        text = f"{terms}{rate:.0f} images/s"
        self.spoke = time.monotonic()
        if sys.stdout.isatty():
            self.bar.update(self.task, completed=step, terms=text)
        else:
            self.say(f"step {step}/{self.steps}  {text}  {time_left((self.steps - step) * self.batch_size / rate)}")

    def _rate(self, step: int) -> float:
        """Images a second since the last terms."""
        return (step - self.since_step) * self.batch_size / max(time.monotonic() - self.since, 1e-9)


def time_left(seconds: float) -> str:
    """In the unit in which one would say it."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.{int(unit == 'h')}f} {unit} left"
    return f"{seconds:.0f} s left"


def save_grid(path: Path, images: Pictures) -> Bytes:
    """Images (N, C, H, W) in [0, 1] -> a PNG of eight columns; returns its bytes (H, W, C)."""
    grid = sheet(to_bytes(images), columns=8)
    grid = grid.repeat(SCALE, axis=0).repeat(SCALE, axis=1)
    Image.fromarray(grid[..., 0] if grid.shape[2] == 1 else grid).save(path)
    return grid
