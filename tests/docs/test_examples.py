"""Every example of the documentation works as it stands there, and prints what the page says."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOM, Block, blocks_of, name_of
from tests.docs.reader import Look, Reader, agrees

RUN = ("bash", "python", "html")
"""Languages of blocks that are run; `text` is output, `nginx`, `yaml`, `toml` and the like are files."""
NOT_RUN = {
    "make serve": "starts a server that stays; tests/server.py starts one for all of these",
    "make check": "would run itself",
    "docker compose": "needs Docker",
    "jupyter lab": "starts a server that stays; test_notebook.py runs the notebook",
    "latentserve serve": "starts a server that stays; the tests of the command line start it",
    "latentserve data prepare": "downloads; and the training below it takes two hours",
}
"""Blocks with one of these in them, and why they are left out."""
QUICK = "--preset quick"
REHEARSED = {QUICK: f"{QUICK} --steps 20 --validate-every 10 --batch-size 16 --widths 4 8 --hidden 16 --flow-hidden 8"}
"""Trainings of a minute are rehearsed in twenty steps; the slow test does them as they stand."""


def ran(page: Path) -> list[Block]:
    """The blocks that are run."""
    return [block for block in blocks_of(page) if block.language in RUN and not reason(block)]


def reason(block: Block) -> str | None:
    """Why a block is not run."""
    return next((why for words, why in NOT_RUN.items() if block.language == "bash" and words in block.text), None)


WITH_EXAMPLES = [page for page in PAGES if ran(page) and not page.name.endswith(".ja.md")]
"""Pages in Japanese have the examples of their twins: test_japanese.py."""
TRAININGS = [page for page in WITH_EXAMPLES if any(QUICK in block.text for block in ran(page))]


@pytest.fixture
def folder(page: Path, tmp_path: Path) -> Path:
    """What a reader has: an environment and the repository's pictures; for the reference, two under short names."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    examples = ROOM / "service/page/examples"
    (tmp_path / "service/page").mkdir(parents=True)
    (tmp_path / "service/page/examples").symlink_to(examples)
    if page.parent.name == "reference":
        for name, example in (("boot.png", "00-ankle-boot.png"), ("shirt.png", "04-shirt.png")):
            shutil.copy(examples / example, tmp_path / name)
    return tmp_path


def go_through(page: Path, reader: Reader) -> None:
    """Runs the page's examples in order; what they print must be what stands below them."""
    with reader:
        for block in ran(page):
            printed, promised = reader.run(block), block.output
            assert promised is None or agrees(printed, promised), (
                f"{name_of(page)}:{block.line} prints\n{printed}\nand the page says\n{promised}"
            )


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=name_of)
def test_every_example_works(page: Path, folder: Path, server: str, look: Look | None) -> None:
    """One after the other, as a reader would type them."""
    go_through(page, Reader(folder, server, look, REHEARSED))


@pytest.mark.slow
@pytest.mark.parametrize("page", TRAININGS, ids=name_of)
def test_a_training_works_as_it_stands(page: Path, folder: Path, server: str, look: Look | None) -> None:
    """With all of its steps."""
    go_through(page, Reader(folder, server, look))


@pytest.mark.parametrize("words", NOT_RUN)
def test_what_is_not_run_is_there(words: str) -> None:
    """A reason that nothing needs any longer goes."""
    assert any(words in block.text for page in PAGES for block in blocks_of(page) if block.language == "bash")
