"""What is read without a parser is what the parser would have read."""

import random

import httptools
import pytest

from service.express.head import Head
from service.refrain import Refrain

HEAD = b"GET /v1/models/m/samples/1.png HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n"
URL = b"/v1/models/m/samples/1.png"
HEADERS = [(b"host", b"x"), (b"accept", b"*/*")]


class Parsed:
    """What httptools makes of bytes: each message with its address and its headers."""

    def __init__(self, data: bytes) -> None:
        self.messages: list[tuple[bytes, bytes, str, list[tuple[bytes, bytes]]]] = []
        self._url, self._headers = b"", list[tuple[bytes, bytes]]()
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_message_complete(self) -> None:
        method, version = self._parser.get_method(), self._parser.get_http_version()
        self.messages.append((method, self._url, version, self._headers))


def heads() -> list[bytes]:
    """Plausible ones, wrong in one place or another."""
    chance = random.Random(0)
    pieces = [
        b"/",
        b"a",
        b"%41",
        b"?x=1&y=2",
        b" ",
        b"\r\n",
        b"\x00",
        b"#f",
        b"\xc3\xa9",
        b"GET ",
        b"http://x/",
        b"\\",
        b'"',
    ]
    methods = [b"GET ", b"GET ", b"GET ", b"HEAD ", b"get ", b"GET  ", b" GET "]
    ends = [HEAD[4 + len(URL) :]] * 4 + [
        b" HTTP/1.0\r\nHost: x\r\nAccept: */*\r\n\r\n",
        b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"",
    ]
    return [
        chance.choice(methods)
        + b"/" * chance.randint(0, 1)
        + b"".join(chance.choices(pieces, weights=[9, 9, 9, 9, *[1] * 9], k=chance.randint(0, 6)))
        + chance.choice(ends)
        for _ in range(5000)
    ]


def test_an_address_is_read_as_the_parser_reads_it() -> None:
    """Of five thousand heads; most of the right ones are recognized, and nothing that a parser would read otherwise."""
    refrain = Refrain.of(HEAD, URL, Head(HEADERS))
    assert refrain is not None
    recognized = 0
    for data in heads():
        address = refrain.address_in(data)
        if address is not None:
            recognized += 1
            assert Parsed(data).messages == [(b"GET", address, "1.1", HEADERS)]
    assert recognized > 300


@pytest.mark.parametrize(
    "data",
    [
        HEAD + HEAD,
        HEAD + b"G",
        HEAD[:-2],
        HEAD.replace(b"GET", b"HEAD"),
        HEAD.replace(b"1.1", b"1.0"),
        HEAD.replace(b"GET ", b"GET  "),
        b"\r\n" + HEAD,
    ],
)
def test_only_one_whole_head_is_a_refrain(data: bytes) -> None:
    """Not two, nor one with something before it or behind, nor a part."""
    assert Refrain.of(data, URL, Head(HEADERS)) is None


def test_other_headers_are_another_refrain() -> None:
    """Byte for byte."""
    refrain = Refrain.of(HEAD, URL, Head(HEADERS))
    assert refrain is not None
    assert refrain.address_in(HEAD.replace(b"1.png", b"2.png")) == b"/v1/models/m/samples/2.png"
    assert refrain.address_in(HEAD.replace(b"Host: x", b"Host: y")) is None
    assert refrain.address_in(HEAD[:-2] + b"X: y\r\n\r\n") is None
