"""Makes docs/notebook/latentserve.ipynb of tour.py, outputs included: `.venv/bin/python docs/notebook/build.py`."""

import ast
import base64
import contextlib
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
NOTEBOOK = HERE / "latentserve.ipynb"
MARK = re.compile(r"^# %%( \[markdown\])?$", re.MULTILINE)
KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
Cell = dict[str, Any]


def main() -> None:
    """Runs each cell in the repository's folder and writes all of them with what they show."""
    names: dict[str, Any] = {}
    with contextlib.chdir(HERE.parents[1]):
        made = [cell | (shown(cell, number, names) if is_code(cell) else {}) for number, cell in enumerate(cells())]
    notebook = {"cells": made, "metadata": KERNEL, "nbformat": 4, "nbformat_minor": 5}
    NOTEBOOK.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")


def cells() -> Iterator[Cell]:
    """Of tour.py, in its order: code as it is, text without its comment marks."""
    _, *parts = MARK.split((HERE / "tour.py").read_text())
    for number, (text, content) in enumerate(zip(parts[::2], parts[1::2], strict=True)):
        source = re.sub(r"^# ?", "", content, flags=re.MULTILINE) if text else content
        kind = "markdown" if text else "code"
        yield {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": source.strip()}


def is_code(cell: Cell) -> bool:
    """Whether it is run."""
    return bool(cell["cell_type"] == "code")


def shown(cell: Cell, number: int, names: dict[str, Any]) -> Cell:
    """What a notebook keeps of running a cell: what it printed, and the value of its last line."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        value = run(cell["source"], names)
    outputs: list[Cell] = []
    if printed.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout", "text": printed.getvalue()})
    if value is not None:
        outputs.append(
            {"output_type": "execute_result", "execution_count": number, "metadata": {}, "data": data(value)}
        )
    return {"execution_count": number, "outputs": outputs}


def run(source: str, names: dict[str, Any]) -> Any:
    """Executes a cell; the value of its last line if that is an expression, as a notebook shows it."""
    body = ast.parse(source).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names) if isinstance(last, ast.Expr) else None


def data(value: Any) -> dict[str, str]:
    """A value in each form that it has: HTML, a PNG, text."""
    forms = {"text/plain": repr(value)}
    if hasattr(value, "_repr_html_"):
        return {"text/html": value._repr_html_(), **forms}
    if hasattr(value, "_repr_png_"):
        return {"image/png": base64.b64encode(value._repr_png_()).decode(), **forms}
    return forms


if __name__ == "__main__":
    main()
