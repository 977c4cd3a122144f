"""The page about the command line, from its help."""

import inspect
from collections.abc import Iterator

from cyclopts import App

from docs.reference import markdown
from latentserve.cli.app import COMMANDS, app
from latentserve.cli.outcome import MEANINGS

INTRODUCTION = """# The command line

*Made by `python -m docs.reference` from its help.* `make setup` puts `latentserve` into `.venv/bin`; `source
.venv/bin/activate` once a terminal, and it can be called by its name. `python -m latentserve` is the same.

Commands about models ask a server, if there is `--url` or the variable `LATENTSERVE_URL`, and else run the model in
this process. `latentserve COMMAND --help` says the same as this page."""
PASSED_ON = """`serve`, `train` and `eval` hand their options on: those of `latentserve serve --help` are in
[settings](settings.md), those of `latentserve train KIND --help` in [training](training.md)."""


def page() -> str:
    """The whole page."""
    commands = list(_commands())
    examples = "\n".join(line for _, _, lines in COMMANDS.values() for line in lines)
    return markdown.page(
        INTRODUCTION,
        "## Commands",
        markdown.table(("command", "does"), [(f"`{' '.join(_usage(*each))}`", _summary(each[1])) for each in commands]),
        PASSED_ON,
        "## Options",
        markdown.table(("option", "is", "default", "of"), _options(commands)),
        "## Examples",
        "They work with `boot.png`, `shirt.png`, `z.npy` (latents) and `grid.png` (a sample) in the folder.",
        markdown.fenced("sh", examples),
        "## Exit codes",
        markdown.table(("code", "means"), [(str(code), meaning) for code, meaning in MEANINGS.items()]),
    )


def _commands() -> Iterator[tuple[str, App]]:
    """Name -> command, those of a group after one another."""
    for name, (_, _, lines) in COMMANDS.items():
        if lines:
            yield name, app[name]
            continue
        group = app[name]
        for each in group:
            if not each.startswith("-"):
                yield f"{name} {each}", group[each]


def _summary(command: App) -> str:
    """Its first paragraph; the arguments are explained further down in it."""
    return str(command.help).partition("\n\n")[0]


def _usage(name: str, command: App) -> Iterator[str]:
    yield name
    for argument in command.assemble_argument_collection():
        if argument.field_info.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL):
            optional = argument.field_info.default is not inspect.Parameter.empty
            word = argument.names[0] if argument.names else "ARGS"
            yield f"[{word}]" if optional else word


def _options(commands: list[tuple[str, App]]) -> list[tuple[str, str, str, str]]:
    rows: dict[tuple[str, str, str], list[str]] = {}
    for name, command in commands:
        for argument in command.assemble_argument_collection():
            if argument.names and argument.names[0].startswith("--"):
                default = argument.field_info.default
                shown = "" if default in (None, inspect.Parameter.empty, False) else str(default)
                row = (f"`{' '.join(argument.names)}`", str(argument.parameter.help or ""), shown)
                rows.setdefault(row, []).append(name)
    return [(*row, ", ".join(names)) for row, names in sorted(rows.items())]
