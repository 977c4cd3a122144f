"""Writes the pages of the reference that are made from the programs: `.venv/bin/python -m docs.reference`."""

from collections.abc import Callable, Mapping
from pathlib import Path

from docs.reference import cli, client, elements, http, problems, settings, training

HERE = Path(__file__).parent
PAGES: Mapping[str, Callable[[], str]] = {
    "http.md": http.page,
    "problems.md": problems.page,
    "client.md": client.page,
    "results.md": client.results_page,
    "cli.md": cli.page,
    "training.md": training.page,
    "settings.md": settings.page,
    "elements.md": elements.page,
}
"""File -> what it holds; a test holds them equal."""


def main() -> None:
    """Each page as the programs are now."""
    for name, page in PAGES.items():
        (HERE / name).write_text(page())


if __name__ == "__main__":
    main()
