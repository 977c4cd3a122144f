"""Whether something may be removed for ever."""

import sys


def agreed(what: str) -> bool:
    """Asks whoever sits at the terminal. Raises ValueError where nobody does."""
    if not sys.stdin.isatty():
        raise ValueError(f"{what} would be removed; say so with --yes")
    return input(f"remove {what}? [y/N] ").strip().lower() == "y"
