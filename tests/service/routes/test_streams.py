"""Streams of frames: what is sent, how a client comes back, and what one that leaves still costs."""

import asyncio
import base64
import json
import os
import re
import signal
import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Message

from service.engine.engine import Engine
from service.routes import streams
from service.routes.film_events import MICRO_BATCH
from tests.server import running_server
from tests.service.test_server import start, stop

pytestmark = pytest.mark.anyio
BASE = "/v1/models/plain-vae/interpolations"
SSE = {"Accept": "text/event-stream"}
LINES = {"Accept": "application/jsonl"}
Event = dict[str, Any]


def events_of(text: str) -> list[Event]:
    """What an EventSource would tell its page: name, data and id of each event; comments are none."""
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
        if fields:
            found.append({**fields, "data": json.loads(fields["data"])})
    return found


def told(text: str) -> list[Event]:
    """The events of either form, each as a line of JSON would say it."""
    if text.startswith("{"):
        return [json.loads(line) for line in text.splitlines()]
    return [{"event": event["event"], **event["data"]} for event in events_of(text)]


async def rows_run(client: httpx.AsyncClient) -> int:
    """Rows that went through networks since the server began."""
    return rows_in((await client.get("/metrics")).text)


def rows_in(metrics: str) -> int:
    """The sum of the batches' rows."""
    found = re.search(r"latentserve_batch_rows_sum (\S+)", metrics)
    assert found is not None
    return int(float(found[1]))


async def test_a_stream_starts_shows_each_frame_and_ends(client: httpx.AsyncClient) -> None:
    """`data` is the file of the frame's own address, byte for byte; nothing on the way may hold it back."""
    answer = await client.get(f"{BASE}/42,77?steps=8&size=56", headers=SSE)

    events = events_of(answer.text)
    frames = events[1:-1]
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-accel-buffering"] == "no"
    assert [event["event"] for event in events] == ["start", *["frame"] * 8, "done"]
    assert events[0]["data"] == {"frames": 8, "shape": [56, 56, 1], "first": 0}
    assert [frame["id"] for frame in frames] == [str(number) for number in range(8)]
    assert [frame["data"]["index"] for frame in frames] == list(range(8))
    for frame in frames:
        single = await client.get(frame["data"]["url"])
        assert base64.b64decode(frame["data"]["data"]) == single.content


async def test_json_lines_say_the_same(client: httpx.AsyncClient) -> None:
    """An object a line, for GET and for POST."""
    events = told((await client.get(f"{BASE}/3,9,5?steps=4&loop=true", headers=SSE)).text)
    lines = await client.get(f"{BASE}/3,9,5?steps=4&loop=true", headers=LINES)
    posted = await client.post(BASE, json={"seeds": [3, 9, 5], "steps": 4, "loop": True}, headers=LINES)

    assert lines.headers["content-type"].startswith("application/jsonl")
    assert told(lines.text) == events
    assert posted.text == lines.text


