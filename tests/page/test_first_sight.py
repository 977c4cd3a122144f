"""What a visitor sees first: pictures, before any script and without one, soon, and in few bytes."""

import gzip
import hashlib
import re
from pathlib import Path

import httpx
import pytest

from tests.page.conftest import Visit, until

pytestmark = pytest.mark.anyio

PAGE = Path("service/page")
LIMIT_BYTES = 60_000


async def test_without_scripts_the_page_shows_its_pictures(visit: Visit) -> None:
    """The map, the picture, the path and 16 samples are images that have loaded, and there are links to go on."""
    page = await visit(ready=False, java_script_enabled=False)
    await page.wait_for_load_state("load")

    widths = await page.locator("img").evaluate_all("images => images.map(image => image.naturalWidth)")

    assert len(widths) == 1 + 1 + 1 + 16
    assert all(width > 0 for width in widths)
    assert await page.locator("nav.links a").count() == 4
    assert await page.locator("noscript").text_content() != ""


async def test_the_address_that_is_shown_without_scripts_is_that_of_the_picture(visit: Visit) -> None:
    """What a visitor copies from the bar is what the large picture shows."""
    page = await visit(ready=False, java_script_enabled=False)

    assert await page.locator("#line").text_content() == await page.locator("#now img").get_attribute("src")


async def test_scripts_take_over_what_was_drawn_without_them(visit: Visit) -> None:
    """The picture, its name and the samples have the same addresses before and after."""
    before = await visit(ready=False, java_script_enabled=False)
    after = await visit()

    samples = "#samples img"
    read = "images => images.map(image => image.getAttribute('src').replace(location.origin, ''))"
    assert await before.locator(samples).evaluate_all(read) == await after.locator(samples).evaluate_all(read)
    assert await before.locator("#now h2").text_content() == await after.locator("#now h2").text_content()
    await until(after, "document.querySelector('#picture').src.startsWith('blob:')")
    line = await after.locator("#line").text_content()
    assert line.endswith(await before.locator("#line").text_content())


@pytest.mark.slow  # it measures time, and other work on the machine counts
async def test_the_first_picture_is_there_within_two_seconds_on_a_slow_machine(visit: Visit) -> None:
    """From the navigation, with the processor slowed down four times."""
    page = await visit("/healthz", ready=False)
    session = await page.context.new_cdp_session(page)
    await session.send("Emulation.setCPUThrottlingRate", {"rate": 4})

    await page.goto("/", wait_until="commit")
    await until(page, "[...document.querySelectorAll('#now img')].some(image => image.naturalWidth)")

    assert await page.evaluate("performance.now()") < 2000


def test_the_whole_page_weighs_less_than_60_kilobytes() -> None:
    """HTML, style and scripts, each gzipped by itself, Lit among them."""
    files = [path for path in PAGE.rglob("*") if path.suffix in {".html", ".css", ".js"}]

    weights = {str(path): len(gzip.compress(path.read_bytes(), 9)) for path in files}

    assert sum(weights.values()) <= LIMIT_BYTES, weights


def test_lit_is_the_file_that_its_readme_names() -> None:
    """A vendored file is what it says it is."""
    digest = hashlib.sha256((PAGE / "lit/lit.js").read_bytes()).hexdigest()

    assert digest in (PAGE / "lit/README.md").read_text()


def test_a_query_cannot_put_markup_into_the_page(server: str) -> None:
    """Unknown models and languages are passed over, whatever they say."""
    for query in ("model=<script>alert(1)</script>", 'lang="><script>', "model=fashion-vae%00", "lang=ja&lang=<b>"):
        answer = httpx.get(f"{server}/?{query}")

        assert answer.status_code == 200
        assert not re.search(r"<script(?![^>]*\bsrc=)|<b>", answer.text)


def test_the_first_html_is_in_the_readers_language(server: str) -> None:
    """`lang` in the query first, then Accept-Language."""
    accepted = {"Accept-Language": "ja,en;q=0.5"}

    assert '<html lang="ja"' in httpx.get(server, headers=accepted).text
    assert '<html lang="en"' in httpx.get(f"{server}/?lang=en", headers=accepted).text
    assert '<html lang="ja"' in httpx.get(f"{server}/?lang=ja").text
    assert httpx.get(server, headers=accepted).headers["Content-Language"] == "ja"
    assert "Accept-Language" in httpx.get(server).headers["Vary"]
