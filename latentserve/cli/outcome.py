"""How a command ends: its exit code, and one line that says what was wrong and what to do."""

from cyclopts import CycloptsError

OK = 0
FAILED = 1
USAGE = 2
UNREACHABLE = 3
REFUSED = 4
INTERRUPTED = 130
MEANINGS = {
    OK: "done",
    FAILED: "failed, or something was found wrong",
    USAGE: "wrong usage",
    UNREACHABLE: "no server answers there",
    REFUSED: "refused: no such model, a value out of range, a model that cannot do that",
    INTERRUPTED: "interrupted",
}


def exit_code(error: Exception) -> int | None:
    """None for an error that nobody expected: its traceback is wanted."""
    if isinstance(error, CycloptsError):
        return USAGE
    # By their names: importing them takes longer than a whole `--help` may.
    names = {each.__name__ for each in type(error).__mro__ if each.__module__ == "latentserve.errors"}
    if "ConnectionFailed" in names:
        return UNREACHABLE
    if names & {"RateLimited", "ServerError"}:
        return FAILED
    if names:
        return REFUSED
    return USAGE if isinstance(error, ValueError | OSError | ModuleNotFoundError) else None


def one_line(error: Exception) -> str:
    """The message without its line breaks; for the parser's errors also where to read on."""
    if isinstance(error, CycloptsError):
        chain = " ".join(["latentserve", *(error.command_chain or ())])
        return f"{' '.join(str(error).split())} ({chain} --help)"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return " ".join(str(error).split())
