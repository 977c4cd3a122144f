"""Every example in a help text works as it stands."""

import importlib
import re
import shutil
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from latentserve import Model
from latentserve.cli import main
from latentserve.cli.app import COMMANDS, PASSED_ON, app
from latentserve.cli.outcome import OK
from latentserve.cli.training import passed_on
from service import __main__ as service
from training.__main__ import command_line

PICTURES = Path(__file__).parents[2] / "service/page/examples"
GROUPS = {
    "runs": ("list", "show", "compare", "rm"),
    "models": ("list", "show", "card", "verify", "add", "rm"),
    "data": ("list", "prepare"),
}
HELPS = [(), *((name,) for name in COMMANDS), *((group, name) for group, names in GROUPS.items() for name in names)]
EXAMPLE = re.compile(r"^  latentserve (.*)$", re.MULTILINE)


def _trains(arguments: list[str]) -> None:
    """Training takes minutes, so its parser has the word."""
    parser: ArgumentParser = command_line()
    parser.parse_args(passed_on(arguments))


def _evaluates(arguments: list[str]) -> None:
    command_line().parse_args(["evaluate", *arguments])


def _prepares(arguments: list[str]) -> None:
    command_line().parse_args(["data", *arguments])


def _serves(arguments: list[str]) -> None:
    """A server would not end; its settings are read."""
    assert service._settings(arguments).store.is_dir()


def _parses(*command: str) -> Callable[[list[str]], None]:
    """What would go on for ever, look at this very machine or change the shipped store."""

    def parse(arguments: list[str]) -> None:
        app.parse_args([*command, *arguments], exit_on_error=False, print_error=False)

    return parse


PARSED = {
    ("train",): _trains,
    ("eval",): _evaluates,
    ("data", "prepare"): _prepares,
    ("serve",): _serves,
    ("demo",): _parses("demo"),
    ("doctor",): _parses("doctor"),
    ("models", "add"): _parses("models", "add"),
    ("models", "rm"): _parses("models", "rm"),
}
"""Those that are not run here; other tests run each of them with small arguments."""


@pytest.fixture(scope="module")
def folder(vae: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the examples find beside them: pictures, latents, runs, a store."""
    found = tmp_path_factory.mktemp("examples")
    for name, source in zip(("boot.png", "shirt.png"), sorted(PICTURES.glob("*.png")), strict=False):
        shutil.copyfile(source, found / name)
    vae.sheet("0-15").save(found / "grid.png")
    np.save(found / "z.npy", np.asarray(vae.latents("0-2")))
    for number in (1, 2):
        run = found / f"runs/000{number}-vae"
        run.mkdir(parents=True)
        (run / "config.json").write_text(f'{{"kind": "vae", "steps": {number}}}')
    (found / "my-models").mkdir()
    return found


def examples_of(command: tuple[str, ...], capfd: pytest.CaptureFixture[str]) -> list[str]:
    """The lines of its help that call this program, without the program's name."""
    assert main([*command, "--help"]) == OK
    return EXAMPLE.findall(capfd.readouterr().out)


@pytest.mark.parametrize("command", HELPS, ids=lambda command: " ".join(command) or "latentserve")
def test_the_examples_of_a_help_text_work(
    command: tuple[str, ...],
    folder: Path,
    server: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """There is at least one, and each ends well in a folder with the files that it names."""
    monkeypatch.setenv("LATENTSERVE_URL", server)
    examples = [line for line in examples_of(command, capfd) if "COMMAND" not in line]
    assert examples
    for number, line in enumerate(examples):
        place = shutil.copytree(folder, tmp_path / str(number))
        monkeypatch.chdir(place)
        words = line.split()
        for start, parse in PARSED.items():
            if tuple(words[: len(start)]) == start:
                parse(words[len(start) :])
                break
        else:
            assert main(words) == OK, (line, capfd.readouterr().err)


@pytest.mark.parametrize("command", HELPS, ids=lambda command: " ".join(command) or "latentserve")
def test_the_usage_names_what_it_takes(command: tuple[str, ...], capfd: pytest.CaptureFixture[str]) -> None:
    """Of this very program, in the words that the help explains, nowhere just ARGS."""
    assert main([*command, "--help"]) == OK

    usage = next(line for line in capfd.readouterr().out.splitlines() if line.lower().startswith("usage"))
    assert "ARGS" not in usage
    assert " ".join(["latentserve", *command]) in usage or command[-1] in PASSED_ON


def test_each_command_is_in_the_table_and_each_group_has_its_commands() -> None:
    """The list of help texts above is whole."""
    assert set(COMMANDS) == {name for name in app if not name.startswith("-")}
    for group, names in GROUPS.items():
        place = COMMANDS[group][0]
        module, _, attribute = f"latentserve.cli.{place}".partition(":")
        found = getattr(importlib.import_module(module), attribute)
        assert set(names) == {name for name in found if not name.startswith("-")}
