"""Measures the server beside its peers: the same network, the same requests, in one run."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from benchmarks.answers import WrongAnswer
from benchmarks.contestants import RAW
from benchmarks.environments import CannotSetUp, python_of, set_up
from benchmarks.origin import RESULTS
from benchmarks.peers import PEERS
from benchmarks.processes import DidNotStart
from benchmarks.report import tables, write
from benchmarks.result import Result
from benchmarks.serving import CODES, Plan, run

FILE = RESULTS / "serving.json"
EXAMPLES = """examples:
  python -m benchmarks                                our server, and the peers that are set up: about half an hour
  python -m benchmarks run fastapi litserve           only these two beside it
  python -m benchmarks run --no-peers --seconds 1 --rounds 1
  python -m benchmarks setup                          an environment for every peer, about 9 GB
  python -m benchmarks setup triton --python /usr/bin/python3
  python -m benchmarks peers                          who they are, and what each is set up with
  python -m benchmarks report                         the page docs/performance.md, from the last run
"""


class NoRun(Exception):
    """Nothing to report."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 1 if something could not be measured or set up at all."""
    given = sys.argv[1:] if arguments is None else arguments
    options = _command_line().parse_args(given or ["run"])
    try:
        return int(options.command(options))
    except (DidNotStart, WrongAnswer, CannotSetUp, NoRun) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1


def _command_line() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, epilog=EXAMPLES, formatter_class=raw
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands.add_parser("run", help="measure; what is meant if nothing is given"))
    setup = commands.add_parser("setup", help="make the environments of peers")
    setup.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(_all())} [all]")
    setup.add_argument("--python", default=sys.executable, help="the interpreter that they get [this one]")
    setup.set_defaults(command=_setup)
    commands.add_parser("peers", help="list them").set_defaults(command=_peers)
    report = commands.add_parser("report", help="write docs/performance.md and its picture")
    report.add_argument("--file", type=Path, default=FILE, help="what a run has written [the last one]")
    report.set_defaults(command=_report)
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    plan = Plan()
    parser.add_argument("peers", nargs="*", metavar="NAME", help=f"of {', '.join(PEERS)} [those set up]")
    parser.add_argument("--no-peers", action="store_true", help="our server alone")
    parser.add_argument(
        "--codes", nargs="+", choices=CODES, default=CODES, help="of the peers: as written, ours [both]"
    )
    parser.add_argument("--no-graphs", action="store_true", help="a checkpoint without graphs for ONNX Runtime")
    parser.add_argument("--rounds", type=int, default=plan.rounds, help=f"of every situation [{plan.rounds}]")
    parser.add_argument("--seconds", type=float, default=plan.seconds, help=f"of a window [{plan.seconds:g}]")
    parser.add_argument("--peer-threads", type=int, default=plan.peer_threads, help="of torch in a peer's process [1]")
    parser.add_argument("--file", type=Path, default=FILE, help="what the run writes [benchmarks/results/serving.json]")
    parser.set_defaults(command=_run)


def _run(options: argparse.Namespace) -> int:
    _know(options.peers, tuple(PEERS))
    plan = Plan(
        peers=() if options.no_peers else tuple(options.peers or PEERS),
        codes=options.codes,
        graphs=not options.no_graphs,
        rounds=options.rounds,
        seconds=options.seconds,
        peer_threads=options.peer_threads,
    )
    result = run(plan)
    result.write(options.file)
    print(tables(result))
    return 0


def _setup(options: argparse.Namespace) -> int:
    """One peer that cannot be had does not keep the others from it."""
    _know(options.names, _all())
    failed = 0
    for name in options.names or _all():
        print(f"{name}: ", end="", flush=True)
        try:
            set_up(name, options.python)
        except CannotSetUp as error:
            failed = 1
            print(error)
        else:
            print("ready")
    return failed


def _peers(_options: argparse.Namespace) -> int:
    for peer in PEERS.values():
        state = "set up" if python_of(peer.name) else "not set up"
        needs = f"; needs {peer.needs}" if peer.needs else ""
        print(f"{peer.name:12}{state:12}{peer.title}: {peer.settings}{needs}")
    return 0


def _report(options: argparse.Namespace) -> int:
    if not options.file.exists():
        raise NoRun(f"there is no run in {options.file.name}; python -m benchmarks makes one")
    write(Result.read(options.file))
    return 0


def _know(names: Sequence[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            raise CannotSetUp(f"there is no peer {name!r}; there are {', '.join(known)}")


def _all() -> tuple[str, ...]:
    return (RAW, *PEERS)


def _end(number: int, _frame: FrameType | None) -> None:
    """Lets `with` blocks end what was started."""
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    sys.exit(main())
