"""A visitor's own picture: a state of its own, what was done to it is said, and no address claims to hold it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image, ImageDraw

from tests.page.conftest import PHONE, Visit, until

pytestmark = pytest.mark.anyio

ADDRESS = "/#model=fashion-vae-2d"


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    """A red disc on white, larger than the model's pictures."""
    picture = Image.new("RGB", (48, 48), "white")
    ImageDraw.Draw(picture).ellipse((12, 12, 36, 36), fill=(200, 40, 40))
    picture.save(tmp_path / "disc.png")
    return tmp_path / "disc.png"


@pytest.mark.parametrize("size", [{"width": 1280, "height": 800}, PHONE])
async def test_the_verdict_on_a_picture_that_was_brought_is_in_sight(
    visit: Visit, disc: Path, size: dict[str, int]
) -> None:
    """Nothing to draw on comes before it, and neither bar lies over it."""
    page = await visit(ADDRESS, viewport=size)
    await _bring(page, disc)

    verdict = await page.locator("elbo-meter .text").bounding_box()
    bars = await page.locator("#copy, nav.tabs").evaluate_all(
        "all => all.filter(each => each.checkVisibility()).map(each => each.getBoundingClientRect().top)"
    )

    assert not await page.locator("draw-pad").is_visible()
    assert await page.locator("#score-draw").get_attribute("aria-pressed") == "false"
    assert verdict["y"] > 0
    assert verdict["y"] + verdict["height"] < min(top for top in bars if top > 0)


async def test_an_inverted_picture_says_so_and_can_be_scored_as_it_is(visit: Visit, disc: Path, server: str) -> None:
    """The numbers and the copied line follow the switch; another picture begins anew."""
    scores = f"{server}/v1/models/fashion-vae-2d/scores"
    given, plain = (
        httpx.post(scores, params=how, files={"image": disc.read_bytes()}).json()["data"][0]
        for how in ({}, {"invert": "false"})
    )
    assert "inverted" in given["steps"]
    page = await visit(ADDRESS)
    await _bring(page, disc)
    switch = page.locator("elbo-meter").get_by_role("checkbox", name="Inverted")
    assert await switch.is_checked()
    assert await _elbo(page) == given["elbo"]

    await switch.uncheck()
    await until(page, "elbo => document.querySelector('elbo-meter').score.elbo.value === elbo", plain["elbo"]["value"])

    await page.locator("#copy-line").click()
    line = await page.evaluate("navigator.clipboard.readText()")
    run = subprocess.run(["bash", "-c", line], cwd=disc.parent, check=True, timeout=30, capture_output=True)
    assert json.loads(run.stdout)["data"][0]["elbo"] == plain["elbo"]
    await page.locator("#score-test").click()
    await switch.wait_for(state="detached")
    await _bring(page, disc)
    assert await _elbo(page) == given["elbo"]


async def test_the_shared_link_does_not_claim_a_picture_that_was_brought(visit: Visit, disc: Path) -> None:
    """It opens with the score of the picture that is shown; here, Back and Forward still find one's own."""
    page = await visit(f"{ADDRESS}&at=7")
    await _bring(page, disc)
    own = await _elbo(page)
    await page.locator("#show-share").click()
    link = await page.locator("#link").input_value()

    assert "score" not in link
    await page.keyboard.press("Escape")
    await page.go_back()
    await until(page, "own => document.querySelector('elbo-meter').score?.elbo.value !== own", own["value"])
    await page.go_forward()
    await until(page, "own => document.querySelector('elbo-meter').score?.elbo.value === own", own["value"])
    other = await visit(f"{ADDRESS}&at=7&score=file")
    assert await other.locator("#score-now").get_attribute("aria-pressed") == "true"


async def test_an_empty_sheet_offers_nothing_to_show(visit: Visit) -> None:
    """Before the first stroke there is no picture that the map could show."""
    page = await visit(f"{ADDRESS}&score=draw")
    assert await page.locator("#encode").count() == 0

    await page.locator("draw-pad canvas").focus()
    for key in ("Space", "ArrowDown", "Space"):
        await page.keyboard.press(key)

    await page.locator("#encode").wait_for()


async def _bring(page: Any, file: Path) -> None:
    """Until it is scored and the posterior has been drawn."""
    await page.locator("input[type=file]").set_input_files(file)
    await until(
        page, "(m => m.score && m.picture?.name === 'disc.png' && !m.busy)(document.querySelector('elbo-meter'))"
    )
    await page.wait_for_timeout(200)


async def _elbo(page: Any) -> Any:
    return await page.evaluate("document.querySelector('elbo-meter').score.elbo")
