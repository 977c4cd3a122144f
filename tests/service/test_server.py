"""A real server on a real port: what only a socket can show."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvloop

from service.__main__ import ACCEPTED_A_TURN, _listener, _many, main
from service.limits import Limits
from service.settings import Settings

SAMPLE = "/v1/models/plain-vae/samples/1.png"
JSON = {"Content-Type": "application/json"}


def start(store: Path, *options: str) -> tuple[subprocess.Popen[str], str]:
    """The process, and the address from its first line."""
    command = [sys.executable, "-m", "service", "--store", str(store), "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    greeting = process.stdout.readline()
    return process, greeting.split()[1]


def stop(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


@pytest.fixture(scope="module")
def url(tiny_store: Path) -> Iterator[str]:
    process, url = start(tiny_store)
    yield url
    stop(process)


def local_port(answer: httpx.Response) -> int:
    """Which connection an answer came over."""
    port: int = answer.extensions["network_stream"].get_extra_info("client_addr")[1]
    return port


@pytest.mark.parametrize(
    ("path", "content", "kind"),
    [
        ("samples", b"{", "application/json"),
        ("samples", b'{"n": NaN}', "application/json"),
        ("samples", b'{"seeds": "\\ud800"}', "application/json"),
        ("samples", b'{"n": 1e999}', "application/json"),
        ("samples", b"[" * 100_000, "application/json"),
        ("samples", b" " * (Limits().json_bytes + 1), "application/json"),
        ("samples", b"x" * (3 * Limits().json_bytes), "application/json"),
        ("scores", b"\x89PNG\r\n\x1a\n" + b"\0" * 1000, "image/png"),
        ("scores", b"", "image/png"),
        ("scores", b"x", "multipart/form-data; boundary=b"),
        ("scores", b"x" * (Limits().upload_bytes + 1), "image/png"),
        ("images", b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'shape': (1000000000,)}", "application/x-npy"),
        ("nothing", b"x" * 1_000_000, "text/plain"),
    ],
)
def test_the_connection_survives_bad_input(url: str, path: str, content: bytes, kind: str) -> None:
    """After a refusal the next request on the same connection is served."""
    with httpx.Client(base_url=url) as client:
        first = client.get(SAMPLE)
        port = local_port(first)
        refused = client.post(f"/v1/models/plain-vae/{path}", content=content, headers={"Content-Type": kind})
        after = client.get(SAMPLE)
        assert local_port(after) == port

    assert 400 <= refused.status_code < 500
    assert refused.headers["content-type"] == "application/problem+json"
    assert after.content == first.content


@pytest.mark.parametrize("path", ["/healthz", SAMPLE, "/v1/models/tiny-vae/samples/0-1023.npy?size=64", "/nothing"])
def test_head_says_what_get_would_send_and_leaves_the_connection_open(url: str, path: str) -> None:
    """The same length and type, no body, and the next request on the same connection is answered: made or kept."""
    with httpx.Client(base_url=url) as client:
        heads = [client.head(path) for _ in range(2)]
        got = client.get(path)
        again = client.head(path)
        assert local_port(again) == local_port(heads[0])

    for head in (*heads, again):
        assert head.status_code == got.status_code
        assert head.content == b""
        for name in ("content-length", "content-type", "etag"):
            assert head.headers.get(name) == got.headers.get(name)


def test_a_seed_is_the_same_over_a_socket_and_in_another_process(url: str, tiny_store: Path) -> None:
    """A restart changes no byte."""
    process, other = start(tiny_store, "--max-batch", "16")
    try:
        for path in (SAMPLE, "/v1/models/tiny-dcgan/samples/0-63.npy", "/v1/models/tiny-vae/manifold.png?n=4"):
            assert httpx.get(url + path).content == httpx.get(other + path).content
    finally:
        stop(process)


def test_a_client_that_leaves_takes_its_work_with_it(url: str) -> None:
    """The request ends when its client does, and leaves nothing in the queue."""
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(url + "/v1/models/tiny-vae/samples/0-1023.npy", timeout=httpx.Timeout(5, read=0.02))

    for _ in range(100):
        metrics = httpx.get(url + "/metrics").text
        if 'status="499"} 1.0' in metrics:
            break
        time.sleep(0.05)
    else:
        pytest.fail("the request was not cancelled")
    assert "latentserve_queue_rows 0.0" in metrics


def test_a_header_without_end_is_refused(url: str) -> None:
    """16 KiB of it are enough."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 40_000)
        assert connection.recv(1000).startswith(b"HTTP/1.1 400")


