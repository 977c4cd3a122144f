"""The grammar of seeds in an address: `42`, `0-63`, `7,9,100-120`, or any name."""

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Sequence

from models_store.latents import LARGEST_SEED
from service.errors import InvalidParameter, shown
from service.limits import LIMITS

RANDOM = "random"
LIKE_A_NUMBER = re.compile(r"[-+]?[0-9.]+")
"""-1 is more likely a mistake than a name."""


def parse_seeds(text: str, *, limit: int) -> list[int]:
    """The seeds that a text means, in its order; at most `limit` of them. Raises InvalidParameter."""
    if _is_integer(text):
        return [_integer(text)]
    seeds: list[int] = []
    for part in text.split(","):
        seeds += _part(part.strip(), limit)
        check_count(len(seeds), limit)
    return seeds


def listed_seeds(seeds: str | Sequence[int], *, limit: int) -> list[int]:
    """The seeds of a JSON body: a text as in an address, or integers."""
    if isinstance(seeds, str):
        return parse_seeds(seeds, limit=limit)
    check_count(len(seeds), limit)
    if not seeds:
        raise InvalidParameter("/body/seeds: an empty list", hint='name at least one seed, as in "seeds": [42]')
    return [check_seed(seed) for seed in seeds]


def fresh_seed() -> int:
    """A seed for someone who did not name one; the answer says which it was."""
    return secrets.randbelow(LARGEST_SEED + 1)


def next_range(text: str) -> str | None:
    """The range of the same length after `a-b`; None after the last seed, and for what is no single range."""
    start, dash, end = text.strip().partition("-")
    if not (dash and _is_integer(start) and _is_integer(end)):
        return None
    first, last = int(end) + 1, min(2 * int(end) - int(start) + 1, LARGEST_SEED)
    return f"{first}-{last}" if first <= LARGEST_SEED else None


def seed_headers(seeds: Sequence[int]) -> dict[str, str]:
    """What an answer about one seed says in its headers: a redirect, a name or chance may have hidden which it was."""
    return {"Latent-Seed": str(seeds[0])} if len(seeds) == 1 or len(set(seeds)) == 1 else {}


def check_count(count: int, limit: int) -> None:
    """Raises InvalidParameter for more seeds than one request may have."""
    if count > limit:
        raise InvalidParameter(
            f"more than {limit} seeds in one request",
            limit=limit,
            hint="ask for a shorter range, and for the rest again",
        )


def check_seed(seed: int) -> int:
    """The seed itself. Raises InvalidParameter outside 0…2³²−1."""
    if not 0 <= seed <= LARGEST_SEED:
        raise InvalidParameter(f"seed {shown(seed)} is not within 0…{LARGEST_SEED}", limit=LARGEST_SEED)
    return seed


def name_to_seed(name: str) -> int:
    """A name's seed: the first four bytes, big-endian, of the SHA-256 of its NFC form in UTF-8."""
    content = unicodedata.normalize("NFC", name).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(content).digest()[:4], "big")


def _part(part: str, limit: int) -> Sequence[int]:
    # Before anything looks at it: normalizing takes time quadratic in a run of combining marks.
    if len(part) > LIMITS.name_length:
        raise InvalidParameter(f"a seed's name has {len(part)} characters", limit=LIMITS.name_length)
    if not part:
        raise InvalidParameter("a seed is empty", hint="write seeds as 42, 0-63, 7,9 or a name")
    if part == RANDOM:
        raise InvalidParameter("random stands alone and not in a list", hint="leave the seeds out of a POST instead")
    start, dash, end = part.partition("-")
    if _is_integer(part):
        return [_integer(part)]
    if dash and _is_integer(start) and _is_integer(end):
        return _range(_integer(start), _integer(end), limit)
    if LIKE_A_NUMBER.fullmatch(part):
        raise InvalidParameter(
            f"{shown(part)!r} is no seed", allowed=f"whole numbers from 0 to {LARGEST_SEED}, or names"
        )
    return [name_to_seed(part)]


def _range(start: int, end: int, limit: int) -> Sequence[int]:
    if end < start:
        raise InvalidParameter(f"the range {start}-{end} runs backwards", hint=f"write {end}-{start}")
    check_count(end - start + 1, limit)
    return range(start, end + 1)


def _is_integer(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _integer(text: str) -> int:
    """Longer than any seed: not even converted, for that takes time quadratic in the digits."""
    return check_seed(int(text if len(text) <= 20 else (text.lstrip("0") or "0")[:20]))
