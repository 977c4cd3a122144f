"""Pictures and their addresses: the screen shows what the address gives, and a file knows where it came from."""

import asyncio
import contextlib
import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image, ImageSequence
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


@pytest.mark.parametrize("end", ["7", "0.4,-1.1"])
async def test_the_copied_line_of_a_film_gives_the_film(visit: Visit, tmp_path: Path, end: str) -> None:
    """After an end was set the bar is about the path: between seeds by its address, between other points by a POST."""
    page = await visit(f"/#model=fashion-vae-2d&at={end}&method=lerp")
    await page.locator("#set-b").click()
    await page.get_by_role("button", name="curl").click()

    line = await _copied(page)
    _run(line, tmp_path)

    with Image.open(tmp_path / "fashion-vae-2d.webp") as film:
        assert (film.format, film.size, len(ImageSequence.all_frames(film))) == ("WEBP", (224, 224), 2 * 17)
    assert ("-d" in shlex.split(line)) == ("," in end)


@pytest.mark.parametrize("score", ["now", "0", "draw"])
async def test_the_copied_line_of_a_score_gives_the_score_on_the_screen(
    visit: Visit, tmp_path: Path, score: str
) -> None:
    """Of the picture that is shown, of a real one, and of one that is drawn, whose bytes are in the line."""
    page = await visit("/#model=fashion-vae-2d&at=7")
    await page.locator(f"#score-{'test' if score == '0' else score}").click()
    if score == "draw":
        await page.locator("draw-pad canvas").focus()
        for key in ("Space", "ArrowDown", "ArrowRight", "ArrowDown", "Space"):
            await page.keyboard.press(key)
    await page.locator("#subject").select_option("score")

    given = json.loads(_run(await _copied(page), tmp_path))["data"][0]

    # On the screen may still be what was scored before the click; then this is on its way.
    shown = "document.querySelector('elbo-meter').score"
    await until(page, f"{shown}?.elbo.value === {given['elbo']['value']!r}")
    assert given["elbo"] == await page.evaluate(f"{shown}.elbo")


async def test_the_copied_line_of_a_dropped_picture_names_its_file(visit: Visit, tmp_path: Path) -> None:
    """Where that file lies, the line gives its score: whatever its name is made of."""
    name, picture = 'it\'s a; "boot".png', Path("service/page/examples/00-ankle-boot.png").read_bytes()
    (tmp_path / name).write_bytes(picture)
    page = await visit("/#model=fashion-vae-2d")

    await _drop(page, picture, name)
    await until(page, "document.querySelector('elbo-meter').score")
    given = json.loads(_run(await _copied(page), tmp_path))["data"][0]

    assert given["elbo"] == await page.evaluate("document.querySelector('elbo-meter').score.elbo")


async def test_the_bar_offers_only_what_there_is(visit: Visit) -> None:
    """A GAN has no score, and a page without its path no film; what was chosen falls back to the picture."""
    page = await visit("/#model=fashion-dcgan")
    options = "all => all.map(each => each.value)"

    assert await page.locator("#subject option").evaluate_all(options) == ["picture", "film"]
    await page.locator("#model").select_option("fashion-vae-2d")
    await page.locator("#score-test").click()
    assert await page.locator("#subject").input_value() == "score"
    await page.locator("#model").select_option("fashion-dcgan")
    assert await page.locator("#subject").input_value() == "picture"


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
        ("fashion-dcgan/samples/9.webp?size=64", {"model": "fashion-dcgan", "at": "9"}),
        ("fashion-vae/interpolations/5,6.webp?steps=4", {"model": "fashion-vae", "a": "5", "b": "6", "at": "5"}),
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
    assert told.items() <= ({"a": "42", "b": "79"} | hash_).items()


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


async def test_the_posterior_of_a_scored_picture_is_drawn_and_told(visit: Visit, server: str) -> None:
    """On a map of two dimensions: rings at one and two deviations around the encoder's mean, and in words."""
    picture = Path("service/page/examples/06-coat.png").read_bytes()
    answer = httpx.post(f"{server}/v1/models/fashion-vae-2d/latents", files={"image": picture})
    found = answer.json()["data"][0]
    page = await visit("/#model=fashion-vae-2d&score=4")
    await page.locator("latent-map #posterior polygon").nth(3).wait_for(state="attached")

    read = """map => [1, 3].map(number => [...map.shadowRoot.querySelectorAll("#posterior polygon")[number].points]
      .map(({ x, y }) => map.plane.placeAt({ left: x / 100, top: y / 100 })))"""
    for deviations, ring in zip((1, 2), await page.locator("latent-map").evaluate(read), strict=True):
        for axis, name in enumerate("xy"):
            middle, reach = found["latents"][axis], deviations * found["scale"][axis]
            values = [place[name] for place in ring]
            assert [min(values), max(values)] == pytest.approx([middle - reach, middle + reach], abs=0.012)
    assert f"{found['scale'][0]:.2f}" in await page.locator("#map .legend").text_content()
    await until(page, "document.querySelector('[role=status]').textContent.includes('posterior')")
    await page.locator("#model").select_option("fashion-vae")
    assert await page.locator("latent-map #posterior").count() == 0


async def test_a_point_with_many_numbers_is_shown_by_its_directions(visit: Visit) -> None:
    """It lies nowhere on the plane of seeds; and beyond the six most active dimensions there are more."""
    page = await visit("/#model=fashion-vae&score=4")
    await until(page, "document.querySelector('elbo-meter').score")

    await page.locator("#encode").click()
    await until(page, "document.querySelectorAll('.direction').length === 6")
    labels = "all => all.map(each => each.textContent.trim().split(/\\s+/)[1])"
    first = await page.locator(".direction").evaluate_all(labels)
    await page.locator("#more").click()
    await until(page, "document.querySelector('.more').textContent.includes('7–12 of the 40')")
    shown = "document.querySelector('.direction').textContent.trim().split(/\\s+/)[1]"
    await until(page, f"!{first}.includes({shown})")

    assert set(first).isdisjoint(await page.locator(".direction").evaluate_all(labels))


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
    assert await page.locator("#model").input_value() == "fashion-vae-2d"


async def test_a_drag_has_two_requests_under_way_at_most_and_the_last_wins(visit: Visit) -> None:
    """Pictures of points, held back so that they pile up; what is shown in the end is the last point's."""
    page = await visit("/#model=fashion-vae-2d&at=0,0&hide=score,path,samples,why", bypass_csp=True)
    await _exact(page)
    running, most, asked, let = 0, 0, 0, asyncio.Event()

    async def hold(route: Any) -> None:
        nonlocal running, most, asked
        running, asked = running + 1, asked + 1
        most = max(most, running)
        await let.wait()
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
    await page.mouse.up()
    let.set()
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


async def _copied(page: Any) -> str:
    await page.locator("#copy-line").click()
    line: str = await page.evaluate("navigator.clipboard.readText()")
    return line


def _run(line: str, folder: Path) -> bytes:
    return subprocess.run(["bash", "-c", line], cwd=folder, check=True, timeout=30, capture_output=True).stdout


async def _drop(page: Any, content: bytes, name: str = "p.png") -> None:
    script = """([bytes, name]) => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
      window.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })); }"""
    await page.evaluate(script, [list(content), name])
