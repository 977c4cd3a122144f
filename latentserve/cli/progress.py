"""What a terminal shows while something takes long; on stderr, and nothing where nobody looks on."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import TaskID


class Progress:
    """A bar once a call needs several requests."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bars = Bars(console=self._console, transient=True, disable=not self._console.is_terminal)
        self._task: TaskID | None = None

    def step(self, done: int, total: int) -> None:
        """Called after each request."""
        if self._task is None:
            self._bars.start()
            self._task = self._bars.add_task("requests", total=total)
        self._bars.update(self._task, completed=done)

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Shows that something goes on."""
        with self._console.status(text):
            yield

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()
