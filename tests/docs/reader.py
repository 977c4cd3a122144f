"""Somebody who types the examples of a page, one after the other, into a shell, a Python prompt and a browser."""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from latentserve import Client, Model
from tests.docs.pages import Block

USUAL = ("http://127.0.0.1:8000", "http://localhost:8000")
"""Where the pages say that the server is."""
KEPT = ".environment"
Look = Callable[[str], None]


@dataclass
class Reader:
    """What one block sets, the next one finds: variables of the shell, names of Python, files of the folder."""

    folder: Path
    server: str
    look: Look | None
    """Opens a text as a page in a browser; None where there is none."""
    replaced: Mapping[str, str] = field(default_factory=dict)
    names: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        programs = Path(sys.executable).parent
        self.environment = {
            **os.environ,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "LATENTSERVE_URL": self.server,
            "OMP_NUM_THREADS": "1",
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        """Closes the clients that the page left open, as the end of its program would."""
        for value in self.names.values():
            client = value.client if isinstance(value, Model) else value
            if isinstance(client, Client):
                client.close()

    def run(self, block: Block) -> str:
        """Does what the block says and returns what it printed. Raises what it raises."""
        for old, new in {**dict.fromkeys(USUAL, self.server), **self.replaced}.items():
            block = Block(block.language, block.text.replace(old, new), block.line, block.output)
        match block.language:
            case "bash":
                return self._shell(block.text)
            case "python":
                return self._python(block.text, f"line {block.line}")
            case "html" if self.look is not None:
                self.look(block.text)
        return ""

    def _shell(self, text: str) -> str:
        script = f"set -aeuo pipefail\n{text}\nenv -0 > {shlex.quote(str(self.folder / KEPT))}"
        run = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            encoding="utf-8",
            errors="replace",  # pictures are printed, too
            timeout=600,
            check=False,
        )
        assert run.returncode == 0, f"status {run.returncode}\n{text}\n{run.stdout[-2000:]}\n{run.stderr[-2000:]}"
        kept = (self.folder / KEPT).read_text().split("\0")
        self.environment = dict(each.split("=", 1) for each in kept if "=" in each)
        return run.stdout

    def _python(self, text: str, name: str) -> str:
        printed = io.StringIO()
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(printed):
            before, os.environ["LATENTSERVE_URL"] = os.environ.get("LATENTSERVE_URL"), self.server
            try:
                exec(compile(text, name, "exec"), self.names)  # that is what examples are for
            finally:
                del os.environ["LATENTSERVE_URL"]
                if before is not None:
                    os.environ["LATENTSERVE_URL"] = before
        return printed.getvalue()


def agrees(printed: str, promised: str) -> bool:
    """Whether the output is as the page shows it: `…` stands for anything, any white space for any other."""
    parts = [r"\s+".join(re.escape(word) for word in part.split()) for part in promised.split("…")]
    return re.fullmatch(r"\s*" + r"\s*.*?\s*".join(parts) + r"\s*", printed, re.DOTALL) is not None
