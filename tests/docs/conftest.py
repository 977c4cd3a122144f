"""One server and one browser for all pages."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.docs.reader import Look

BROWSER = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), "")
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
UNLOADED = "[...document.images].filter(image => !image.complete || !image.naturalWidth).map(image => image.src)"


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and does not talk about it."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name that the base class gives it
        """Nothing."""


@pytest.fixture(scope="session")
def look(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Look | None]:
    """Opens a page that comes from another origin than the service's: no error, and every picture is there.

    Where there is no browser, or no Playwright, pages are not opened.
    """
    if not BROWSER or find_spec("playwright") is None:
        yield None
        return
    folder = tmp_path_factory.mktemp("pages")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as home, _browsing() as browsing:
        Thread(target=home.serve_forever, daemon=True).start()
        yield lambda text: browsing(partial(_seen, text=text, folder=folder, port=home.server_port))
        home.shutdown()


@contextmanager
def _browsing() -> Iterator[Callable[[Callable[[Any], None]], None]]:
    """Calls with a browser. It lives in a thread of its own, whose event loop is in nobody's way."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # it may not be there

    with ThreadPoolExecutor(1) as thread:
        driver = thread.submit(lambda: sync_playwright().start()).result()
        browser = thread.submit(partial(driver.chromium.launch, executable_path=BROWSER, args=ARGUMENTS)).result()
        try:
            yield lambda task: thread.submit(task, browser).result()
        finally:
            thread.submit(browser.close).result()
            thread.submit(driver.stop).result()


def _seen(browser: Any, *, text: str, folder: Path, port: int) -> None:
    (folder / "page.html").write_text(f'<!doctype html>\n<link rel="icon" href="data:,">\n{text}')
    errors: list[str] = []
    page = browser.new_page()
    page.on("console", lambda message: errors.extend([message.text] if message.type == "error" else []))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"http://127.0.0.1:{port}/page.html", wait_until="networkidle", timeout=60_000)
    unloaded = page.evaluate(UNLOADED)
    page.close()
    assert not errors, errors
    assert not unloaded, unloaded
