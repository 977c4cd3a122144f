"""What moves by itself: once, to show that it can be moved, and never for who asked for calm."""

from typing import Any

import pytest

from tests.page.conftest import Visit, until

pytestmark = pytest.mark.anyio

FRAMES = """milliseconds => new Promise(resolve => {
  const seen = []; const film = document.querySelector("film-strip");
  film.addEventListener("frame-input", event => seen.push(event.detail.frame));
  film.addEventListener("frame-change", event => seen.push(event.detail.frame));
  setTimeout(() => resolve(seen), milliseconds); })"""


async def test_with_reduced_motion_no_frame_changes_by_itself(visit: Visit) -> None:
    """Not in the time in which it would have begun, either."""
    page = await visit()

    assert await page.evaluate(FRAMES, 2500) == []


@pytest.mark.slow  # it watches for six seconds
async def test_the_dot_glides_once_from_a_to_b_and_back_and_leaves_no_step_behind(visit: Visit) -> None:
    """On a first visit: all frames in order, then everything is as it was."""
    page = await visit(reduced_motion="no-preference")
    steps = await page.evaluate("history.length")

    seen = await page.evaluate(FRAMES, 6500)

    assert seen[:-1] == [*range(1, 17), *range(15, -1, -1)]
    assert await page.evaluate("[history.length, location.hash]") == [steps, ""]
    assert await page.locator("#now-title").text_content() == "seed 42"


async def test_a_key_stops_the_glide(visit: Visit) -> None:
    """Whoever begins to do something is not disturbed."""
    page = await visit(reduced_motion="no-preference")
    await until(page, "document.querySelector('film-strip').playing")

    await page.keyboard.press("Tab")

    assert not await page.locator("film-strip").evaluate("film => film.playing")
    assert await page.evaluate("location.hash") == ""


async def test_playing_can_be_paused_and_the_frame_is_in_the_address(visit: Visit) -> None:
    """With reduced motion, too: it was asked for."""
    page: Any = await visit()
    await page.locator("film-strip #play").click()
    await until(page, "document.querySelector('film-strip').frame >= 2")
    await page.locator("film-strip #play").click()

    frame = await page.locator("film-strip").evaluate("film => film.frame")
    await page.wait_for_timeout(300)

    assert await page.locator("film-strip").evaluate("film => film.frame") == frame
    assert f"frame={frame}" in await page.evaluate("location.hash")
