"""What wraps every answer."""

import pytest
from fastapi import FastAPI
from starlette.types import Message

from service.layers.envelope import PORTION
from tests.service.conftest import npy_array

pytestmark = pytest.mark.anyio


async def answer_of(app: FastAPI, path: str, query: str = "") -> list[Message]:
    """What the server is told to send, message by message."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": [], "state": {}}
    await app(scope, receive, send)
    return sent


async def test_a_large_answer_leaves_in_portions_and_arrives_whole(app: FastAPI) -> None:
    """A server copies what its client does not take at once: of four megabytes a quarter of one at a time."""
    start, *parts = await answer_of(app, "/v1/models/tiny-vae/samples/0-1023.npy", "size=64")

    content = b"".join(part["body"] for part in parts)
    assert dict(start["headers"])[b"content-length"] == str(len(content)).encode()
    assert len(parts) == -(-len(content) // PORTION) > 1
    assert all(len(part["body"]) <= PORTION for part in parts)
    assert [part.get("more_body", False) for part in parts] == [True] * (len(parts) - 1) + [False]
    assert npy_array(content).shape == (1024, 64, 64, 1)
