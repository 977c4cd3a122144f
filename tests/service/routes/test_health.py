"""Cards, health, metrics and the description of the API."""

import json
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.anyio


async def test_cards_say_what_a_model_is_and_can(client: httpx.AsyncClient) -> None:
    """Capabilities follow from the type; every example address works; the refused checkpoint is named."""
    answer = (await client.get("/v1/models")).json()

    cards = {card["name"]: card for card in answer["data"]}
    assert set(cards) == {"plain-vae", "tiny-vae", "tiny-dcgan"}
    assert cards["tiny-dcgan"]["capabilities"] == ["sample", "decode", "interpolate"]
    assert cards["plain-vae"]["capabilities"][3:] == ["encode", "reconstruct", "score"]
    assert cards["plain-vae"]["image"] == {"channels": 1, "height": 28, "width": 28}
    assert cards["plain-vae"]["numerics"]["mode"] == "exact"
    assert set(answer["rejected"]) == {"broken"}
    for card in cards.values():
        assert (await client.get(f"/v1/models/{card['pinned']}")).json() == card
        for example in card["examples"]:
            assert (await client.get(example)).status_code == 200


async def test_health_readiness_and_metrics(client: httpx.AsyncClient) -> None:
    """Live, ready, and counted by route template."""
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    assert (await client.get("/readyz")).json()["ready"] is True
    await client.get("/v1/models/plain-vae/samples/77.png")

    metrics = (await client.get("/metrics")).text

    assert 'latentserve_requests_total{route="/v1/models/{m}/samples/{seeds}.{extension}",status="200"}' in metrics
    assert "latentserve_batch_rows_bucket" in metrics
    assert "latentserve_padding_rows_total" in metrics
    assert 'latentserve_model_info{digest="' in metrics


async def test_the_description_is_complete(client: httpx.AsyncClient) -> None:
    """Every operation has an id of its own, a summary, a description, its errors, and binary answers as such."""
    description: dict[str, Any] = (await client.get("/openapi.json")).json()

    operations = [(path, operation) for path, methods in description["paths"].items() for operation in methods.values()]
    identifiers = [operation["operationId"] for _, operation in operations]
    assert len(set(identifiers)) == len(identifiers) >= 15
    for path, operation in operations:
        assert operation["summary"], path
        assert operation["description"], path
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (path, parameter["name"])
    samples = description["paths"]["/v1/models/{m}/samples/{seeds}.{extension}"]["get"]["responses"]
    assert samples["200"]["content"]["image/png"]["schema"]["format"] == "binary"
    assert "application/problem+json" in samples["422"]["content"]
    assert "HTTPValidationError" not in json.dumps(description["paths"])


async def test_the_documentation_needs_no_other_server(client: httpx.AsyncClient) -> None:
    """All that /docs loads comes from here, and no script is inline."""
    page = await client.get("/docs")

    assert page.status_code == 200
    assert "http" not in page.text.replace("https://www.w3.org", "")
    assert "script-src" not in page.headers["content-security-policy"]
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "start.js", "favicon-32x32.png"):
        assert f"/docs/{name}" in page.text
        assert (await client.get(f"/docs/{name}")).status_code == 200


async def test_any_page_may_show_our_pictures(client: httpx.AsyncClient) -> None:
    """CORS, for what is posted, too, and nothing sniffed."""
    answer = await client.get("/v1/models/plain-vae/samples/1.png", headers={"Origin": "https://example.org"})

    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == 'inline; filename="plain-vae-seed1.png"'
    post = await client.post("/v1/models/plain-vae/samples", json={}, headers={"Origin": "https://example.org"})
    assert post.headers["access-control-allow-origin"] == "*"


async def test_any_page_may_post_json(client: httpx.AsyncClient) -> None:
    """A browser asks first, and hears that JSON is welcome; OPTIONS without that question is no method here."""
    question = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}

    answer = await client.options("/v1/models/plain-vae/samples", headers=question)

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == answer.headers["access-control-allow-headers"] == "*"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert (await client.options("/v1/models/plain-vae/samples")).status_code == 405
