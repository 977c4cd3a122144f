"""The notebook is small, made of its source, and every cell of it runs."""

import contextlib
import io
import json
from typing import Any

import pytest

from docs.notebook.build import NOTEBOOK, cells, is_code, run
from tests.docs.pages import ROOM

LARGEST = 300_000


@pytest.fixture(scope="module")
def notebook() -> list[dict[str, Any]]:
    """Its cells, as they lie in the repository."""
    found: list[dict[str, Any]] = json.loads(NOTEBOOK.read_text())["cells"]
    return found


def test_its_cells_are_those_of_its_source(notebook: list[dict[str, Any]]) -> None:
    """Otherwise: `.venv/bin/python docs/notebook/build.py`."""
    assert [(each["cell_type"], each["source"]) for each in notebook] == [
        (each["cell_type"], each["source"]) for each in cells()
    ]


def test_it_is_small_and_shows_pictures(notebook: list[dict[str, Any]]) -> None:
    """Outputs are in it, so that it can be read where it cannot be run."""
    shown = [form for cell in notebook if is_code(cell) for each in cell["outputs"] for form in each.get("data", ())]
    assert NOTEBOOK.stat().st_size < LARGEST
    assert shown.count("image/png") + shown.count("text/html") > 3


def test_every_cell_runs(notebook: list[dict[str, Any]]) -> None:
    """In order, without a server; the first line of what it prints is what it printed then."""
    names: dict[str, Any] = {}
    with contextlib.chdir(ROOM):
        for cell in filter(is_code, notebook):
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                run(cell["source"], names)
            kept = "".join(each["text"] for each in cell["outputs"] if each["output_type"] == "stream")
            assert printed.getvalue().splitlines()[:1] == kept.splitlines()[:1]
