"""The load generator against servers whose behaviour is known."""

import time
from itertools import repeat
from threading import Lock

from benchmarks.client import ask, closed_loop, open_loop
from tests.benchmarks.answering import OK, answering

REQUEST = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"


def test_a_closed_loop_never_has_more_requests_on_their_way_than_connections() -> None:
    busy, most, lock = 0, 0, Lock()

    def answer(_number: int) -> bytes:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        time.sleep(0.01)
        with lock:
            busy -= 1
        return OK

    with answering(answer) as port:
        window = closed_loop(port, repeat(REQUEST), connections=4, seconds=0.3)
    assert most == 4
    assert window.errors == 0
    assert min(window.times) >= 0.01


def test_a_closed_loop_counts_every_answer_once() -> None:
    answered = 0

    def answer(_number: int) -> bytes:
        nonlocal answered
        answered += 1
        return OK

    with answering(answer) as port:
        window = closed_loop(port, repeat(REQUEST), connections=1, seconds=0.2)
    assert len(window.times) == answered
    assert window.in_time <= answered <= window.in_time + 1


def test_an_open_loop_charges_a_stall_to_everybody_who_was_due_meanwhile() -> None:
    stalled_s, rate, lock = 0.3, 100.0, Lock()

    def answer(number: int) -> bytes:
        with lock:  # whoever stalls lets all others wait
            if number == 20:
                time.sleep(stalled_s)
            return OK

    with answering(answer) as port:
        window = open_loop(port, repeat(REQUEST), rate=rate, seconds=1.0)
    assert len(window.times) == 100
    # Those due at the moments 0, 1/rate, … of the stall waited for the rest of it.
    expected = sum(stalled_s - number / rate > 0.1 for number in range(100))
    assert sum(time > 0.1 for time in window.times) >= expected - 1


def test_an_open_loop_sends_what_was_due_however_long_answers_take() -> None:
    def answer(_number: int) -> bytes:
        time.sleep(0.5)
        return OK

    with answering(answer) as port:
        window = open_loop(port, repeat(REQUEST), rate=50, seconds=0.4)
    assert len(window.times) == 20
    assert window.in_time == 0


def test_another_status_and_a_connection_that_ends_are_errors() -> None:
    def answer(number: int) -> bytes:
        return (OK, b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", b"")[number % 3]

    with answering(answer) as port:
        window = open_loop(port, repeat(REQUEST), rate=100, seconds=0.3)
    assert len(window.times) == 10
    assert window.errors == 20


def test_a_server_that_is_not_there_gives_errors_and_no_times() -> None:
    with answering(lambda _: OK) as port:
        pass
    window = open_loop(port, repeat(REQUEST), rate=20, seconds=0.2)
    assert (len(window.times), window.errors) == (0, 4)


def test_a_body_is_the_same_with_a_length_and_in_chunks() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
    whole = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabcde"
    for content in (chunked, whole):
        with answering(lambda _, content=content: content) as port:  # type: ignore[misc]  # bound at once
            status, _, body = ask(port, REQUEST)
        assert (status, body) == (200, b"abcde")


def test_a_304_is_complete_without_a_length() -> None:
    with answering(lambda _: b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n') as port:
        window = closed_loop(port, repeat(REQUEST), connections=2, seconds=0.05, status=304)
    assert window.times
    assert window.errors == 0