@pytest.mark.parametrize("headers", [SSE, LINES])
async def test_a_client_that_comes_back_gets_the_rest(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """After any frame the stream goes on with the next one; after the last there is nothing, and 204 says so."""
    address = f"{BASE}/3,9?steps=10"
    whole = told((await client.get(address, headers=headers)).text)

    for last in (0, 4, 8):
        rest = told((await client.get(address, headers={**headers, "Last-Event-ID": str(last)})).text)
        assert rest[0] == {**whole[0], "first": last + 1}
        assert rest[1:] == whole[last + 2 :]
    ended = await client.get(address, headers={**headers, "Last-Event-ID": "9"})
    assert (ended.status_code, ended.content) == (204, b"")


@pytest.mark.parametrize("last", ["10", "-1", "x", "1e3", "9" * 5000, "٣".encode()])
async def test_a_frame_that_the_path_has_not_got_cannot_be_the_last(client: httpx.AsyncClient, last: Any) -> None:
    """Refused before anything is sent."""
    answer = await client.get(f"{BASE}/3,9?steps=10", headers={**SSE, "Last-Event-ID": last})

    assert answer.status_code == 422
    assert answer.json()["allowed"] == "0 to 9"
    assert len(answer.content) < 1000


@pytest.mark.parametrize("path", ["3", "3,9?steps=1", "3,9?at=0.5", "3,9?size=1025", "3,9?label=1", "3,9?nope=1"])
async def test_a_stream_that_cannot_be_made_is_refused_as_such(client: httpx.AsyncClient, path: str) -> None:
    """As a problem with its status, and not as a stream that breaks off."""
    answer = await client.get(f"{BASE}/{path}", headers=SSE)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_stream_of_addresses_costs_no_forward_pass(client: httpx.AsyncClient) -> None:
    """`images=url` leaves the pictures to whoever wants them."""
    before = await rows_run(client)

    events = events_of((await client.get(f"{BASE}/3,9?steps=20&images=url", headers=SSE)).text)

    assert len(events) == 22
    assert "data" not in events[1]["data"]
    assert await rows_run(client) == before


async def test_the_headers_of_a_stream_cost_no_forward_pass(client: httpx.AsyncClient) -> None:
    """HEAD makes nothing that nobody would see."""
    before = await rows_run(client)

    answer = await client.head(f"{BASE}/3,9?steps=20", headers=SSE)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert await rows_run(client) == before


async def test_a_stream_breathes_while_it_waits(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comment that every EventSource ignores; the frames are what they were."""
    calm = (await client.get(f"{BASE}/3,9?steps=4", headers=SSE)).text
    monkeypatch.setattr(streams, "HEARTBEAT_S", 0.0)

    hasty = (await client.get(f"{BASE}/3,9?steps=4", headers=SSE)).text

    assert ": ping\n\n" in hasty
    assert hasty.replace(": ping\n\n", "") == calm


async def test_a_server_that_stops_ends_its_streams(app: FastAPI, client: httpx.AsyncClient) -> None:
    """With a problem that says when to come back; the frames so far were complete."""
    engine: Engine = app.state.engine
    engine.draining = True
    try:
        events = events_of((await client.get(f"{BASE}/3,9?steps=4", headers=SSE)).text)
    finally:
        engine.draining = False

    assert [event["event"] for event in events] == ["start", "problem"]
    assert events[1]["data"]["code"] == "shutting_down"
    assert events[1]["retry"] == "1000"


@pytest.mark.parametrize("seen", [1, 3])
async def test_who_leaves_costs_no_more_than_one_micro_batch(
    app: FastAPI, client: httpx.AsyncClient, seen: int
) -> None:
    """Of 512 frames those are decoded that were shown, and at most the few that were on their way."""
    before = await rows_run(client)
    left, shown = asyncio.Event(), 0

    async def receive() -> Message:
        if not receive_begun.is_set():
            receive_begun.set()
            return {"type": "http.request", "body": b"", "more_body": False}
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        nonlocal shown
        shown += message.get("body", b"").count(b"event: frame")
        if shown > (seen - 1) * MICRO_BATCH:
            left.set()
        await asyncio.sleep(0)

    receive_begun = asyncio.Event()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": f"{BASE}/1,2,3",
        "raw_path": f"{BASE}/1,2,3".encode(),
        "query_string": b"steps=256",
        "root_path": "",
        "headers": [(b"accept", b"text/event-stream")],
        "client": ("test", 1),
        "server": ("test", 80),
    }
    await asyncio.wait_for(app(scope, receive, send), timeout=30)
    await asyncio.sleep(0.2)

    engine: Engine = app.state.engine
    assert engine.queued_rows == 0
    assert seen * MICRO_BATCH <= await rows_run(client) - before <= (seen + 1) * MICRO_BATCH


def test_over_a_socket_the_first_frame_comes_before_the_last_is_made(tiny_store: Path) -> None:
    """A client that reads one frame and goes leaves most of the film undone."""
    with running_server(tiny_store) as url:
        address = urlsplit(url)
        request = f"GET {BASE}/1,2,3,4?steps=256&size=224 HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n"
        with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
            connection.sendall(request.encode())
            received = b""
            while b"event: frame" not in received:
                received += connection.recv(1024)
        rows = [-1, 0]
        for _ in range(100):
            rows.append(rows_in(httpx.get(f"{url}/metrics").text))
            if rows[-1] == rows[-2]:
                break
            time.sleep(0.1)

    assert b"event: done" not in received
    assert 0 < rows[-1] < 768


def test_sigterm_ends_a_running_stream_with_a_problem(tiny_store: Path) -> None:
    """The client reads to a clean end and knows the frame to go on from; the server stops by itself."""
    process, url = start(tiny_store, "--drain-s", "0.2")
    try:
        received = ""
        query = "steps=256&size=112"
        with httpx.stream("GET", f"{url}{BASE}/1,2,3,4,5,6,7,8?{query}", headers=SSE, timeout=30) as answer:
            for text in answer.iter_text():
                if "event: frame" in text and "event: frame" not in received:
                    os.kill(process.pid, signal.SIGTERM)
                received += text
        events = events_of(received)
        assert events[-1]["event"] == "problem"
        assert events[-1]["data"]["code"] == "shutting_down"
        assert [int(event["id"]) for event in events[1:-1]] == list(range(len(events) - 2))
        assert 8 <= len(events) < 1792
        assert process.wait(timeout=20) in (0, -signal.SIGTERM)
    finally:
        stop(process)
