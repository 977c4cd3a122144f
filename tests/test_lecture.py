"""`docs/lecture.md` and its Japanese twin name only code and commands that exist, and say the same."""

import ast
import re
from pathlib import Path

import pytest

from training.__main__ import command_line
from training.lecture import LESSONS

ROOT = Path(__file__).parent.parent
TEXTS = {name: (ROOT / "docs" / name).read_text() for name in ("lecture.md", "lecture.ja.md")}
CODE = re.compile(r"`([^`]+)`")
NUMBER = re.compile(r"\d+(?:\.\d+)?")


def names_of_the_code() -> set[str]:
    """Every name that is defined or used in the packages and their tests."""
    found: set[object] = set()
    for package in ("models_store", "training", "service", "tests"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                found |= {getattr(node, field, None) for field in ("id", "attr", "name", "arg")}
    return {name for name in found if isinstance(name, str)}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_every_file_and_figure_that_it_names_exists(text: str) -> None:
    """Paths in backquotes, and the pictures."""
    paths = [path for path in CODE.findall(text) if re.fullmatch(r"[\w./-]+\.(?:py|webp|png)", path)]
    pictures = [f"docs/{name}" for name in re.findall(r"\]\((images/[^)]+)\)", text)]

    assert len(paths) > 40
    assert len(pictures) == len(LESSONS)
    assert [path for path in paths + pictures if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_every_name_that_it_gives_stands_in_the_code(text: str) -> None:
    """A function, a class or a field in backquotes is one that somebody can look up."""
    spans = {span for span in CODE.findall(text) if re.fullmatch(r"[A-Za-z_]\w*", span)}

    assert len(spans) > 40
    assert spans - names_of_the_code() == set()


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_every_command_in_it_can_be_typed(text: str) -> None:
    """The command line takes them; each lesson is among them, and none that there is not."""
    commands = {span for span in CODE.findall(text) if span.startswith("python -m training")}

    for command in commands:
        command_line().parse_args([*command.split()[3:], *(["model"] if command.endswith("evaluate") else [])])
    assert {command.split()[4] for command in commands if " lecture " in command} == set(LESSONS)


def test_the_japanese_text_is_complete() -> None:
    """As many sections, the same figures in the same order, the same code, and every number of the English one."""
    english, japanese = TEXTS.values()

    assert len(re.findall(r"^##", english, re.MULTILINE)) == len(re.findall(r"^##", japanese, re.MULTILINE))
    assert re.findall(r"\]\((images/[^)]+)\)", english) == re.findall(r"\]\((images/[^)]+)\)", japanese)
    assert set(CODE.findall(english)) == set(CODE.findall(japanese))
    assert set(NUMBER.findall(english)) - set(NUMBER.findall(japanese)) == set()
