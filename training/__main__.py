"""Trains models, measures them and puts them into the store, and does the experiments of the lecture."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models_store.store import SHIPPED
from training import commands, program
from training.config import RunConfig
from training.data import SOURCES
from training.flags import add_flags
from training.judge import JUDGES, PHOTOGRAPH_JUDGE
from training.kinds import KINDS
from training.lecture import LESSONS
from training.loop import Failed
from training.presets import PRESETS, described

FIGURES = Path("docs/images/lecture")
EXAMPLES = """examples:
  python -m training data                                   get Fashion-MNIST and check it
  python -m training vae --steps 12000                      train; the run folder appears under runs/
  python -m training vae --data photos --image-size 64 --channels 3 --widths 32 64 128 --likelihood logistic
  python -m training vae --resume runs/0001-vae             go on after Ctrl-C, bit for bit on the same CPU
  python -m training evaluate runs/0001-vae                 ELBO, importance-weighted bound, sample quality
  python -m training evaluate fashion-dcgan --judge fashion-classifier efficientnet-lite0    with a second opinion
  python -m training lecture game                           why gradient descent does not settle a game
  python -m training export runs/0001-vae --name my-vae     into the store, from where the service serves it
  python -m training graphs my-vae                          its operations as ONNX graphs: faster on a CPU
"""


def main(arguments: Sequence[str] | None = None, *, started_as: str = program.MODULE) -> int:
    """Returns the exit status: 0, or after one line 2 for what was asked wrong, 1 for a training that failed.

    `started_as` is the program that the reader called, of which its words speak.
    """
    with program.started_as(started_as):
        given, unknown = command_line().parse_known_args(arguments)
        try:
            _run(vars(given), unknown)
        except (ValueError, OSError) as error:
            print(f"{program.speaker()}: {error}", file=sys.stderr)
            return 2
        except Failed as failure:
            print(f"{program.speaker()}: {failure}", file=sys.stderr)
            return 1
        return 0


def _run(given: dict[str, Any], unknown: Sequence[str]) -> None:
    command = given.pop("command")
    if unknown:
        raise ValueError(f"unknown: {' '.join(unknown)}; {program.command(command, '--help')} lists all options")
    if command in KINDS:
        commands.train(command, given)
    else:
        getattr(commands, command)(**given)


def command_line() -> argparse.ArgumentParser:
    """Every command with its flags; flags of a training that are not given leave no trace."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog=program.MODULE, description=__doc__, epilog=EXAMPLES, formatter_class=formatter
    )
    verbs = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, kind in KINDS.items():
        _add_training(_added(verbs, name, help=kind.lesson, description=kind.lesson), name, kind.config)
    evaluate = _added(verbs, "evaluate", help="print the metrics of a run or a stored model, with protocol")
    evaluate.add_argument("model", help="a run folder, or the name of a model in the store")
    evaluate.add_argument("--draws", type=int, default=100, help="K of the importance-weighted bound [100]")
    evaluate.add_argument("--images", type=int, help="only the first so many test images for the likelihood [all]")
    evaluate.add_argument(
        "--gap",
        type=int,
        metavar="N",
        help="also hold the bounds of N test images against annealed importance sampling",
    )
    evaluate.add_argument(
        "--rungs",
        type=int,
        metavar="N",
        help="also the bound at 1, 10, 100, 1,000 and 5,000 draws on N test images, and what each step gains",
    )
    evaluate.add_argument("--judge", nargs="+", metavar="NAME", help=_of_judges())
    evaluate.add_argument("--seed", type=int, default=0, help="of the bits, the draws and the samples [0]")
    evaluate.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where it runs [auto]")
    export = _added(verbs, "export", help="put the best network of a run into the store")
    export.add_argument("run", type=Path, help="a run folder")
    export.add_argument("--name", required=True, help="the name it is served by")
    export.add_argument("--summary", help="one sentence for its card")
    text = "write the operations of a stored model as ONNX graphs, which a server on a CPU runs several times faster"
    graphs = _added(verbs, "graphs", help=text, description=text)
    graphs.add_argument("name", help="a model in the store")
    for each in (evaluate, export, graphs):
        each.add_argument("--store", type=Path, default=SHIPPED, help="folder of checkpoints [models_store/weights]")
    text = "one idea of the lecture as a small experiment with a figure"
    lecture = verbs.add_parser("lecture", help=text, description=text, epilog=_contents(), formatter_class=formatter)
    lecture.add_argument("name", choices=(*LESSONS, "all"), metavar="NAME", help="one of those below, or all")
    lecture.add_argument("--figures", type=Path, default=FIGURES, help=f"where figures go [{FIGURES}]")
    data = _added(verbs, "data", help="get a data set and check every byte")
    data.add_argument("name", nargs="?", choices=tuple(SOURCES), default="fashion-mnist", help="[fashion-mnist]")
    return parser


def _of_judges() -> str:
    own = ", ".join(f"{judge} for {data}" for data, judge in JUDGES.items())
    return (
        f"in whose features samples are compared with images: {PHOTOGRAPH_JUDGE}, or classifiers in the store; "
        f"figures of another than the data's own stand under its name [{own}]"
    )


def _added(verbs: Any, name: str, **options: str) -> argparse.ArgumentParser:
    """A command whose usage is what the reader typed."""
    parser: argparse.ArgumentParser = verbs.add_parser(name, prog=program.command(name), **options)
    return parser


def _contents() -> str:
    """The lessons, each with the sentence that its module opens with."""
    openings = {
        name: str(sys.modules[lesson.__module__].__doc__).partition("\n")[0] for name, lesson in LESSONS.items()
    }
    return "\n".join(["lessons:", *(f"  {name:18}{opening}" for name, opening in openings.items())])


def _add_training(parser: argparse.ArgumentParser, kind: str, config: type[RunConfig]) -> None:
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where the run folder is made [runs]")
    text = (
        "go on with this run folder by its own config; beside it only --threads, bit for bit with the same number, "
        "and a dcgan's --on-collapse"
    )
    parser.add_argument("--resume", type=Path, help=text)
    parser.add_argument("--store", type=Path, default=SHIPPED, help="folder of checkpoints [models_store/weights]")
    parser.add_argument("--stop-after", type=int, metavar="STEP", help="end this slice at that step; resume later")
    if kind in PRESETS:
        parser.add_argument("--preset", choices=tuple(PRESETS[kind]), default=argparse.SUPPRESS, help=described(kind))
    add_flags(parser, config)


if __name__ == "__main__":
    sys.exit(main())
