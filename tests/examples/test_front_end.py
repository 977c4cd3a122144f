"""The front end of a hundred lines, on a page of another origin, before a real server and in a real browser."""

import asyncio
import re
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from PIL import Image
from playwright.async_api import Browser, FilePayload, Locator, Page, expect

from tests.examples.conftest import SOURCE, WAIT_MS, Open
from tests.page.conftest import BROWSER, DESK, PHONE

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(BROWSER is None, reason="no chromium, chromium-browser or google-chrome in PATH"),
]

AXE = Path("tests/page/axe/axe.min.js")
BOOT = Path("service/page/examples/00-ankle-boot.png")
SCORED = "samples/10.png"
LOADED = "images => images.every(image => image.complete && image.naturalWidth > 0)"


def test_it_has_at_most_a_hundred_lines_that_can_be_read() -> None:
    """And none so long that it would be two."""
    lines = SOURCE.read_text().splitlines()

    assert len(lines) <= 100
    assert max(map(len, lines)) <= 140


@pytest.mark.parametrize("origin", ["http", "file"])
async def test_every_picture_loads_from_another_origin(show: Open, elsewhere: str, folder: Path, origin: str) -> None:
    """From another port, and from a file; the elements show theirs, too."""
    page = await show(elsewhere if origin == "http" else (folder / "index.html").as_uri())

    for selector in ("img", "film-strip img", "latent-map img", "elbo-meter img"):
        assert await page.locator(selector).count() > 0, selector
        await _until(page.locator(selector), LOADED)


async def test_without_scripts_the_gallery_the_avatar_and_the_animation_are_there(show: Open) -> None:
    """They are addresses, no more."""
    page = await show(java_script_enabled=False)

    await page.wait_for_load_state("load")

    assert await page.locator(".gallery img").count() == 12
    assert await page.locator(".gallery img, #avatar img, .moving").evaluate_all(LOADED)


@pytest.mark.parametrize("name", ["アリス", "J. R. & Ünsal?"])
async def test_the_avatar_is_the_picture_of_the_name(show: Open, server: str, name: str) -> None:
    """Whatever is typed; the picture's bytes are those of the name's seed, under its pinned number, too."""
    page = await show()

    await page.locator("[name=name]").fill(name)
    await _until(page.locator("#avatar img"), LOADED)
    shown = httpx.get(str(await page.locator("#avatar img").evaluate("image => image.src")))

    [sample] = httpx.post(f"{server}/v1/models/fashion-vae/samples", json={"seeds": name}).json()["data"]
    again = httpx.get(f"{server}{sample['url'].replace('.png', '.webp')}?size=300")
    assert shown.content == again.content


async def test_the_animation_moves_until_it_is_held(show: Open) -> None:
    """36 frames there and back; the tick stops them, and so does a wish for less motion."""
    page = await show()
    moving = page.locator("#morph .moving")
    file = httpx.get(str(await moving.evaluate("image => image.src")))
    with Image.open(BytesIO(file.content)) as film:
        assert film.n_frames == 36  # type: ignore[attr-defined]  # of animations

    assert await _changes(page.locator("#morph .moving"))
    await page.get_by_label("Hold still").check()
    await expect(moving).to_be_hidden()
    assert not await _changes(page.locator("#morph .still"), tries=3)
    calm = await show(reduced_motion="reduce")
    await expect(calm.locator("#morph .moving")).to_be_hidden()
    await expect(calm.locator("#morph .still")).to_be_visible()


async def test_the_film_scrubs_and_plays(show: Open) -> None:
    """By key to the next frame, and on from there by itself."""
    page = await show()
    scrub = page.locator("film-strip input[type=range]")

    await scrub.press("ArrowRight")
    await expect(scrub).to_have_value("1")
    await page.locator("film-strip").get_by_role("button", name="Play").click()

    await expect(scrub).not_to_have_value("1")


