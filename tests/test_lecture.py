"""`docs/lecture.md` names only code and commands that exist."""

import re
from pathlib import Path

from training.lecture import LESSONS

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs/lecture.md").read_text()


def test_every_file_and_figure_that_it_names_exists() -> None:
    """Paths in backquotes, and the pictures."""
    paths = re.findall(r"`([\w/.-]+\.py)`", TEXT) + [
        f"docs/{name}" for name in re.findall(r"\]\((images/[^)]+)\)", TEXT)
    ]

    assert len(paths) > 12
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_lesson_is_in_it_with_its_command() -> None:
    """And no command for a lesson that there is not."""
    assert set(re.findall(r"python -m training lecture (\w+)", TEXT)) == set(LESSONS)
