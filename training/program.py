"""By what name the reader started this program, so that every hint can be typed as it stands."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

MODULE = "python -m training"
PROGRAM = "latentserve"
WORDS = {"evaluate": "eval", "export": "models add", "data": "data prepare"}
"""What `latentserve` calls them; every other command trains, but for `lecture`, which it does not have."""
_started: ContextVar[str] = ContextVar("started", default=MODULE)


@contextmanager
def started_as(program: str) -> Iterator[None]:
    """Inside, hints speak of that program: `MODULE` or `PROGRAM`."""
    token = _started.set(program)
    try:
        yield
    finally:
        _started.reset(token)


def command(name: str, *arguments: object) -> str:
    """What to type for a command of this package."""
    ours = _started.get() == MODULE or name == "lecture"
    words = f"{MODULE} {name}" if ours else f"{PROGRAM} {WORDS.get(name, f'train {name}')}"
    return " ".join([words, *map(str, arguments)])


def resume(kind: str, folder: object) -> str:
    """What to type to go on with a run; `latentserve` reads its kind from the folder."""
    verb = f"{MODULE} {kind}" if _started.get() == MODULE else f"{PROGRAM} train"
    return f"{verb} --resume {folder}"


def speaker() -> str:
    """Who says what went wrong."""
    return "training" if _started.get() == MODULE else PROGRAM
