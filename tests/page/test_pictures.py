"""Pictures and their addresses: the screen shows what the address gives, and a file knows where it came from."""

import asyncio
import contextlib
import shlex
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Error as PlaywrightError

from tests.page.conftest import Visit, until

pytestmark = pytest.mark.anyio


async def test_the_copied_curl_line_gives_the_bytes_on_the_screen(visit: Visit, tmp_path: Path) -> None:
    """Copied with the key C, run in a shell, compared byte for byte."""
    page = await visit("/#model=fashion-vae-2d&at=0.4,-1.1", bypass_csp=True)
    await _exact(page)
    await page.get_by_role("button", name="curl").click()
    await page.locator("latent-map #pad").focus()

    await page.keyboard.press("c")
    line = await page.evaluate("navigator.clipboard.readText()")
    subprocess.run(shlex.split(line), cwd=tmp_path, check=True, timeout=30)

    assert await _on_screen(page) == (tmp_path / "fashion-vae-2d.png").read_bytes()


async def test_each_form_of_the_line_names_the_picture(visit: Visit) -> None:
    """URL, curl, Python, JS and <img> all hold the same address."""
    page = await visit("/#model=fashion-vae&at=7")
    url = await page.locator("#line").text_content()

    for form in ("curl", "Python", "JS", "<img>"):
        await page.get_by_role("button", name=form, exact=True).click()
        assert url in await page.locator("#line").text_content()
    assert "/v1/models/fashion-vae@" in url
    assert url.endswith("/samples/7.png?size=224")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("fashion-vae/samples/1234.png?size=56", {"model": "fashion-vae", "at": "1234"}),
        ("fashion-dcgan/samples/9.png", {"model": "fashion-dcgan", "at": "9"}),
        ("fashion-vae/interpolations/5,6.strip.png", {"model": "fashion-vae", "a": "5", "b": "6", "at": "5"}),
        ("fashion-vae-2d/images/ZjZmvA.png", {"model": "fashion-vae-2d", "at": "z.ZjZmvA"}),
    ],
)
async def test_a_dropped_picture_of_ours_brings_back_what_it_shows(
    visit: Visit, server: str, path: str, told: dict[str, str]
) -> None:
    """A GAN's, too: the recipe is inside the file."""
    page = await visit()

    await _drop(page, httpx.get(f"{server}/v1/models/{path}").content)
    await until(
        page, "model => location.hash.includes(`model=${model}`) && location.hash.includes('at=')", told["model"]
    )

    hash_ = await page.evaluate("Object.fromEntries(new URLSearchParams(location.hash.slice(1)))")
    assert told.items() <= ({"a": "42", "b": "77"} | hash_).items()


async def test_any_other_dropped_picture_is_scored(visit: Visit, server: str) -> None:
    """The number on the page is the number that the API gives."""
    picture = Path("service/page/examples/00-ankle-boot.png").read_bytes()
    given = httpx.post(f"{server}/v1/models/fashion-vae-2d/scores", files={"image": picture}).json()["data"][0]
    page = await visit()

    await _drop(page, picture)
    elbo = f"{given['elbo']['value']:.1f}".replace("-", "−")
    await page.locator("elbo-meter dd", has_text=elbo).wait_for()

    assert f"More probable than {given['percentile']:.0f} %" in await page.locator("elbo-meter .text").text_content()


async def test_a_real_picture_finds_its_place_on_the_map(visit: Visit, server: str) -> None:
    """The encoder's mean becomes the point that is shown."""
    picture = Path("service/page/examples/06-coat.png").read_bytes()
    z64 = httpx.post(f"{server}/v1/models/fashion-vae-2d/latents", files={"image": picture}).json()["data"][0]["z64"]
    page = await visit("/#model=fashion-vae-2d&score=4")
    await until(page, "document.querySelector('elbo-meter').score")

    await page.locator("#encode").click()

    await until(page, "z64 => location.hash.includes(`at=z.${z64}`)", z64)


