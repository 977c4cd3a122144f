"""What is there in two languages is the same in both: examples, links, sections."""

from pathlib import Path

import pytest

from tests.docs.pages import ROOM, blocks_of, headings_of, links_of, name_of

JAPANESE = [ROOM / "README.ja.md", *sorted(ROOM.glob("docs/**/*.ja.md"))]
TWINS = [(page.with_name(page.name.replace(".ja.", ".")), page) for page in JAPANESE]
EXAMPLES = [twins for twins in TWINS if not twins[0].name.startswith("lecture")]
"""The lecture, whose blocks are output, is looked after by tests/test_lecture.py."""
BOTH = pytest.mark.parametrize(("english", "japanese"), TWINS, ids=name_of)
COMMENT = "#"


def code_of(page: Path) -> list[tuple[str, list[str]]]:
    """Its blocks without comments, which are translated."""
    return [(block.language, [_code(line) for line in block.text.splitlines()]) for block in blocks_of(page)]


def _code(line: str) -> str:
    return line.partition(f" {COMMENT} ")[0].rstrip()


def in_english(link: str) -> str:
    """Where a link leads, whatever the language of the page there, without the heading, which is translated."""
    return link.replace(".ja.md", ".md").partition("#")[0]


@pytest.mark.parametrize(("english", "japanese"), EXAMPLES, ids=name_of)
def test_the_examples_are_the_same(english: Path, japanese: Path) -> None:
    """The comments in them may differ."""
    assert code_of(japanese) == code_of(english)


@BOTH
def test_the_links_lead_to_the_same_pages(english: Path, japanese: Path) -> None:
    """To those in Japanese where there are any; the link from one twin to the other is left out."""
    own = {english.name, japanese.name}
    ours, theirs = ([in_english(link) for link in links_of(page) if link not in own] for page in (japanese, english))
    assert sorted(set(ours)) == sorted(set(theirs))


@BOTH
def test_the_sections_are_as_many(english: Path, japanese: Path) -> None:
    """At every level."""
    ours, theirs = ([heading.count("#", 0, 4) for heading in headings_of(page)] for page in (japanese, english))
    assert ours == theirs
