"""A visitor's whole way: by keyboard only, by touch only, and back again."""

from typing import Any

import pytest

from tests.page.conftest import PHONE, Visit, until

pytestmark = pytest.mark.anyio

MAP = "latent-map #pad"


async def test_the_whole_journey_goes_by_keyboard_alone(visit: Visit) -> None:
    """Model, map, ends, path, scrubbing, samples, real picture, language: Tab, arrows, letters, Space and Enter."""
    page = await visit("/#model=fashion-vae-2d&at=0.4,-1.1")
    press = page.keyboard.press

    await _tab_to(page, "pad")
    await press("ArrowRight")
    await press("Shift+ArrowUp")
    await press("Alt+ArrowLeft")
    assert await _told(page, "at") == "0.48,-0.6"
    await press("a")
    await press("Home")
    await press("b")
    assert (await _told(page, "a"), await _told(page, "b"), await _told(page, "at")) == ("0.48,-0.6", "0,0", "0,0")
    await press("]")
    assert await _told(page, "at") == "1"
    await press("[")
    assert await _told(page, "at") == "0"

    await press("Space")
    await until(page, "document.querySelector('film-strip').playing")
    await press("Space")
    await until(page, "!document.querySelector('film-strip').playing")
    await _tab_to(page, "scrub")
    await press("End")
    assert await _told(page, "frame") == "16"

    await _tab_to(page, "next")
    await press("Enter")
    assert await _told(page, "from") == "16"
    await _tab_to(page, "score-test")
    await press("Enter")
    await until(page, "document.querySelector('elbo-meter').score")
    assert await _told(page, "score") == "0"


async def test_the_keys_are_listed_where_they_work(visit: Visit) -> None:
    """`?` on the map opens the list, Escape closes it and the focus is on the map again."""
    page = await visit()
    await page.locator(MAP).focus()

    await page.keyboard.press("?")
    assert await page.locator("dialog#keys kbd").count() == 10
    await page.keyboard.press("Escape")

    assert await page.evaluate("document.activeElement.shadowRoot.activeElement.id") == "pad"


async def test_letters_mean_nothing_outside_the_map(visit: Visit) -> None:
    """A single key is a command only where the focus says so (WCAG 2.1.4)."""
    page = await visit("/#model=fashion-vae-2d&at=5")
    await page.locator("#show-keys").focus()

    for key in ("r", "a", "]", "Home", "c"):
        await page.keyboard.press(key)

    assert await _told(page, "at") == "5"


async def test_the_focus_is_never_lost(visit: Visit) -> None:
    """Whatever is pressed and however the page changes, the focus stays where it was."""
    page = await visit()

    for name in ("random", "next", "like", "score-test", "score-draw", "set-a"):
        await page.locator(f"#{name}").focus()
        await page.keyboard.press("Enter")
        await page.wait_for_timeout(100)
        assert await page.evaluate("document.activeElement.id") == name


async def test_the_whole_journey_goes_by_touch_on_a_phone(visit: Visit) -> None:
    """Place the dot, play, take a sample, score a real picture, draw one, copy: taps alone, at 360 by 740."""
    page = await visit("/#model=fashion-vae-2d", viewport=PHONE, has_touch=True, is_mobile=True)
    map_box = await page.locator(MAP).bounding_box()

    await page.touchscreen.tap(map_box["x"] + map_box["width"] * 0.75, map_box["y"] + map_box["height"] * 0.25)
    x, y = (float(number) for number in (await _told(page, "at")).split(","))
    assert [x, y] == pytest.approx([0.674, 0.674], abs=0.02)

    await _tab(page, "Path").tap()
    await page.locator("film-strip #play").tap()
    await until(page, "document.querySelector('film-strip').playing")
    await page.locator("film-strip #play").tap()
    await _tab(page, "Samples").tap()
    await page.locator("#samples .grid button").nth(3).tap()
    assert await _told(page, "at") == "3"
    await _tab(page, "Score").tap()
    await page.locator("#score-test").tap()
    await until(page, "document.querySelector('elbo-meter').score")
    await page.locator("#copy-line").tap()
    assert await page.evaluate("navigator.clipboard.readText()") == await page.locator("#line").text_content()


async def test_what_a_finger_needs_is_large_enough(visit: Visit) -> None:
    """44 pixels both ways for every button and link that is in sight on a phone, but the pictures, which are larger."""
    page = await visit(viewport=PHONE, has_touch=True, is_mobile=True)
    measure = """elements => elements.filter(each => each.checkVisibility() && !each.closest(".unseen"))
      .map(each => [each.id || each.textContent.trim(), each.getBoundingClientRect()])
      .filter(([, box]) => box.width && (box.width < 44 || box.height < 44)).map(([name]) => name)"""

    for tab in ("Map", "Path", "Samples", "Score", "Why"):
        await _tab(page, tab).tap()
        assert await page.locator("button, a.button, select, summary").evaluate_all(measure) == []