async def test_what_is_drawn_is_scored(visit: Visit) -> None:
    """Each stroke; the sheet is a picture of the model's own size."""
    page = await visit("/#model=fashion-vae-2d&score=draw")
    box = await page.locator("draw-pad canvas").bounding_box()

    for part in (0.3, 0.5, 0.7):
        await page.mouse.move(box["x"] + box["width"] * part, box["y"] + box["height"] * 0.2)
        await page.mouse.down()
        await page.mouse.move(box["x"] + box["width"] * part, box["y"] + box["height"] * 0.8, steps=4)
        await page.mouse.up()
    await until(page, "document.querySelector('elbo-meter').score")

    size = "async meter => { const { width, height } = await createImageBitmap(meter.picture); return [width, height] }"
    assert await page.locator("elbo-meter").evaluate(size) == [28, 28]


async def test_a_gan_says_why_it_cannot_score_and_names_the_models_that_can(visit: Visit) -> None:
    """One sentence, and a button for each of them that goes there."""
    page = await visit("/#model=fashion-dcgan")

    assert "no likelihood" in await page.locator("elbo-meter #why").text_content()
    await page.locator("elbo-meter button", has_text="fashion-vae-2d").click()

    await until(page, "document.querySelector('elbo-meter').score")
    assert await page.locator("select").input_value() == "fashion-vae-2d"


async def test_a_drag_has_two_requests_under_way_at_most_and_the_last_wins(visit: Visit) -> None:
    """Pictures of points, held back so that they pile up; what is shown in the end is the last point's."""
    page = await visit("/#model=fashion-vae-2d&at=0,0&hide=score,path,samples,why", bypass_csp=True)
    await _exact(page)
    running, most, asked = 0, 0, 0

    async def hold(route: Any) -> None:
        nonlocal running, most, asked
        running, asked = running + 1, asked + 1
        most = max(most, running)
        await asyncio.sleep(0.12)
        running -= 1
        # One that was aborted meanwhile cannot go on.
        with contextlib.suppress(PlaywrightError):
            await route.continue_()

    await page.route("**/images/*.png*", hold)
    box = await page.locator("latent-map #pad").bounding_box()
    await page.mouse.move(box["x"] + 20, box["y"] + 20)
    await page.mouse.down()
    for step in range(30):
        await page.mouse.move(box["x"] + 20 + 10 * step, box["y"] + 20 + 8 * step)
        await page.wait_for_timeout(20)
    await page.mouse.up()
    await _exact(page)

    assert most <= 2
    assert 2 <= asked < 30
    assert await _on_screen(page) == httpx.get(await page.locator("#line").text_content()).content


async def test_a_point_that_was_seen_is_not_asked_for_again(visit: Visit) -> None:
    """Forth and back costs one request for each new point, none for the old."""
    page = await visit("/#model=fashion-vae-2d&at=0,0&hide=score,path,samples,why")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/images/" in request.url else None)
    await page.locator("latent-map #pad").focus()

    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowLeft", "ArrowRight"):
        await page.keyboard.press(key)
        await _exact(page)

    assert len(asked) == len(set(asked)) == 2


async def test_the_times_of_the_last_answers_are_shown_on_demand(visit: Visit) -> None:
    """Queue, model, files and all of it in milliseconds, and the rows that wait; not asked for while it is closed."""
    page = await visit()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/metrics" in request.url else None)

    await page.wait_for_timeout(300)
    assert asked == []
    async with page.expect_request("**/metrics"):
        await page.locator("#timing summary").click()

    assert await page.locator("#timing rect").count() > 1
    assert await page.locator("#timing dd").count() == 5
    assert "ms" in await page.locator("#timing dd").first.text_content()


async def _exact(page: Any) -> None:
    """Until the picture of the address in the bar is shown, and nothing over it."""
    await until(page, "(p => p.picture && p.shownUrl === p.url)(document.querySelector('latent-page'))")


async def _on_screen(page: Any) -> bytes:
    """The bytes of the picture that is shown; the page itself may not fetch them, so its policy is off here."""
    read = """async () => {
      const shown = await fetch(document.querySelector("#picture").src);
      return [...new Uint8Array(await shown.arrayBuffer())]; }"""
    return bytes(await page.evaluate(read))


async def _drop(page: Any, content: bytes) -> None:
    script = """bytes => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(bytes)], "p.png", { type: "image/png" }));
      window.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })); }"""
    await page.evaluate(script, list(content))
