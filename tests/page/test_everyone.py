"""For everyone: languages, screen readers, narrow screens, the dark."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.page.conftest import Visit, until

pytestmark = pytest.mark.anyio

PAGE = Path("service/page")
AXE = Path(__file__).parent / "axe" / "axe.min.js"
VISIBLE_TEXT = """() => {
  const texts = [];
  const walk = root => { for (const node of root.childNodes) {
    if (node.nodeType === 3 && node.parentElement?.checkVisibility()) texts.push(node.textContent);
    if (node.nodeType !== 1 || ["STYLE", "SCRIPT", "CODE", "KBD", "OPTION"].includes(node.tagName)) continue;
    if (node.lang === "en" || node.classList.contains("formula")) continue;
    for (const name of ["aria-label", "alt", "title", "placeholder", "aria-valuetext", "aria-roledescription"])
      if (node.getAttribute(name)) texts.push(node.getAttribute(name));
    walk(node); if (node.shadowRoot) walk(node.shadowRoot); } };
  walk(document.body); return texts; }"""
MEANT = (
    r"latentserve|(fashion|mnist|emoji)-[\w-]+|Fashion-MNIST|slerp|lerp|URL|curl|Python|JS|<img>|HTTP|JavaScript|API|KL|GAN|"
    r"Shift|Alt|Home|log p\(x\)|ms"
)
"""Names, code and units, which are the same in every language; and single letters of the mathematics."""


def _catalogue(language: str) -> dict[str, str]:
    words: dict[str, str] = json.loads((PAGE / f"words/{language}.json").read_text())
    return words


def test_both_catalogues_have_the_same_keys_and_the_same_gaps() -> None:
    """A text that one language lacks, or that drops a value, is a hole in the page."""
    english, japanese = _catalogue("en"), _catalogue("ja")

    assert english.keys() == japanese.keys()
    for key, text in english.items():
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", japanese[key])), key
        assert japanese[key].strip()


def test_every_word_that_the_page_says_is_in_the_catalogue_and_no_other() -> None:
    """Keys in the scripts and in the HTML; those made of parts are known by their beginning."""
    keys = _catalogue("en").keys()
    scripts = [path for path in PAGE.rglob("*.js") if "lit" not in path.parts]
    drawn = [Path("service/front_page.py"), Path("service/routes/pages.py")]
    code = "\n".join(path.read_text() for path in [*scripts, *drawn])
    said = set(re.findall(r'"([a-z]+(?:\.[a-z0-9-]+)+)"', code)) - {"page.html", "index.html", "strip.png"}
    said |= set(re.findall(r"\$\{([a-z]+(?:\.[a-z-]+)+)\}", (PAGE / "index.html").read_text()))
    beginnings = tuple(re.findall(r"say\(`([a-z.]+\.)\$\{", code))

    assert {key for key in said if key.split(".")[0] in {each.split(".")[0] for each in keys}} <= keys
    assert {key for key in keys if key not in said and not key.startswith(beginnings)} == set()


@pytest.mark.parametrize(
    "address", ["/#model=fashion-vae-2d", "/#model=fashion-vae&score=draw", "/#model=fashion-dcgan&plane=directions"]
)
async def test_in_japanese_no_english_is_left(visit: Visit, address: str) -> None:
    """Neither in sight nor in what a screen reader says; model names, code and units excepted."""
    page = await visit(address, locale="ja-JP")
    await page.locator("details").evaluate_all("all => all.forEach(each => (each.open = true))")
    await page.wait_for_timeout(1000)

    texts = await page.evaluate(VISIBLE_TEXT)
    left = [text.strip() for text in texts if re.search(r"[A-Za-z]{2,}", re.sub(MEANT, "", text))]

    assert left == []
    assert await page.evaluate("document.documentElement.lang") == "ja"


async def test_the_language_changes_without_losing_the_view_and_is_kept(visit: Visit) -> None:
    """The address says it, and so does the next visit of the same browser."""
    page = await visit("/#model=fashion-vae-2d&at=7")

    await page.get_by_role("link", name="日本語").click()
    await page.locator("h2", has_text="地図").wait_for()
    assert await page.evaluate("[location.search, location.hash]") == ["?lang=ja", "#model=fashion-vae-2d&at=7"]
    await page.goto("/#at=9")

    await page.locator("h2", has_text="地図").wait_for()
    assert await page.locator("#now-title").text_content() == "シード 9"


async def test_a_picture_that_comes_while_words_are_on_their_way_does_not_turn_the_language_back(visit: Visit) -> None:
    """The page is drawn anew between the click and the catalogue, as it is on a slow line."""
    page = await visit("/#model=fashion-vae-2d&at=7")
    held = asyncio.Event()

    async def hold(route: Any) -> None:
        await held.wait()
        await route.continue_()

    await page.route("**/words/ja.json", hold)
    await page.get_by_role("link", name="日本語").click()
    await page.locator("#seed").fill("8")
    await page.keyboard.press("Enter")
    await until(page, "document.title.includes('8')")
    held.set()

    await page.locator("h2", has_text="地図").wait_for()


async def test_the_view_is_shared_by_the_system_where_it_can(visit: Visit) -> None:
    """The link goes to whatever the system offers; a visitor who leaves that is told of no trouble."""
    page = await visit("/#model=fashion-vae-2d&at=7", ready=False)
    script = "navigator.share = async data => { window.sent = data; throw new DOMException('left', 'AbortError') }"
    await page.context.add_init_script(script)
    await page.reload()
    await page.locator("#show-share").click()

    await page.locator("#send").click()

    assert "at=7" in (await page.evaluate("window.sent"))["url"]
    assert await page.locator("[role=alert]").text_content() == ""


async def test_full_width_digits_are_digits(visit: Visit) -> None:
    """What a Japanese keyboard gives."""
    page = await visit(locale="ja-JP")

    await page.locator("#seed").fill("４２７")
    await page.keyboard.press("Enter")

    assert "at=427" in await page.evaluate("location.hash")


async def test_a_seed_that_is_none_is_named_with_what_would_be_one(visit: Visit) -> None:
    """The value, the limits, and nothing has changed."""
    page = await visit()

    await page.locator("#seed").fill("-5")
    await page.keyboard.press("Enter")

    said = await page.locator("[role=alert]").text_content()
    assert "-5" in said
    assert "4294967295" in said
    assert await page.locator("#now-title").text_content() == "seed 42"


@pytest.mark.parametrize(
    ("scheme", "locale"),
    [
        ("light", "en-US"),
        pytest.param("dark", "ja-JP", marks=pytest.mark.slow),
        pytest.param("dark", "en-US", marks=pytest.mark.slow),
        pytest.param("light", "ja-JP", marks=pytest.mark.slow),
    ],
)
async def test_axe_finds_nothing_serious(visit: Visit, scheme: str, locale: str) -> None:
    """On a 2-D model with its score, on a deep one with its directions, and with a dialog open."""
    for address in ("/#model=fashion-vae-2d&score=0", "/#model=fashion-vae&plane=directions&score=draw"):
        page = await visit(address, color_scheme=scheme, locale=locale)
        await page.wait_for_timeout(1000)
        await page.evaluate(AXE.read_text())
        assert await _serious(page) == []
    await page.locator("#show-share").click()
    assert await _serious(page) == []


async def test_at_320_pixels_nothing_lies_beside_the_page(visit: Visit) -> None:
    """As at 400 % zoom: it reflows, and no part is cut off or has to be scrolled sideways."""
    page = await visit("/#model=fashion-vae", viewport={"width": 320, "height": 640})

    for tab in ("Map", "Path", "Samples", "Score", "Why"):
        await page.locator("nav.tabs").get_by_role("button", name=tab, exact=True).click()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320
        outside = """all => all.filter(each => each.checkVisibility() && !each.closest("code, #pad, .unseen"))
          .filter(each => each.getBoundingClientRect().right > 321 || each.getBoundingClientRect().left < -1)
          .map(each => each.outerHTML.slice(0, 80))"""
        assert await page.locator("main *, header *").evaluate_all(outside) == []


async def test_the_dark_is_dark_and_can_be_chosen(visit: Visit) -> None:
    """By the system; and by the button, whatever the system says, for the next visit, too."""
    lightness = """() => getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3)
      .reduce((sum, part) => sum + Number(part), 0) / 3"""
    dark = await visit(color_scheme="dark")
    light = await visit(color_scheme="light")

    assert await dark.evaluate(lightness) < 40
    assert await light.evaluate(lightness) > 200
    theme = light.get_by_role("button", name="Colours")
    await theme.click()
    await theme.click()
    await light.reload()
    await light.wait_for_selector("latent-map")
    assert await light.evaluate(lightness) < 40


async def test_with_forced_colours_what_is_chosen_is_still_seen(visit: Visit) -> None:
    """Backgrounds are gone then; an outline tells."""
    page = await visit(forced_colors="active")

    chosen = page.locator("#score-now[aria-pressed=true]")

    assert await chosen.evaluate("button => getComputedStyle(button).outlineStyle") == "solid"


async def test_a_screen_reader_hears_where_it_is_and_what_the_score_is(visit: Visit) -> None:
    """Politely, after the hand has come to rest; and each picture has a name."""
    page = await visit("/#model=fashion-vae-2d&at=3")
    status = page.locator("[role=status]")

    await page.locator("latent-map #pad").focus()
    await page.keyboard.press("]")
    await until(page, "document.querySelector('[role=status]').textContent.includes('seed 4')")
    await until(page, "document.querySelector('[role=status]').textContent.includes('ELBO')")

    assert "percentile" in await status.text_content()
    assert await page.locator("#picture").get_attribute("alt") == "fashion-vae-2d, seed 4"
    assert (
        await page.locator("latent-map #pad").get_attribute("aria-label") == "Map of the latent space of fashion-vae-2d"
    )


async def _serious(page: Any) -> list[str]:
    found = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{each['id']}: {node['target']} {node['html'][:120]} {node['failureSummary'][:200]}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
