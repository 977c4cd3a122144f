"""What every config has in common: whole numbers in a range that a machine can build."""

from dataclasses import fields
from typing import Any

LARGEST = 8192
"""Of any width, depth or size: far above every model here, and harmless to try."""


def require_whole_numbers(config: Any) -> None:
    """Raises ValueError naming the first integer field, or member of a tuple, outside 1 … 8192."""
    for each in fields(config):
        value = getattr(config, each.name)
        members = value if isinstance(value, tuple) else (value,)
        if not isinstance(each.default, int | tuple):
            continue
        if not members or any(type(member) is not int or not 1 <= member <= LARGEST for member in members):
            raise ValueError(f"{each.name} {str(value)[:64]}: want whole numbers from 1 to {LARGEST}")