async def test_the_picture_beside_the_map_is_that_of_the_place(show: Open, server: str) -> None:
    """A tap in the middle is z = (0, 0), nearly."""
    page = await show()

    await page.locator("latent-map #pad").click()
    await expect(page.locator("#map .pair > img")).to_have_attribute("src", re.compile(f"{server}/v1/.*/images/"))
    await _until(page.locator("#map .pair > img"), LOADED)

    z64 = str(await page.locator("#map .pair > img").get_attribute("src")).rpartition("/")[2].partition(".")[0]
    assert await page.locator("latent-map").evaluate("map => map.point") == z64


async def test_a_score_is_the_one_that_the_service_gives(show: Open, server: str) -> None:
    """Of the picture that is there first, of one that is chosen, and of one that is dropped."""
    page = await show()
    first = httpx.get(f"{server}/v1/models/fashion-vae/{SCORED}").content
    await _shows_score(page, server, first)

    await page.locator("[type=file]").set_input_files(BOOT)
    await _shows_score(page, server, BOOT.read_bytes())

    await _drop(page, first)
    await _shows_score(page, server, first)


async def test_what_is_drawn_is_scored(show: Open) -> None:
    """A stroke is a picture."""
    page = await show()
    before = await page.locator("elbo-meter dd").first.text_content()
    sheet = page.locator("draw-pad canvas")
    await sheet.scroll_into_view_if_needed()
    box = await sheet.bounding_box()
    assert box is not None

    await page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    await page.mouse.down()
    await page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.7 * box["height"], steps=5)
    await page.mouse.up()

    await expect(page.locator("elbo-meter dd").first).not_to_have_text(str(before))


async def test_a_file_that_is_no_picture_is_refused_in_words(browser: Browser, elsewhere: str) -> None:
    """The service's own; the browser writes the status to its console, so there is no watch over this visit."""
    page = await (await browser.new_context(locale="en-US")).new_page()
    await page.goto(elsewhere)
    await page.wait_for_function("document.querySelector('elbo-meter').card")

    text: FilePayload = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no picture"}
    await page.locator("[type=file]").set_input_files(files=[text])

    await expect(page.locator("[role=status]")).to_contain_text(re.compile(r"\w{4,}"), timeout=WAIT_MS)
    await page.context.close()


@pytest.mark.parametrize(("viewport", "scheme"), [(DESK, "light"), (PHONE, "dark")], ids=["desk", "phone"])
async def test_it_fits_and_can_be_used_by_everyone(show: Open, viewport: dict[str, int], scheme: str) -> None:
    """Nothing lies beside the page, the scheme is followed, and axe has nothing serious to say."""
    page = await show(viewport=viewport, color_scheme=scheme)

    assert await page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    brightness = "Math.max(...getComputedStyle(document.documentElement).backgroundColor.match(/\\d+/g).map(Number))"
    assert (await page.evaluate(brightness) > 200) == (scheme == "light")
    await page.evaluate(AXE.read_text())
    found = (await page.evaluate("axe.run(document, { resultTypes: ['violations'] })"))["violations"]
    assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == []


async def _until(images: Locator, condition: str) -> None:
    """Pictures come when they come."""
    for _ in range(WAIT_MS // 100):
        if await images.evaluate_all(condition):
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"{images}: not {condition}")


async def _changes(image: Locator, tries: int = 20) -> bool:
    """Whether it looks different a moment later."""
    first = await image.screenshot()
    for _ in range(tries):
        await asyncio.sleep(0.2)
        if await image.screenshot() != first:
            return True
    return False


async def _drop(page: Page, picture: bytes) -> None:
    """As from the desk onto the heading."""
    files = await page.evaluate_handle(
        """bytes => { const drag = new DataTransfer();
          drag.items.add(new File([new Uint8Array(bytes)], "dropped.png", { type: "image/png" })); return drag; }""",
        list(picture),
    )
    await page.locator("h1").dispatch_event("drop", {"dataTransfer": files})


async def _shows_score(page: Page, server: str, picture: bytes) -> None:
    answer = httpx.post(f"{server}/v1/models/fashion-vae/scores", files={"image": picture})
    elbo = answer.json()["data"][0]["elbo"]["value"]
    text = f"{elbo:.1f}".replace("-", "−")
    await expect(page.locator("elbo-meter dd").first).to_contain_text(text, timeout=WAIT_MS)
