"""The command line: a client of a server, or of the service in this process."""

import os
import sys
from collections.abc import Sequence

from latentserve.cli.app import app
from latentserve.cli.outcome import FAILED, INTERRUPTED, OK, exit_code, one_line

FIRST = ("--url", "--store")
"""Options that many commands share, so that they are often written before the command."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code, after one line on stderr if something went wrong."""
    tokens = _command_first(sys.argv[1:] if arguments is None else arguments)
    try:
        found = app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
        return found if isinstance(found, int) else OK
    except KeyboardInterrupt:
        sys.stderr.write("latentserve: interrupted\n")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read has enough; what Python still holds for them must not be flushed at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        code = exit_code(error)
        if code is None:
            raise
        sys.stderr.write(f"latentserve: {one_line(error)}\n")
        return code


def _command_first(arguments: Sequence[str]) -> list[str]:
    """The same with the options behind that stand before the command, where the parser wants them."""
    tokens, behind = list(arguments), list[str]()
    while len(tokens) > 1 and tokens[0].partition("=")[0] in FIRST:
        count = 1 if "=" in tokens[0] else 2
        tokens, behind = tokens[count:], behind + tokens[:count]
    return tokens + behind
