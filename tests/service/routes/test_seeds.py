"""The grammar of seeds."""

import hashlib

import pytest

from service.errors import InvalidParameter
from service.routes.seeds import name_to_seed, parse_seeds


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("42", [42]),
        ("0", [0]),
        ("4294967295", [2**32 - 1]),
        ("3-6", [3, 4, 5, 6]),
        ("7,9,100-102,7", [7, 9, 100, 101, 102, 7]),
        ("007", [7]),
        (" 1 , 2 ", [1, 2]),
    ],
)
def test_numbers_and_ranges_are_seeds(text: str, seeds: list[int]) -> None:
    """In their order, repeats included."""
    assert parse_seeds(text, limit=64) == seeds


def test_a_name_is_hashed_as_documented() -> None:
    """First four bytes, big-endian, of the SHA-256 of the name in UTF-8."""
    digest = hashlib.sha256("アリス".encode()).digest()

    assert parse_seeds("アリス", limit=1) == [int.from_bytes(digest[:4], "big")]
    assert name_to_seed("e\u0301") == name_to_seed("\u00e9")


@pytest.mark.parametrize(
    "text",
    ["", ",", "1,", "4294967296", "9" * 5000, "5-3", "0-64", "1-99999999999999999999", "-1", "1.5", "1,random"],
)
def test_what_is_no_seed_is_refused(text: str) -> None:
    """Empty, too large, backwards, too many, negative, fractions, random in a list."""
    with pytest.raises(InvalidParameter):
        parse_seeds(text, limit=64)