async def test_a_drag_that_leaves_the_dot_is_one_step_and_back_undoes_it(visit: Visit) -> None:
    """However many moves it had; and Back again undoes the step before."""
    page = await visit("/#model=fashion-vae-2d&at=5")
    await page.locator("#samples .grid button").nth(7).click()
    before = await page.evaluate("history.length")

    await _drag(page, [(0.3, 0.3), (0.4, 0.5), (0.6, 0.6), (0.7, 0.2)])

    assert "," in await _told(page, "at")
    assert await page.evaluate("history.length") == before + 1
    await page.go_back()
    await until(page, "document.querySelector('latent-map').at === '7'")
    assert await page.locator("#now-title").text_content() == "seed 7"
    await page.go_back()
    await until(page, "document.querySelector('latent-map').at === '5'")


async def test_an_address_brings_back_what_was_in_view(visit: Visit) -> None:
    """Model, point, ends, frame, method, samples, scored picture, and hidden parts."""
    hash_ = "#model=fashion-vae&at=3.25,0.5&a=7&b=9&frame=4&method=lerp&from=32&score=4&hide=why"
    page = await visit(f"/{hash_}")

    assert await page.locator("#model").input_value() == "fashion-vae"
    assert await page.locator("film-strip").evaluate("film => [film.a, film.b, film.frame, film.method]") == [
        "7",
        "9",
        4,
        "lerp",
    ]
    assert await page.locator("latent-map").evaluate("map => map.place") == {"x": 3.25, "y": 0.5}
    assert await page.locator("#samples img").first.get_attribute("alt") == "fashion-vae, seed 32"
    assert (
        await page.locator("#score .grid [aria-pressed=true] img").get_attribute("alt") == "a real coat, test picture 6"
    )
    assert await page.locator("#why").count() == 0


async def test_the_shared_link_opens_the_same_view_and_a_teacher_can_leave_parts_out(visit: Visit) -> None:
    """Parts are ticked off in the dialog; the link brings the rest to whoever opens it."""
    page = await visit("/#model=fashion-vae-2d&at=7")
    await page.locator("#show-share").click()
    for part in ("Score", "Why"):
        await page.locator("#share").get_by_role("checkbox", name=part).uncheck()
    await page.get_by_role("button", name="Copy the link").click()

    other = await visit(await page.evaluate("navigator.clipboard.readText()"))

    assert await other.locator("#now-title").text_content() == "seed 7"
    assert await other.locator("main > section").evaluate_all("all => all.map(each => each.id)") == [
        "map",
        "now",
        "path",
        "samples",
    ]


@pytest.mark.parametrize("hash_", ["#model=none&at=-3&a=<b>&frame=99&score=x&from=-1", "#at=z.AHw,&hide=all", "#%%%"])
async def test_an_address_of_nonsense_shows_what_a_first_visit_shows(visit: Visit, hash_: str) -> None:
    """No error, and the first picture."""
    page = await visit(f"/{hash_}")

    assert await page.locator("#now-title").text_content() == "seed 42"


async def _tab_to(page: Any, identity: str) -> None:
    """Presses Tab until the element has the focus, in whatever shadow it lies."""
    deepest = """(e => { while (e.shadowRoot?.activeElement) e = e.shadowRoot.activeElement; return e.id })
      (document.activeElement)"""
    for _ in range(90):
        if await page.evaluate(deepest) == identity:
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"Tab never reaches {identity}")


async def _told(page: Any, name: str) -> str:
    """What the hash says of it; nothing if it is as usual."""
    told: str = await page.evaluate("name => new URLSearchParams(location.hash.slice(1)).get(name) ?? ''", name)
    return told


def _tab(page: Any, name: str) -> Any:
    return page.locator("nav.tabs").get_by_role("button", name=name, exact=True)


async def _drag(page: Any, spots: list[tuple[float, float]]) -> None:
    await page.locator(MAP).scroll_into_view_if_needed()
    await page.locator(MAP).wait_for()
    box = await page.locator(MAP).bounding_box()
    places = [(box["x"] + left * box["width"], box["y"] + top * box["height"]) for left, top in spots]
    await page.mouse.move(*places[0])
    await page.mouse.down()
    for place in places[1:]:
        await page.mouse.move(*place, steps=5)
    await page.mouse.up()
