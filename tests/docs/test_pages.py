"""The documentation as a whole: short pages, links that lead somewhere, and a map on which every page is."""

import re
from pathlib import Path

import numpy as np
import pytest

from docs.reference.__main__ import HERE, PAGES
from models_store.latents import Stream, normals
from tests.docs.pages import KINDS, ROOM, anchor_of, headings_of, links_of, name_of
from tests.docs.pages import PAGES as RUN

OTHERS = ("docs/architecture.md", "docs/models.md", "docs/lecture.md", "docs/lecture.ja.md", "docs/dependencies.md")
ALL = [*RUN, *(ROOM / each for each in OTHERS)]
LONGEST = 200


@pytest.mark.parametrize("page", ALL, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Files are there, and so is the heading that a link names."""
    for link in links_of(page):
        if link.startswith(("http://", "https://")):
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), f"{name_of(page)} links to {link}"
        if anchor and target.suffix == ".md":
            assert anchor in map(anchor_of, headings_of(target)), f"{name_of(page)} links to {link}"


@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_no_page_is_long(page: Path) -> None:
    """A page that grows longer is two pages."""
    assert len(page.read_text().splitlines()) <= LONGEST


def test_every_page_is_on_the_map() -> None:
    """docs/index.md names all of them."""
    index = ROOM / "docs/index.md"
    named = {(index.parent / link).resolve() for link in links_of(index)}
    missing = [name_of(page) for kind in KINDS for page in (index.parent / kind).glob("*.md") if page not in named]
    assert not missing


@pytest.mark.parametrize("name", PAGES)
def test_the_reference_is_what_the_programs_say(name: str) -> None:
    """Otherwise: `.venv/bin/python -m docs.reference`."""
    assert (HERE / name).read_text() == PAGES[name]()


def test_the_published_vectors_are_the_services() -> None:
    """Other languages check themselves against docs/reference/latents.md."""
    rows = re.findall(r"^\| (\d+) \| (\d+) \| (\d) \| ([-\d. ]+) \|$", (HERE / "latents.md").read_text(), re.MULTILINE)

    assert len(rows) == 5
    for seed, index, stream, numbers in rows:
        found = normals(int(seed), [int(index)], 6, stream=Stream(int(stream)))[0]
        published = np.array(numbers.split(), dtype=np.float32)
        np.testing.assert_array_max_ulp(found, published, maxulp=1)
