"""Errors in English and Japanese: the header decides the words, and never the code."""

import re
from itertools import product

import httpx
import pytest

from service.errors import KINDS
from service.japanese import SENTENCES, TITLES
from service.languages import language_of, sentence_in

JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
PLACE = re.compile(r"\{\d\}")
JA = {"Accept-Language": "ja"}
MODEL = "/v1/models/plain-vae"


def test_every_kind_of_error_has_a_japanese_title() -> None:
    """A new kind without one would be English among Japanese."""
    assert set(TITLES) == {kind.slug for kind in KINDS.values()}
    assert all(JAPANESE.search(title) for title in TITLES.values())


@pytest.mark.parametrize(("english", "japanese"), SENTENCES)
def test_a_sentence_keeps_all_its_values(english: str, japanese: str) -> None:
    """Each value of the English sentence stands once in the Japanese one, and the first that fits is this one."""
    assert sorted(PLACE.findall(english)) == sorted(PLACE.findall(japanese))
    assert JAPANESE.search(japanese)
    values = [f"v{number}" for number in range(5)]
    assert sentence_in("ja", english.format(*values)) == japanese.format(*values)
    assert sentence_in("en", english.format(*values)) == english.format(*values)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("ja", "ja"),
        ("ja-JP,ja;q=0.9,en-US;q=0.8", "ja"),
        ("en-US,en;q=0.9,ja;q=0.8", "en"),
        ("fr, JA;q=0.5", "ja"),
        ("fr", "en"),
        ("*", "en"),
        ("ja;q=0", "en"),
        ("ja;q=x", "en"),
        ("ja;q=nan", "en"),
        ("en;q=0.3, ja ; q=0.7", "ja"),
        ("," * 100_000 + "ja", "en"),
    ],
)
def test_the_header_decides_the_language(header: str, language: str) -> None:
    """By weight; English where it wants neither more."""
    assert language_of(header) == language


@pytest.mark.anyio
@pytest.mark.parametrize(
    "path",
    [
        "/nope",
        "/v1/models/plain-va",
        f"{MODEL}@00000000",
        f"{MODEL}/samples/0-9999.png",
        f"{MODEL}/samples/0-64.png",
        f"{MODEL}/samples/4-1.png",
        f"{MODEL}/samples/1.png?size=7",
        f"{MODEL}/samples/1.png?size=x",
        f"{MODEL}/samples/1.png?temprature=1",
        f"{MODEL}/samples/1.png?label=1",
        f"{MODEL}/samples/1.bmp",
        f"{MODEL}/samples/0-1023.npy?size=1024",
        f"{MODEL}/images/AAAA.png",
        "/v1/models/broken",
        "/problems/nothing",
    ],
)
async def test_an_error_is_the_same_in_both_languages_but_for_its_words(client: httpx.AsyncClient, path: str) -> None:
    """Title, detail and hint are Japanese; code, status and all values stay; caches are told."""
    english, japanese = await client.get(path), await client.get(path, headers=JA)

    for answer, language in ((english, "en"), (japanese, "ja")):
        assert answer.headers["content-language"] == language
        assert answer.headers["vary"] == "Accept-Language"
    first, second = english.json(), japanese.json()
    words = {"title", "detail", "hint", "errors", "request_id"}
    assert {k: v for k, v in first.items() if k not in words} == {k: v for k, v in second.items() if k not in words}
    assert first.keys() == second.keys()
    for name in {"title", "detail", "hint"} & second.keys():
        assert JAPANESE.search(second[name]), (name, second[name])
        assert not JAPANESE.search(first[name])
    for numbers in re.findall(r"\d+", first["detail"]):
        assert numbers in second["detail"]


@pytest.mark.anyio
async def test_bodies_are_refused_in_japanese_too(client: httpx.AsyncClient) -> None:
    """JSON, uploads, negotiation and capabilities."""
    url, json_kind = f"{MODEL}/samples", {"Content-Type": "application/json"}
    answers = [
        await client.post(url, content=b"{", headers=JA | json_kind),
        await client.post(url, content=b"x", headers=JA | {"Content-Type": "text/plain"}),
        await client.post(url, json={"n": 0}, headers=JA),
        await client.post(url, json={}, headers=JA | {"Accept": "image/bmp"}),
        await client.post(f"{MODEL}/latents", content=b"BM", headers=JA | {"Content-Type": "image/png"}),
        await client.post("/v1/models/tiny-dcgan/latents", files={"image": b"BM"}, headers=JA),
        await client.post("/v1/models/tiny-dcgan/scores", files={"image": b"BM"}, headers=JA),
    ]

    for answer, name in product(answers, ("title", "detail")):
        assert answer.status_code >= 400
        assert JAPANESE.search(answer.json()[name]), answer.text


def test_a_hostile_sentence_is_translated_in_no_time() -> None:
    """Values of 64 characters bound what the patterns can be made to do."""
    for words in ("a: " * 2000, "'" * 5000, "its recipe is of " * 300):
        assert sentence_in("ja", words) is not None
