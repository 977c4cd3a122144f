"""Commands that the training package does; its own command line explains and checks their arguments."""

import json
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from latentserve.cli.app import COMMANDS, examples, usage
from latentserve.cli.outcome import USAGE

Arguments = Annotated[str, Parameter(allow_leading_hyphen=True, help="as of the program behind it")]
HELP = ({"--help"}, {"-h"}, set[str]())


def run_training(arguments: list[str]) -> int:
    """`python -m training` in this process, which speaks as this program; returns its exit code."""
    from latentserve.local import package  # noqa: PLC0415  # httpx and torch are not needed before

    try:
        found: int = package("training.__main__").main(arguments, started_as="latentserve")
    except SystemExit as error:  # argparse ends so, after its own message
        return error.code if isinstance(error.code, int) else USAGE
    return found


def train(*arguments: Arguments) -> int:
    """Train a model: the kind, then options of that kind.

    `latentserve train vae --help` explains all that a VAE can be told; `--resume RUN` goes on with a run.
    """
    if set(arguments) in HELP:
        return _explain("train", ["--help"])
    given = passed_on(arguments)
    _require_kind(given[0])
    return run_training(given)


def passed_on(arguments: Sequence[str]) -> list[str]:
    """What training is told: the kind of a run that goes on is known, and need not be said."""
    given = list(arguments)
    if given[0].startswith("-") and "--resume" in given[:-1]:
        return [_kind_of(Path(given[given.index("--resume") + 1])), *given]
    return given


def _require_kind(word: str) -> None:
    """Raises ValueError for what is no kind of training, with the nearest."""
    from latentserve.local import package  # noqa: PLC0415  # as above

    kinds = list(package("training.kinds").KINDS)
    if word in kinds:
        return
    near = get_close_matches(word, kinds, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise ValueError(f"there is no kind of training {word!r}; {hint}there are {', '.join(kinds)}")


def evaluate(*arguments: Arguments) -> int:
    """The metrics of a run or of a model, with their protocol, as JSON."""
    if set(arguments) in HELP:
        return _explain("eval", ["evaluate", "--help"])
    return run_training(["evaluate", *arguments])


def _explain(command: str, arguments: list[str]) -> int:
    _, summary, lines = COMMANDS[command]
    sys.stdout.write(f"{summary}\n\n{examples(*lines)}\n\nThe program behind it:\n\n")
    sys.stdout.flush()
    return run_training(arguments)


def _kind_of(run: Path) -> str:
    """What a run trains. Raises ValueError for what is no run folder."""
    try:
        return str(json.loads((run / "config.json").read_text())["kind"])
    except (OSError, ValueError, KeyError, TypeError):
        raise ValueError(f"{run} is no run folder; latentserve runs list shows those that are") from None


data = App(
    name="data",
    help="Data sets: list, prepare.",
    help_epilogue=examples("latentserve data list", "latentserve data prepare"),
)


@data.command(name="list", help_epilogue=examples("latentserve data list"))
def list_data() -> None:
    """What models can be trained on."""
    from latentserve.local import package  # noqa: PLC0415  # torch is not needed before

    for name, source in package("training.data").SOURCES.items():
        shape = f"{source.image_size}×{source.image_size}, {'grey' if source.channels == 1 else 'colour'}"
        sys.stdout.write(f"{name:16}  {shape:14}  latentserve data prepare {name}\n")
    sys.stdout.write(f"{'FOLDER':16}  {'any pictures':14}  latentserve train vae --data FOLDER --image-size 64\n")


@data.command(
    help_epilogue=examples("latentserve data prepare", "latentserve data prepare fashion-mnist"),
    usage=usage("data prepare"),
)
def prepare(*arguments: Arguments) -> int:
    """Gets a data set by its name, unless it is here, and checks every byte; Fashion-MNIST if none is named."""
    return run_training(["data", *arguments])
