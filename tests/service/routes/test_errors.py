"""Errors as a language: every refusal is problem+json with a stable code, and says nothing of the inside."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from service.engine.engine import Engine
from service.errors import KINDS, ServiceError
from service.limits import Limits

pytestmark = pytest.mark.anyio
MODEL = "/v1/models/plain-vae"


def check(answer: httpx.Response, status: int, code: str) -> dict[str, object]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, object] = answer.json()
    assert problem["code"] == code
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert len(answer.content) < 8192
    return problem


def test_every_error_has_a_place_in_the_table() -> None:
    """A new error without a status would be found by its first caller."""
    assert set(KINDS) == set(ServiceError.__subclasses__())
    assert len({kind.slug for kind in KINDS.values()}) == len(KINDS)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/nope", 404, "not_found"),
        ("/v1/models/", 404, "not_found"),
        ("/v1/models/plain-va/samples/1.png", 404, "model_not_found"),
        ("/v1/models/..%2F..%2Fetc/samples/1.png", 404, "not_found"),
        ("/v1/models/%2e%2e/samples/1.png", 404, "model_not_found"),
        ("/v1/models/a%00b", 404, "model_not_found"),
        ("/v1/models/%ff%fe", 404, "model_not_found"),
        (f"/v1/models/{'x' * 5000}", 404, "model_not_found"),
        (f"{MODEL}@00000000", 404, "version_not_found"),
        (f"{MODEL}@", 404, "version_not_found"),
        ("/v1/models/broken", 503, "model_unavailable"),
        (f"{MODEL}/samples/1.gif", 422, "invalid_parameter"),
        (f"{MODEL}/samples/0-9999.png", 422, "invalid_parameter"),
        (f"{MODEL}/samples/0-64.png", 422, "invalid_parameter"),
        (f"{MODEL}/samples/1.png?size=7", 422, "invalid_parameter"),
        (f"{MODEL}/samples/1.png?size=x", 422, "invalid_parameter"),
        (f"{MODEL}/samples/1.png?index=4294967296", 422, "invalid_parameter"),
        (f"{MODEL}/samples/1.png?temperature=inf", 422, "invalid_parameter"),
        (f"{MODEL}/samples/0-1023.npy?size=1024", 422, "request_too_costly"),
        ("/v1/models?x=1", 422, "invalid_parameter"),
        ("/problems/nothing", 404, "not_found"),
        (f"{MODEL}/samples", 405, "method_not_allowed"),
    ],
)
async def test_refusals_of_an_address(client: httpx.AsyncClient, path: str, status: int, code: str) -> None:
    """Status and code for each kind of mistake in an address."""
    check(await client.get(path), status, code)


async def test_errors_help(client: httpx.AsyncClient) -> None:
    """Near names, supported models, allowed methods, limits."""
    unknown = check(await client.get("/v1/models/plain-va"), 404, "model_not_found")
    assert unknown["hint"] == "did you mean 'plain-vae'?"
    assert unknown["models"] == ["plain-vae", "tiny-dcgan", "tiny-vae"]

    misspelt = check(await client.get(f"{MODEL}/samples/1.png?temprature=1"), 422, "invalid_parameter")
    assert "did you mean 'temperature'?" in str(misspelt["detail"])

    unable = check(await client.post("/v1/models/tiny-dcgan/scores", content=b""), 422, "capability_not_supported")
    assert unable["supported_by"] == ["plain-vae", "tiny-vae"]

    untyped = {"Content-Type": "application/x-www-form-urlencoded"}
    sent = await client.post(f"{MODEL}/scores", content=b"\x89PNG", headers=untyped)
    assert "-H 'Content-Type: image/png'" in str(check(sent, 415, "unsupported_media_type")["hint"])

    method = await client.delete("/v1/models")
    check(method, 405, "method_not_allowed")
    assert method.headers["allow"] == "GET, HEAD"

    broken = check(await client.get("/v1/models/broken"), 503, "model_unavailable")
    assert "/" not in str(broken["detail"])
    meaning = (await client.get("/problems/overloaded")).json()
    assert (meaning["code"], meaning["status"]) == ("overloaded", 429)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "invalid_json"),
        (b"{", 400, "invalid_json"),
        (b'{"seed": NaN}', 400, "invalid_json"),
        (b'{"temperature": Infinity}', 400, "invalid_json"),
        (b'{"temperature": 1e999}', 400, "invalid_json"),
        (b'{"seeds": "\\ud800"}', 400, "invalid_json"),
        (b'{"\\ud800": 1}', 400, "invalid_json"),
        (b'{"seeds": "\xff"}', 400, "invalid_json"),
        (b'\xef\xbb\xbf{"n": 1}', 400, "invalid_json"),
        (b'{"n": 1, "n": 2}', 400, "invalid_json"),
        (b"[" * 100_000, 400, "invalid_json"),
        (b'{"n":' + b"[" * 500 + b"]" * 500 + b"}", 400, "invalid_json"),
        (b'{"n": ' + b"9" * 5000 + b"}", 400, "invalid_json"),
        (b'{"n": 123456789012345678901234567890}', 422, "invalid_parameter"),
        (b"[1]", 400, "invalid_json"),
        (b"null", 400, "invalid_json"),
        (b'{"n": "3"}', 422, "invalid_parameter"),
        (b'{"n": true}', 422, "invalid_parameter"),
        (b'{"n": 3.0}', 422, "invalid_parameter"),
        (b'{"n": 0}', 422, "invalid_parameter"),
        (b'{"n": 1025}', 422, "invalid_parameter"),
        (b'{"seed": -1}', 422, "invalid_parameter"),
        (b'{"seeds": [1], "n": 2}', 422, "invalid_parameter"),
        (b'{"seeds": []}', 422, "invalid_parameter"),
        (b'{"seeds": [-1]}', 422, "invalid_parameter"),
        (b'{"seeds": [true]}', 422, "invalid_parameter"),
        (b'{"sed": 1}', 422, "invalid_parameter"),
        (json.dumps({f"key{number}": 1 for number in range(5000)}).encode(), 422, "invalid_parameter"),
        (json.dumps({"x" * 100_000: 1}).encode(), 422, "invalid_parameter"),
    ],
)
async def test_hostile_json(client: httpx.AsyncClient, body: bytes, status: int, code: str) -> None:
    """None of it is a 5xx, none of it is taken for something else."""
    answer = await client.post(f"{MODEL}/samples", content=body, headers={"Content-Type": "application/json"})

    check(answer, status, code)


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"", "image/png", 415, "unsupported_image_format"),
        (b"GIF89a" + b"\0" * 40, "image/png", 415, "unsupported_image_format"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "image/png", 422, "image_undecodable"),
        (b"\xff\xd8\xff" + b"\0" * 40, "image/jpeg", 422, "image_undecodable"),
        (b"{}", "application/json", 422, "invalid_parameter"),
        (b'{"images": ["!"]}', "application/json", 400, "malformed_request"),
        (b'{"images": []}', "application/json", 400, "malformed_request"),
        (b'{"images": ["QQ=="], "mc": "3"}', "application/json", 422, "invalid_parameter"),
        (b'{"images": ["QQ=="], "mcc": 3}', "application/json", 422, "invalid_parameter"),
        (b"x", "text/plain", 415, "unsupported_media_type"),
        (b"x", "", 415, "unsupported_media_type"),
        (b"x", "multipart/form-data", 400, "malformed_request"),
        (b"x", "multipart/form-data; boundary=b", 400, "malformed_request"),
        (b"--b\r\n\r\nx\r\n--b--\r\n", "multipart/form-data; boundary=b", 400, "malformed_request"),
        (b"--b--\r\n", "multipart/form-data; boundary=b", 400, "malformed_request"),
        (b"\x93NUMPY", "application/x-npy", 400, "malformed_request"),
    ],
)
async def test_hostile_uploads(client: httpx.AsyncClient, content: bytes, kind: str, status: int, code: str) -> None:
    """Each is refused by name."""
    check(await client.post(f"{MODEL}/scores", content=content, headers={"Content-Type": kind}), status, code)


async def test_files_have_names_numbers_and_sizes(client: httpx.AsyncClient) -> None:
    """Foreign part names, too many files and too large ones are refused."""
    url, limits = f"{MODEL}/scores", Limits()

    check(await client.post(url, files=[("picture", b"x")]), 400, "malformed_request")
    check(await client.post(url, files=[("image", b"x")] * (limits.files + 1)), 413, "content_too_large")
    check(await client.post(url, files=[("image", b"x" * (limits.file_bytes + 1))]), 413, "content_too_large")
    check(await client.post(url, data={"image": "text"}, files=[("image", b"")]), 422, "invalid_parameter")
    check(await client.post(url, files=[("image", b"")], data={"mc": "x"}), 422, "invalid_parameter")


async def test_bodies_are_bounded_whether_announced_or_not(client: httpx.AsyncClient) -> None:
    """Content-Length is refused unread, a stream at its first byte too many."""
    large = b"[" + b"0," * Limits().json_bytes + b"0]"
    kind = {"Content-Type": "application/json"}

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(large), 65536):
            yield large[start : start + 65536]

    check(await client.post(f"{MODEL}/samples", content=large, headers=kind), 413, "content_too_large")
    check(await client.post(f"{MODEL}/samples", content=chunks(), headers=kind), 413, "content_too_large")
    compressed = {**kind, "Content-Encoding": "gzip"}
    check(await client.post(f"{MODEL}/samples", content=b"x", headers=compressed), 415, "unsupported_media_type")


async def test_negotiation_fails_with_what_works(client: httpx.AsyncClient) -> None:
    """406 before anything is computed."""
    answer = await client.post(f"{MODEL}/samples", json={}, headers={"Accept": "image/gif"})

    assert "image/png" in check(answer, 406, "not_acceptable")["allowed"]  # type: ignore[operator]


async def test_request_ids_are_taken_if_they_are_harmless(client: httpx.AsyncClient) -> None:
    """A line break in an id would forge a line of the log."""
    for wanted, kept in (("abc-1.2_X", True), ("x" * 65, False), ("a b", False), ("a\tb", False)):
        answer = await client.get("/healthz", headers={"X-Request-Id": wanted})
        assert (answer.headers["x-request-id"] == wanted) is kept


async def test_a_fault_is_a_fixed_text_with_an_id(
    client: httpx.AsyncClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What went wrong is in the log, not in the answer."""

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret of the house")

    engine: Engine = app.state.engine
    monkeypatch.setattr(engine, "sample", broken)

    answer = await client.get(f"{MODEL}/samples/10001.png")

    problem = check(answer, 500, "internal_error")
    assert "secret" not in answer.text
    assert str(problem["request_id"]) in caplog.text
    assert "secret of the house" in caplog.text


async def test_overload_is_429_and_says_when_to_return(
    client: httpx.AsyncClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those who are refused get their answer at once; those who were accepted get theirs."""
    engine: Engine = app.state.engine
    monkeypatch.setattr(engine._batcher, "_bounds", (1000, float("inf")))

    answers = await asyncio.gather(
        *(client.get(f"{MODEL}/samples/{first}-{first + 999}.npy") for first in range(50_000, 55_000, 1000))
    )

    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[0] == 200
    assert statuses[-1] == 429
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert int(refused.headers["retry-after"]) >= 1
    check(refused, 429, "overloaded")
    assert engine.queued_rows == 0
