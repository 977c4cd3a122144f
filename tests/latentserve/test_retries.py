"""Trying again: what is repeated, how long it waits, and what is raised in the end. Against real sockets."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from latentserve import Client, ConnectionFailed, LatentserveError, RateLimited, ServerError, ValidationError
from latentserve.retries import Retries


@contextmanager
def answering(*answers: tuple[int, dict[str, str], object]) -> Iterator[tuple[str, list[str]]]:
    """A server that gives these answers in turn, the last one for ever; and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answers[min(len(asked), len(answers) - 1)]
            asked.append(self.path)
            content = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Not into the test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def call_once(url: str, **options: int) -> None:
    """One request by a client of its own."""
    with Client(url, **options) as client:  # type: ignore[arg-type]  # only integers are given here
        client.health()


GOOD: tuple[int, dict[str, str], object] = (200, {}, {"status": "ok"})
FULL = (429, {"Retry-After": "0"}, {"code": "queue_full", "detail": "the queue is full", "retry_after": 0})


def test_a_full_queue_and_a_starting_server_are_tried_again() -> None:
    """429 and 503, after the time that the server says."""
    with answering(FULL, (503, {"Retry-After": "0"}, {}), GOOD) as (url, asked), Client(url) as client:
        assert client.health() == {"status": "ok"}

    assert len(asked) == 3


def test_it_waits_as_long_as_the_server_says() -> None:
    """Retry-After in seconds."""
    started = time.monotonic()
    with answering((503, {"Retry-After": "1"}, {}), GOOD) as (url, _), Client(url) as client:
        client.health()

    assert time.monotonic() - started >= 1


def test_what_stays_is_raised_as_what_it_is() -> None:
    """With the code, the hint, the request's id and the time to wait."""
    facts = {"code": "queue_full", "detail": "full", "hint": "wait", "request_id": "r1", "retry_after": 7}
    with answering((429, {"Retry-After": "7"}, facts)) as (url, asked), pytest.raises(RateLimited) as caught:
        call_once(url, max_retries=0)

    assert (caught.value.code, caught.value.hint, caught.value.request_id) == ("queue_full", "wait", "r1")
    assert caught.value.retry_after == 7
    assert len(asked) == 1


@pytest.mark.parametrize(("status", "error"), [(500, ServerError), (504, ServerError), (422, ValidationError)])
def test_what_would_fail_again_is_not_repeated(status: int, error: type[LatentserveError]) -> None:
    """Faults and refusals; also when something between answers in words of its own."""
    with answering((status, {"X-Request-Id": "r2"}, "not a problem")) as (url, asked), pytest.raises(error) as caught:
        call_once(url)

    assert caught.value.request_id == "r2"
    assert len(asked) == 1


def test_a_server_that_is_not_there_is_told_with_the_remedy() -> None:
    """After the retries."""
    with pytest.raises(ConnectionFailed, match="is the server running") as caught:
        call_once("http://127.0.0.1:9", max_retries=1)

    assert caught.value.code == "connection_failed"


def test_the_address_comes_from_the_argument_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The argument first, then LATENTSERVE_URL, then the server's own default."""
    monkeypatch.setenv("LATENTSERVE_URL", "http://example.test/")
    assert Client().base_url == "http://example.test"
    assert Client("http://other.test").base_url == "http://other.test"
    monkeypatch.delenv("LATENTSERVE_URL")
    assert Client().base_url == "http://127.0.0.1:8000"


def test_a_client_of_one_s_own_is_used() -> None:
    """With its own headers."""
    with answering(GOOD) as (url, asked), httpx.Client(params={"key": "secret"}) as own:
        Client(url, http_client=own).health()

    assert asked == ["/healthz?key=secret"]


def test_delays_double_and_end() -> None:
    """Without a word from the server; never beyond the most."""
    retries, error = Retries(3), ServerError("starting", status=503)

    assert [retries.delay_s(error, attempt) for attempt in range(4)] == [0.25, 0.5, 1.0, None]
    assert retries.delay_s(ServerError("fault", status=500), 0) is None
    assert retries.delay_s(ServerError("later", status=503, facts={"retry_after": 9999}), 0) == 30
    assert retries.delay_s(ServerError("a date", status=503, facts={"retry_after": "Wed, 21 Oct"}), 1) == 0.5
