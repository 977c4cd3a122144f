"""A real browser before a real server: one of each for all tests here, and a fresh context for each test."""

import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Request, WebError, async_playwright

BROWSER = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--renderer-process-limit=1",
]
DESK = {"width": 1440, "height": 900}
PHONE = {"width": 360, "height": 740}
WAIT_MS = 15_000
Visit = Callable[..., Awaitable[Any]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a browser there is nothing to look with."""
    if BROWSER is None:
        skip = pytest.mark.skip(reason="no chromium, chromium-browser or google-chrome in PATH")
        for item in items:
            if "tests/page/" in str(item.path):
                item.add_marker(skip)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """One event loop for the browser and all tests that drive it."""
    return "asyncio"


@pytest.fixture(scope="session")
async def browser(anyio_backend: str) -> AsyncIterator[Browser]:
    """The system's own Chromium."""
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=BROWSER, args=ARGUMENTS)
        yield browser
        await browser.close()


@dataclass
class Watch:
    """What no visit may bring: errors in the console, and requests to anyone but the server."""

    allowed: tuple[str, ...]
    console: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> None:
        context.on("console", self._hear)
        context.on("weberror", self._catch)
        context.on("request", self._see)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.console.append(f"{message.text} {message.location.get('url', '')}")

    def _catch(self, error: WebError) -> None:
        self.console.append(str(error.error))

    def _see(self, request: Request) -> None:
        if not request.url.startswith((*self.allowed, "data:", "blob:")):
            self.elsewhere.append(request.url)


@pytest.fixture
async def visit(browser: Browser, server: str) -> AsyncIterator[Visit]:
    """`await visit("/#at=7", viewport=…)` opens a page of a context of its own and waits until it can be touched.

    Its options are those of a browser's context; motion is reduced unless a test is about motion. At the end there
    must have been no error in the console and no request to another origin.
    """
    watch = Watch((server,))
    contexts = []

    async def open_page(address: str = "/", *, ready: bool = True, **options: Any) -> Any:
        given = {"viewport": DESK, "locale": "en-US", "reduced_motion": "reduce", **options}
        context = await browser.new_context(base_url=server, permissions=["clipboard-read", "clipboard-write"], **given)
        contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        watch.over(context)
        page = await context.new_page()
        await page.goto(address)
        if ready:
            # Before it knows its model a map takes neither focus nor keys.
            await page.wait_for_selector("latent-map #pad[tabindex]", state="attached")
        return page

    yield open_page
    for context in contexts:
        await context.close()
    assert watch.console == []
    assert watch.elsewhere == []


async def until(page: Any, expression: str, argument: Any = None) -> None:
    """Waits for the expression, or function of the argument, to be true; the page's policy forbids waiting within."""
    started = time.monotonic()
    while not await page.evaluate(expression, argument):
        assert time.monotonic() - started < WAIT_MS / 1000, f"never true: {expression}"
        await page.wait_for_timeout(30)
