"""The pages: everything they name is there, comes from here, and may not be mixed with an older version."""

import posixpath
import re
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.anyio

PAGE = Path("service/page")


@pytest.mark.parametrize("page", ["/", "/docs"])
async def test_every_file_that_a_page_names_is_served_from_here(page: str, client: httpx.AsyncClient) -> None:
    """Scripts, styles and icons: all with 200, none from another host, each asked for anew after an upgrade."""
    html = (await client.get(page)).text

    names = re.findall(r'(?:src|href)="(/(?:page|docs)/[^"]+)"', html)
    answers = [await client.get(name) for name in names]

    assert len(names) >= 3
    assert not re.search(r'(?:src|href)="(?:https?:)?//', html)
    assert [answer.status_code for answer in answers] == [200] * len(names)
    assert {answer.headers["cache-control"] for answer in answers} == {"no-cache"}


async def test_all_modules_that_a_module_imports_are_fetched_with_the_page(client: httpx.AsyncClient) -> None:
    """One that is missing would leave the page without its script; one found late would keep it waiting."""
    html = (await client.get("/")).text
    modules = re.findall(r'modulepreload" href="/page/([^"]+\.js)"', html)

    assert "page.js" in modules
    for module in modules:
        imported = re.findall(r'(?:from|import) "(\.[^"]+)"', (PAGE / module).read_text())
        assert {posixpath.normpath(posixpath.join(posixpath.dirname(module), name)) for name in imported} <= {*modules}


async def test_the_page_may_run_nothing_that_is_not_a_file_of_ours(client: httpx.AsyncClient) -> None:
    """A strict content security policy, and no inline script or style that it would block."""
    answer = await client.get("/")

    assert answer.headers["content-security-policy"] == "default-src 'self'; img-src 'self' data: blob:"
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", answer.text)


async def test_every_picture_of_the_first_html_is_pinned_and_there(client: httpx.AsyncClient) -> None:
    """For any store: here models that nobody has seen, the one that is asked for in the query among them."""
    html = (await client.get("/?model=tiny-dcgan")).text
    sources = [source.replace("&amp;", "&") for source in re.findall(r'<img[^>]* src="([^"]+)"', html)]

    assert len(sources) == 19
    assert all(source.startswith("/v1/models/tiny-dcgan@") for source in sources)
    assert {(await client.get(source)).status_code for source in sources} == {200}


async def test_the_elements_are_found_at_a_short_address_from_any_origin(client: httpx.AsyncClient) -> None:
    """A redirect to the module, both for everyone."""
    short = await client.get("/elements.js")
    module = await client.get(f"/{short.headers['location']}")

    assert short.status_code == 307
    assert module.status_code == 200
    assert "javascript" in module.headers["content-type"]
    assert {answer.headers["access-control-allow-origin"] for answer in (short, module)} == {"*"}


async def test_the_page_finds_the_fields_that_it_reads(client: httpx.AsyncClient) -> None:
    """Of the cards and of a score."""
    card = (await client.get("/v1/models")).json()["data"][0]
    sample = (await client.get("/v1/models/tiny-vae/samples/1.png")).content
    score = (await client.post("/v1/models/tiny-vae/scores", files={"image": sample})).json()

    assert {"name", "pinned", "image", "latent_dim", "capabilities"} <= card.keys()
    assert "domain" in score
    parts = {"elbo", "reconstruction", "kl", "importance_weighted", "bits_per_dim", "percentile", "kl_per_dimension"}
    assert parts <= score["data"][0].keys()
