"""A conditional model on the page: the class is chosen once, and seeds, plane, path and file keep it."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from models_store import Card, write_checkpoint
from tests.conftest import tiny_dcgan
from tests.page.conftest import Visit, until
from tests.server import running_server

pytestmark = pytest.mark.anyio
LABELS = ["Sneaker", "T-shirt/top", "children's"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service of `choosy`, whose last three latents choose a class, and of `free`, which has none."""
    store = tmp_path_factory.mktemp("conditional")
    write_checkpoint(store, "choosy", tiny_dcgan(), Card(summary="conditional", labels=LABELS))
    write_checkpoint(store, "free", tiny_dcgan(), Card(summary="unconditional"))
    with running_server(store) as url:
        yield url


async def test_a_class_is_chosen_for_samples_plane_and_path(visit: Visit) -> None:
    """Each asks for it; the address keeps it; and another class is a step that Back undoes."""
    page = await visit("/#model=choosy&at=7")

    await page.locator("#label").select_option("T-shirt/top")

    assert "label=T-shirt%2Ftop" in await page.evaluate("location.hash")
    for place, part in (("#samples img", "samples"), ("latent-map #pad img", "tiles"), ("film-strip #strip", "interp")):
        sources = await page.locator(place).evaluate_all("all => all.map(each => each.src)")
        assert sources
        assert all(part in source and source.endswith("label=T-shirt%2Ftop") for source in sources)
    assert await page.locator("#now-title").text_content() == "seed 7 · T-shirt/top"
    await page.go_back()
    await until(page, "document.querySelector('#label').value === ''")


@pytest.mark.parametrize("at", ["7", "7.5,0.25"])
async def test_what_is_shown_is_of_the_class(visit: Visit, at: str) -> None:
    """At a seed and between seeds: the service finds that class in the latents of the address in the bar."""
    page = await visit(f"/#model=choosy&at={at}&label=children%27s")
    url = await page.locator("#line").text_content()
    picture = httpx.get(url).content
    base = url.split("/images/")[0].split("/samples/")[0]

    found = httpx.post(f"{base}/latents", files={"image": picture}).json()["data"][0]

    assert found["exact"]
    assert max(range(3), key=found["latents"][-3:].__getitem__) == 2
    assert "'" not in url


async def test_a_dropped_picture_brings_its_class_back_and_another_model_has_none(visit: Visit, server: str) -> None:
    """From the recipe in the file; where there are no classes there is nothing to choose."""
    page = await visit("/#model=choosy")
    content = httpx.get(f"{server}/v1/models/choosy/samples/5.png?label=Sneaker").content
    drop: Any = """bytes => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(bytes)], "p.png"));
      dispatchEvent(new DragEvent("drop", { dataTransfer: data })); }"""

    await page.evaluate(drop, list(content))
    await until(page, "document.querySelector('#label').value === 'Sneaker'")
    await page.locator("#model").select_option("free")

    assert await page.locator("#label").count() == 0
    assert "label" not in await page.evaluate("location.hash")
