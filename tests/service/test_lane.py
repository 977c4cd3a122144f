"""The lane beside the framework: whoever answers, the answer is the same."""

import httpx
import pytest
from fastapi import FastAPI

from service.layers import lane

pytestmark = pytest.mark.anyio
MODEL = "/v1/models/plain-vae"


@pytest.mark.parametrize(
    "address",
    [
        f"{MODEL}/samples/42.png",
        f"{MODEL}/samples/alice.webp?size=56",
        f"{MODEL}/samples/%E6%97%A5%E6%9C%AC.png",
        f"{MODEL}/samples/a.b.png",
        f"{MODEL}/samples/1,5-7.json?images=base64&size=28",
        f"{MODEL}/samples/0-3.npy?temperature=0.5&index=3",
        f"{MODEL}/samples/0-3.zip",
        f"{MODEL}@{'0' * 64}/samples/1.png",
        "/42.png?size=100",
        "/alice.webp",
        # What is wrong or odd is for the framework to say.
        f"{MODEL}/samples/42.png?size=1",
        f"{MODEL}/samples/42.png?sise=56",
        f"{MODEL}/samples/42.png?size=56&size=57",
        f"{MODEL}/samples/42.png?temperature=nan",
        f"{MODEL}/samples/42.png?label=shirt",
        f"{MODEL}/samples/42.gif",
        f"{MODEL}/samples/-1.png",
        f"{MODEL}/samples/.png",
        f"{MODEL}/samples/0-9999999.png",
        "/v1/models/nothing/samples/1.png",
        "/42.gif",
        "/.png",
    ],
)
async def test_the_answer_is_the_frameworks(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """Status, headers and bytes, errors included."""

    async def asked() -> tuple[int, dict[str, str], bytes]:
        app.state.shelf._answers.clear()
        answer = await client.get(address, headers={"X-Request-Id": "same"})
        return answer.status_code, {**answer.headers, "server-timing": ""}, answer.content

    ours = await asked()
    monkeypatch.setattr(lane, "TRACKS", ())
    theirs = await asked()

    assert ours == theirs


async def test_random_seeds_lead_to_a_seed_on_both_ways(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A redirect that keeps the query."""
    for tracks in (lane.TRACKS, ()):
        monkeypatch.setattr(lane, "TRACKS", tracks)
        answer = await client.get(f"{MODEL}/samples/random.png?size=56")
        assert answer.status_code == 302
        assert answer.headers["location"].endswith(".png?size=56")


async def test_each_track_is_described_in_the_openapi_document(client: httpx.AsyncClient) -> None:
    """There is nothing that only the lane knows."""
    paths = (await client.get("/openapi.json")).json()["paths"]

    assert {track.path for track in lane.TRACKS} <= paths.keys()