def test_sigterm_first_says_not_ready_and_then_stops(tiny_store: Path) -> None:
    """While it drains it still answers; then it exits by itself."""
    process, url = start(tiny_store, "--drain-s", "1")
    try:
        assert httpx.get(url + "/readyz").status_code == 200

        os.kill(process.pid, signal.SIGTERM)
        time.sleep(0.3)

        assert httpx.get(url + "/readyz").json()["reason"] == "draining"
        assert httpx.get(url + SAMPLE).status_code == 200
        assert process.wait(timeout=20) in (0, -signal.SIGTERM)
    finally:
        stop(process)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--store", "/nowhere"], "there is no store at /nowhere"),
        (["--port", "x"], "port: "),
        (["--port", "1", "--host", "203.0.113.1"], "cannot listen on 203.0.113.1:1"),
        (["--threads", "0"], "threads: "),
    ],
)
def test_a_start_that_cannot_work_says_why_in_one_line(
    tiny_store: Path, capsys: pytest.CaptureFixture[str], options: list[str], reason: str
) -> None:
    """Exit code 2 and no traceback."""
    assert main(["--store", str(tiny_store), *options]) == 2

    written = capsys.readouterr().err
    assert reason in written
    assert written.count("\n") == 1


def test_a_port_in_use_is_said_before_models_are_loaded(tiny_store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The line names the port and the remedy."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["--store", str(tiny_store), "--port", port]) == 2

    written = capsys.readouterr().err
    assert f"cannot listen on 127.0.0.1:{port}" in written
    assert "--port N" in written
    assert "make serve PORT=N" in written


def test_a_burst_of_connections_is_accepted_in_a_few_turns() -> None:
    """The event loop by itself would accept one in each, however long the turns are."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=100)
    waiting = [socket.create_connection(listener.getsockname()) for _ in range(2 * ACCEPTED_A_TURN)]

    async def turns() -> int:
        loop, turns = asyncio.get_running_loop(), 0
        accepted: list[asyncio.BaseTransport] = []

        class Counted(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                accepted.append(transport)

        servers = [await loop.create_server(Counted, sock=each, backlog=100) for each in _many(listener)]
        while len(accepted) < len(waiting):
            turns += 1
            await asyncio.sleep(0)
        for transport in accepted:
            transport.close()
        for server in servers:
            server.close()
        # Else the loop would wait for them when it ends.
        await asyncio.sleep(0.1)
        return turns

    assert uvloop.run(turns()) <= ACCEPTED_A_TURN // 2
    for connection in waiting:
        connection.close()


def test_answers_are_sent_at_once(tiny_store: Path) -> None:
    """Asyncio turns off Nagle's delay, 40 ms a request, only on sockets whose protocol is named."""
    with _listener(Settings(store=tiny_store, port=0)) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def exchanged(url: str, *parts: bytes) -> bytes:
    """All that the server says on a connection on which these bytes come, until it closes it."""
    host, port = url.removeprefix("http://").split(":")
    said = b""
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(0.02)
        while received := connection.recv(65536):
            said += received
    return said


GET = b"GET %b HTTP/1.1\r\nHost: x\r\n" % SAMPLE.encode()
POST = b"POST /v1/models/plain-vae/samples HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "parts",
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),),
        (b"hello\r\n\r\n",),
        (b"GET\x00 / HTTP/1.1\r\n\r\n",),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",),
        (b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n",),
        (b"GET /\xe6\x97\xa5 HTTP/1.1\r\nHost: x\r\n\r\n",),
        (GET + b"X: " + b"x" * 40_000 + b"\r\n\r\n",),
        (GET, *[b"X: " + b"x" * 4_000 + b"\r\n"] * 5),
        (POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",),
        (POST + b"Content-Length: -2\r\n\r\n{}",),
        (POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nzz\r\n",),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"2\r\n{}\r\n", b"zz\r\n"),
    ],
)
def test_what_is_no_http_is_refused_once_and_the_connection_closed(url: str, parts: tuple[bytes, ...]) -> None:
    """With problem+json like every other refusal, and the next connection is served."""
    said = exchanged(url, *parts)

    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/problem+json" in head
    assert json.loads(body)["code"] == "malformed_request"
    assert httpx.get(url + SAMPLE).status_code == 200


def test_a_whole_request_is_answered_though_nonsense_follows_it(url: str) -> None:
    """Then the connection ends: where the next request would begin nobody knows."""
    said = exchanged(url, GET + b"\r\n" + b"hello\r\n\r\n")

    assert said.startswith(b"HTTP/1.1 200 ")
    assert said.count(b"HTTP/1.1") == 1
    assert said.endswith(httpx.get(url + SAMPLE).content)


def test_requests_sent_without_waiting_are_answered_in_their_order(url: str) -> None:
    """Three in one piece, of which the last closes; and an upgrade to another protocol is not taken."""
    other = GET.replace(b"samples/1.png", b"samples/2.png") + b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    said = exchanged(url, GET + b"\r\n" + GET + b"\r\n" + other.replace(b"Upgrade\r\n\r\n", b"close\r\n\r\n"))

    first, second = (httpx.get(url + SAMPLE.replace("/1.", f"/{seed}.")).content for seed in ("1", "2"))
    assert [said.count(content) for content in (first, second)] == [2, 1]
    assert said.endswith(second)
