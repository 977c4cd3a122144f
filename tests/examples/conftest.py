"""The front end on a web server of its own, beside the service, in the browser of the page's tests."""

import functools
import re
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.page.conftest import DESK, WAIT_MS, Watch, anyio_backend, browser

__all__ = ["SOURCE", "WAIT_MS", "Open", "anyio_backend", "browser"]

SOURCE = Path("examples/front-end/index.html")
ADDRESS = "http://127.0.0.1:8000"
Open = Callable[..., Awaitable[Page]]


class Quiet(SimpleHTTPRequestHandler):
    """Says nothing of what it serves."""

    def log_message(self, *_given: object) -> None:
        """Nowhere."""


@pytest.fixture(scope="module")
def folder(server: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The front end with this server's address in the one place where it says it."""
    source = SOURCE.read_text()
    assert source.count(ADDRESS) == 1
    folder = tmp_path_factory.mktemp("front-end")
    (folder / "index.html").write_text(source.replace(ADDRESS, server))
    return folder


@pytest.fixture(scope="module")
def elsewhere(folder: Path) -> Iterator[str]:
    """The address of another web server, which has the page and nothing else."""
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{web.server_port}/"
        web.shutdown()
        thread.join(timeout=10)


@pytest.fixture
async def show(browser: Browser, server: str, elsewhere: str, folder: Path) -> AsyncIterator[Open]:
    """`await show(viewport=…)` opens it and waits for its elements; no errors and no third origin at the end."""
    watch = Watch((server, elsewhere, folder.as_uri()))
    contexts = []

    async def open_page(address: str = elsewhere, **options: Any) -> Page:
        context = await browser.new_context(**{"viewport": DESK, "locale": "en-US", **options})
        contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        watch.over(context)
        page = await context.new_page()
        await page.goto(address)
        if options.get("java_script_enabled", True):
            await expect(page.locator("elbo-meter dd").first).to_contain_text(re.compile(r"\d"), timeout=WAIT_MS)
        return page

    yield open_page
    for context in contexts:
        await context.close()
    assert watch.console == []
    assert watch.elsewhere == []
