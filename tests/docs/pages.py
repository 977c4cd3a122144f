"""The pages of the documentation, and the fenced blocks, links and headings in them."""

import re
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

ROOM = Path(__file__).parents[2]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
KINDS = ("tutorials", "how-to", "reference", "explanation")
PAGES = sorted(
    [
        ROOM / "README.md",
        ROOM / "README.ja.md",
        ROOM / "CONTRIBUTING.md",
        ROOM / "docs/index.md",
        *(page for kind in KINDS for page in (ROOM / "docs" / kind).glob("*.md")),
    ]
)
"""Those of which every example is run."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, where its text begins, and what stands right below it, as its output."""

    language: str
    text: str
    line: int
    output: str | None


def name_of(page: Path) -> str:
    """As a reader of the repository calls it."""
    return page.relative_to(ROOM).as_posix()


def blocks_of(page: Path) -> list[Block]:
    """All of them, in order. A block of `text` right below another, with nothing between, is what that one prints."""
    source = page.read_text()
    found = list(FENCE.finditer(source))
    blocks = []
    for fence, after in zip_longest(found, found[1:]):
        follows = after is not None and after[1] == "text" and not source[fence.end() : after.start()].strip()
        output = after[2] if after is not None and follows else None
        blocks.append(Block(fence[1], fence[2], source.count("\n", 0, fence.start(2)) + 1, output))
    return blocks


def prose_of(page: Path) -> str:
    """The page without its fenced blocks."""
    return FENCE.sub("", page.read_text())


def links_of(page: Path) -> list[str]:
    """The targets of its links and pictures, in order."""
    return LINK.findall(prose_of(page))


def headings_of(page: Path) -> list[str]:
    """Its headings, with their marks: `## Two commands`."""
    return re.findall(r"^#+ .+$", prose_of(page), re.MULTILINE)


def anchor_of(heading: str) -> str:
    """What a link to a heading ends in, as GitHub makes it."""
    text = re.sub(r"[^\w\- ]", "", heading.lstrip("#").strip().lower())
    return text.replace(" ", "-")
