"""The pages: everything they name is there, comes from here, and may not be mixed with an older version."""

import re

import httpx
import pytest

pytestmark = pytest.mark.anyio


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


async def test_modules_import_only_what_is_there(client: httpx.AsyncClient) -> None:
    """A module that is missing would leave the page without its script."""
    html = (await client.get("/")).text
    modules = re.findall(r"/page/[a-z]+\.js", html)

    for module in modules:
        for name in re.findall(r'from "\./([a-z]+\.js)"', (await client.get(module)).text):
            assert f"/page/{name}" in modules


async def test_the_page_may_run_nothing_that_is_not_a_file_of_ours(client: httpx.AsyncClient) -> None:
    """A strict content security policy, and no inline script or style that it would block."""
    answer = await client.get("/")

    assert answer.headers["content-security-policy"] == "default-src 'self'; img-src 'self' data: blob:"
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", answer.text)


async def test_the_page_finds_the_fields_that_it_reads(client: httpx.AsyncClient) -> None:
    """Of the cards, of a score, and of a strip's width."""
    card = (await client.get("/v1/models")).json()["data"][0]
    sample = (await client.get("/v1/models/tiny-vae/samples/1.png")).content
    score = (await client.post("/v1/models/tiny-vae/scores", files={"image": sample})).json()

    assert {"name", "pinned", "image", "capabilities"} <= card.keys()
    assert "brought_into_domain" in score
    parts = {"elbo", "reconstruction", "kl", "importance_weighted", "bits_per_dim", "percentile", "steps"}
    assert parts <= score["data"][0].keys()
