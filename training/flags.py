"""Frozen dataclasses as flags of a command line and as flat JSON."""

import argparse
import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Literal, TypeVar, cast

Config = TypeVar("Config")


def add_flags(parser: argparse.ArgumentParser, config: type[Any]) -> None:
    """One flag a field, those of a nested config among them; flags that are not given leave no trace."""
    for name, (hint, default, text) in _flat(config).items():
        origin = typing.get_origin(hint)
        kwargs: dict[str, Any] = {"type": hint}
        if origin is Literal:
            kwargs = {"choices": typing.get_args(hint)}
        elif origin is tuple:
            kwargs = {"type": typing.get_args(hint)[0], "nargs": "+"}
        shown = " ".join(map(str, default)) if isinstance(default, tuple) else default
        parser.add_argument(
            f"--{name.replace('_', '-')}", dest=name, default=argparse.SUPPRESS, help=f"{text} [{shown}]", **kwargs
        )


def build(config: type[Config], given: Mapping[str, Any]) -> Config:
    """The config with the given fields, nested ones by their plain names; the rest are defaults.

    Raises ValueError where the fields contradict one another.
    """
    chosen: dict[str, Any] = {}
    for each in fields(config):  # type: ignore[arg-type]  # Config is always a dataclass here
        nested = _nested(config, each.name)
        if nested is not None:
            chosen[each.name] = build(nested, given)
        elif each.name in given:
            value = given[each.name]
            chosen[each.name] = tuple(value) if isinstance(value, list) else value
    return config(**chosen)


def flat_values(config: Any) -> dict[str, Any]:
    """Every field by its plain name: what `build` takes and the run folder keeps."""
    values: dict[str, Any] = {}
    for each in fields(config):
        value = getattr(config, each.name)
        values |= flat_values(value) if dataclasses.is_dataclass(value) else {each.name: value}
    return values


def _flat(config: type[Any]) -> dict[str, tuple[Any, Any, str]]:
    """Plain name -> (type, default, help) of all fields, depth first."""
    hints = typing.get_type_hints(config)
    flags: dict[str, tuple[Any, Any, str]] = {}
    for each in fields(config):
        nested = _nested(config, each.name)
        text = each.metadata.get("help", "of the network")
        flags |= _flat(nested) if nested else {each.name: (hints[each.name], each.default, text)}
    return flags


def _nested(config: type[Any], name: str) -> type[Any] | None:
    hint = typing.get_type_hints(config)[name]
    plain = isinstance(hint, type) and not isinstance(hint, types.GenericAlias)
    return cast("type[Any]", hint) if plain and dataclasses.is_dataclass(hint) else None
