"""Seeds as callers write them: 42, "0-15", "alice", [42, 79], range(16)."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import numpy as np

Seeds = int | np.integer[Any] | str | Iterable[int | str]


def seeds_text(seeds: Seeds) -> str:
    """As an address writes them; the server reads and checks the grammar. Raises ValueError for none at all."""
    if isinstance(seeds, str):
        return seeds
    if isinstance(seeds, int | np.integer):
        return str(seeds)
    found = ",".join(str(seed) for seed in seeds)
    if not found:
        raise ValueError('no seeds; name at least one, as in 42, "0-15" or [42, 79]')
    return found


def quoted(text: str) -> str:
    """For a path. Raises ValueError for a name that no path can carry."""
    if "/" in text:
        raise ValueError(f"{text!r} has a '/', which an address cannot hold; give the seed another name")
    return quote(text, safe=",-")
