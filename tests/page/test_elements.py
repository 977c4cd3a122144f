"""The public elements in somebody else's page, on another origin: one script, one tag each."""

import asyncio
import functools
import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.page.conftest import DESK, WAIT_MS, Watch, until

pytestmark = pytest.mark.anyio

PAGE = """<!DOCTYPE html><html lang="en"><title>elsewhere</title>
<script type="module" src="{server}/elements.js"></script>
<latent-map model="fashion-vae-2d" at="42" a="42" b="79"></latent-map>
<film-strip model="fashion-vae" a="1" b="2"></film-strip>
<elbo-meter model="fashion-vae-2d" src="{server}/page/examples/00-ankle-boot.png"></elbo-meter>
<draw-pad model="fashion-vae-2d"></draw-pad>"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Says nothing."""

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture(scope="module")
def elsewhere(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Another web server with a page that uses our elements."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "index.html").write_text(PAGE.format(server=server))
    (folder / "favicon.ico").touch()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as other:
        thread = threading.Thread(target=other.serve_forever)
        thread.start()
        yield f"http://localhost:{other.server_port}/index.html"
        other.shutdown()
        thread.join()


@pytest.fixture
async def page(browser: Any, server: str, elsewhere: str) -> Any:
    """That page, opened; nothing may go wrong in its console."""
    context = await browser.new_context(viewport=DESK)
    context.set_default_timeout(WAIT_MS)
    watch = Watch((server, "http://localhost"))
    watch.over(context)
    page = await context.new_page()
    await page.goto(elsewhere)
    yield page
    await context.close()
    assert watch.console == []
    assert watch.elsewhere == []


async def test_a_map_elsewhere_can_be_explored(page: Any) -> None:
    """It shows its atlas, and tells where it was moved and the address of the picture."""
    await until(page, "document.querySelector('latent-map').shadowRoot?.querySelector('img')?.naturalWidth")
    told = "new Promise(resolve => addEventListener('point-change', event => resolve(event.detail), { once: true }))"

    heard = page.evaluate(f"{told}.then(({{ at, place, url }}) => [at, place, url])")
    waiting = asyncio.ensure_future(heard)
    await page.wait_for_timeout(100)
    await page.locator("latent-map #pad").focus()
    await page.keyboard.press("Home")
    at, place, url = await waiting

    assert (at, place) == ("0,0", {"x": 0, "y": 0})
    assert "/v1/models/fashion-vae-2d@" in url or "/v1/models/fashion-vae-2d/" in url


async def test_a_film_elsewhere_plays(page: Any) -> None:
    """Its frames go on until it is paused."""
    await until(page, "document.querySelector('film-strip').shadowRoot?.querySelector('#strip')?.naturalWidth")

    await page.locator("film-strip #play").click()
    await until(page, "document.querySelector('film-strip').frame >= 3")
    await page.locator("film-strip #play").click()

    assert not await page.evaluate("document.querySelector('film-strip').playing")


async def test_a_meter_elsewhere_scores(page: Any) -> None:
    """A POST to another origin: what it answers may be read there."""
    await until(page, "document.querySelector('elbo-meter').score")

    kl = await page.evaluate("document.querySelector('elbo-meter').score.kl.value")
    assert f"{kl:.1f}" in await page.locator("elbo-meter dl").text_content()


async def test_a_sheet_elsewhere_gives_a_picture(page: Any) -> None:
    """Drawn with the keyboard: pen down, some steps, pen up."""
    await page.locator("draw-pad canvas").focus()
    heard = "event => resolve(event.detail.picture.type)"
    told = f"new Promise(resolve => addEventListener('picture-change', {heard}, {{ once: true }}))"
    waiting = asyncio.ensure_future(page.evaluate(told))
    await page.wait_for_timeout(100)

    for key in ("Space", "ArrowDown", "ArrowDown", "ArrowRight", "Space"):
        await page.keyboard.press(key)

    assert await waiting == "image/png"


def test_each_element_says_at_its_head_what_it_takes_and_tells() -> None:
    """Every observed attribute and every event is in the comment that opens its file."""
    exported = re.findall(r"elements/([a-z-]+)\.js", Path("service/page/elements.js").read_text())
    assert len(exported) == 4
    for path in (Path(f"service/page/elements/{name}.js") for name in exported):
        code = path.read_text()
        head = code[: code.index("*/")]
        events = set(re.findall(r'this\.(?:#)?tell\((?:[^)]*?\? )?"([a-z]+-[a-z]+)"', code))
        attributes = set(re.findall(r"^    (\w+): \{ type:", code, re.MULTILINE)) | {"model", "server"}
        assert events, path
        for name in events | attributes:
            assert re.search(rf"\b{name}\b", head), f"{path.name} does not document {name}"
