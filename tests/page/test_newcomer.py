"""What a newcomer trips over: unknown models, a model changed on the way, numbers of nowhere, buttons without words."""

from typing import Any

import pytest

from tests.page.conftest import PHONE, Visit, until

pytestmark = pytest.mark.anyio


async def test_a_model_that_is_not_here_is_told_and_the_address_put_right(visit: Visit) -> None:
    """Whether the page opens with it or comes to it; Back goes to what was before."""
    page = await visit("/#model=nosuch&at=7")
    usual = await page.locator("#model").input_value()

    assert "nosuch" in await page.locator("[role=alert]").text_content()
    assert await page.evaluate("location.hash") == f"#model={usual}&at=7"
    await page.evaluate("location.hash = '#model=neither'")
    await until(page, "document.querySelector('[role=alert]').textContent.includes('neither')")
    assert await page.evaluate("location.hash") == f"#model={usual}"
    await page.go_back()
    await until(page, "location.hash.endsWith('at=7')")
    assert await page.locator("[role=alert]").text_content() == ""


async def test_another_model_stops_the_film_and_shows_its_own_picture(visit: Visit) -> None:
    """Chosen while it plays: no frame beyond the ends, and nothing of the old model is left."""
    page = await visit("/#model=fashion-vae-2d")
    await page.locator("film-strip #play").click()
    await until(page, "document.querySelector('film-strip').frame >= 3")

    await page.locator("#model").select_option("fashion-vae")

    assert not await page.locator("film-strip").evaluate("film => film.playing")
    await until(page, "(p => p.picture && p.shownUrl === p.url)(document.querySelector('latent-page'))")
    assert "/fashion-vae@" in await page.evaluate("document.querySelector('latent-page').shownUrl")
    assert await page.locator("#near").is_hidden()
    assert "frame" not in await page.evaluate("location.hash")


async def test_no_picture_of_another_model_stands_under_a_name(visit: Visit) -> None:
    """While the new model's first picture is on its way there is none; then there is its own."""
    page = await visit("/#model=fashion-vae-2d")
    await until(page, "(p => p.picture && p.shownUrl === p.url)(document.querySelector('latent-page'))")
    before = await page.locator("#picture").get_attribute("src")
    held: list[Any] = []

    async def hold(route: Any) -> None:
        held.append(route)

    await page.route("**/fashion-vae@*/**/*.png?size=224", hold)

    await page.locator("#model").select_option("fashion-vae")
    while not held:
        await page.wait_for_timeout(20)

    waiting = await page.locator("#picture").get_attribute("src")
    assert waiting != before
    assert waiting.startswith("data:image/gif")
    for each in held:
        await each.continue_()
    await until(page, "document.querySelector('#picture').src.startsWith('blob:')")


async def test_a_film_whose_frame_is_set_while_it_plays_back_stays_between_its_ends(visit: Visit) -> None:
    """Back in the history may do that."""
    page = await visit("/#model=fashion-vae-2d")
    frames = """() => new Promise(resolve => {
      const [film, seen] = [document.querySelector("film-strip"), []];
      film.frame = 16; film.play();
      film.addEventListener("frame-input", event => {
        if (seen.push(event.detail.frame) === 2) setTimeout(() => (film.frame = 0), 20);
        if (seen.length === 5) { film.pause(); resolve(seen); } }); })"""

    assert await page.evaluate(frames) == [15, 14, 1, 2, 3]


async def test_off_the_map_there_are_no_numbers(visit: Visit) -> None:
    """A point that is no seed lies nowhere on the plane of seeds, and has no name of eight letters either."""
    page = await visit("/#model=fashion-vae&score=4")
    await until(page, "document.querySelector('elbo-meter').score")
    await page.locator("#encode").click()
    await until(page, "location.hash.includes('at=z.')")

    await page.get_by_role("button", name="Plane").click()

    numbers = page.locator("latent-map input[type=number]")
    assert await numbers.evaluate_all("all => all.map(each => each.value)") == ["", ""]
    middle = "all => all.map(each => Number(each.value) - (Number(each.min) + Number(each.max)) / 2)"
    assert await page.locator("latent-map input[type=range]").evaluate_all(middle) == pytest.approx([0, 0], abs=0.01)
    assert await page.locator("#now-title").text_content() == "a point that is no seed"


@pytest.mark.parametrize("locale", ["en-US", "ja-JP"])
async def test_what_can_be_done_with_the_picture_stands_in_one_row(visit: Visit, locale: str) -> None:
    """At 1280 pixels less a scroll bar; and below the samples is no band of nothing."""
    page = await visit("/#model=fashion-vae-2d", viewport={"width": 1265, "height": 800}, locale=locale)
    await until(page, "document.querySelector('elbo-meter').score")
    await page.wait_for_timeout(300)

    tops = await page.locator("#now .row:not(.ends) > *").evaluate_all(
        "all => all.map(each => (box => box.top + box.height / 2)(each.getBoundingClientRect()))"
    )
    bottoms = "all => all.map(each => each.getBoundingClientRect().bottom)"
    samples, why = await page.locator("#samples, #why").evaluate_all(bottoms)

    assert max(tops) - min(tops) < 2
    assert why - samples < 60


async def test_on_a_phone_every_button_at_hand_has_a_word(visit: Visit) -> None:
    """Dice and triangle alone say little; the ends say which is which; and why all this is comes first."""
    page: Any = await visit(viewport=PHONE, has_touch=True, is_mobile=True)
    text = "all => all.filter(each => each.checkVisibility()).map(each => each.innerText.trim())"

    assert await page.locator(".thumbs button").evaluate_all(text) == ["Random", "Play", "Copy"]
    assert await page.locator(".ends button").evaluate_all(text) == ["from A", "to B"]
    assert (await page.locator(".tabs button").evaluate_all(text))[0] == "Why"
