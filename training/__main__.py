"""The command line: `python -m training vae|dcgan|classifier|resume|evaluate|export|data`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from training import commands
from training.config import RUNS, RunConfig, add_flags

STORE = Path("models_store/weights")
LESSONS = {
    "vae": "train a variational autoencoder: encoder, decoder and prior maximize the ELBO",
    "dcgan": "train a DCGAN: generator and discriminator play against one another",
    "classifier": "train the classifier in whose features samples are judged",
}
EXAMPLES = """examples:
  python -m training data                                   get Fashion-MNIST and check it
  python -m training vae --steps 12000                      train; the run folder appears under runs/
  python -m training vae --data photos --image-size 64 --channels 3 --widths 32 64 128 --likelihood logistic
  python -m training resume runs/0001-vae                   go on after Ctrl-C, bit for bit on the same CPU
  python -m training evaluate runs/0001-vae                 ELBO, importance-weighted bound, sample quality
  python -m training export runs/0001-vae --name my-vae     into the store, from where the service serves it
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0, or 2 after one line that says what was wrong."""
    given = vars(_parser().parse_args(arguments))
    command = given.pop("command")
    try:
        if command in RUNS:
            commands.train(command, given)
        else:
            getattr(commands, command)(**given)
    except (ValueError, OSError) as error:
        print(f"training: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m training", description=__doc__, epilog=EXAMPLES, formatter_class=formatter
    )
    verbs = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for kind, config in RUNS.items():
        _add_training(verbs.add_parser(kind, help=LESSONS[kind], description=LESSONS[kind]), config)
    resume = verbs.add_parser("resume", help="go on with an interrupted run")
    _add_run(resume)
    _add_slice(resume)
    evaluate = verbs.add_parser("evaluate", help="print the metrics of a run or a stored model, with protocol")
    evaluate.add_argument("model", help="a run folder, or the name of a model in the store")
    evaluate.add_argument("--draws", type=int, default=100, help="K of the importance-weighted bound [100]")
    evaluate.add_argument("--images", type=int, help="only the first so many test images for the likelihood [all]")
    evaluate.add_argument("--seed", type=int, default=0, help="of the bits, the draws and the samples [0]")
    evaluate.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where it runs [auto]")
    export = verbs.add_parser("export", help="put the best network of a run into the store")
    _add_run(export)
    export.add_argument("--name", required=True, help="the name it is served by")
    export.add_argument("--summary", help="one sentence for its card")
    for each in (evaluate, export):
        each.add_argument("--store", type=Path, default=STORE, help=f"folder of checkpoints [{STORE}]")
    verbs.add_parser("data", help="get Fashion-MNIST and check every byte")
    return parser


def _add_training(parser: argparse.ArgumentParser, config: type[RunConfig]) -> None:
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where the run folder is made [runs]")
    parser.add_argument("--resume", type=Path, help="go on with this run folder; its own config holds, no other flag")
    parser.add_argument("--store", type=Path, default=STORE, help=f"folder of checkpoints [{STORE}]")
    _add_slice(parser)
    add_flags(parser, config)


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="a run folder")


def _add_slice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stop-after", type=int, metavar="STEP", help="end this slice at that step; resume later")


if __name__ == "__main__":
    sys.exit(main())
