"""The page about training, from its command line."""

import argparse
from collections.abc import Iterator, Sequence

from docs.reference import markdown
from training.__main__ import command_line
from training.kinds import KINDS

INTRODUCTION = """# Training

*Made by `python -m docs.reference` from `python -m training --help`.* `latentserve train KIND`, `latentserve eval`
and `python -m training KIND`, `python -m training evaluate` are the same programs."""
RUN = """## What a run leaves behind

A folder `runs/0001-vae` with `config.json` (all options, resolved), `environment.json`, `statistics.jsonl`,
TensorBoard events, `data.png`, `samples/` and `reconstructions/` of fixed seeds, the newest snapshot, from which
`--resume` goes on bit for bit, and the best network. `evaluate` adds `evaluation.json` and `neighbours.png`,
64 samples in rows of eight above the training images nearest to them; `export` writes a
[checkpoint](checkpoints.md) with all figures in its card.

Exit status: 0; 1 for a training that stopped because it cannot recover, whose best network stays; 2 for wrong usage."""


def page() -> str:
    """The whole page."""
    verbs = _verbs()
    others = [name for name in verbs if name not in KINDS]
    return markdown.page(
        INTRODUCTION,
        "## Kinds",
        markdown.table(("kind", "does"), [(f"`{name}`", kind.lesson) for name, kind in KINDS.items()]),
        "## Options of a training",
        "A default in brackets is that of the program; where kinds differ, each has a line.",
        markdown.table(("option", "is", "of"), _options([(name, verbs[name]) for name in KINDS])),
        "## Options of the other commands",
        markdown.table(("option", "is", "of"), _options([(name, verbs[name]) for name in others])),
        RUN,
    )


def _verbs() -> dict[str, argparse.ArgumentParser]:
    # argparse has no public way to its own arguments.
    (verbs,) = (each for each in command_line()._actions if isinstance(each, argparse._SubParsersAction))
    return dict(verbs.choices)


def _options(verbs: Sequence[tuple[str, argparse.ArgumentParser]]) -> list[tuple[str, str, str]]:
    rows: dict[tuple[str, str], list[str]] = {}
    for name, parser in verbs:
        for row in _rows(parser):
            rows.setdefault(row, []).append(name)
    return [(*row, "all" if len(names) == len(verbs) else ", ".join(names)) for row, names in rows.items()]


def _rows(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    for action in parser._actions:  # as above
        if action.dest != "help":
            name = " ".join(action.option_strings) or action.metavar or action.dest
            words = " ".join(f"`{word}`" for word in action.choices or ())
            yield f"`{name}`", f"{action.help}{': ' if words else ''}{words}"
