"""Clients that leave: their requests end, wherever they are."""

import asyncio

import pytest
from starlette.types import Receive, Scope, Send

from service.layers.departure import PRESENCE, Departure, Presence

pytestmark = pytest.mark.anyio


async def asked(departure: Departure, presence: Presence) -> None:
    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(_message: object) -> None:
        """Nobody is there."""

    await departure({"type": "http", "state": {"id": "1", PRESENCE: presence}}, receive, send)


async def test_a_client_that_has_left_before_its_request_begins_costs_nothing() -> None:
    """The handler is never called."""
    called = False

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal called
        called = True

    presence = Presence()
    presence.leave()
    await asked(Departure(app), presence)

    assert not called


async def test_a_client_that_leaves_ends_its_handler_and_no_other_cancelling_is_taken_for_that() -> None:
    """The request ends in peace; a task that is cancelled for another reason stays cancelled."""
    begun = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        await asyncio.Event().wait()

    for leaves in (True, False):
        begun.clear()
        presence = Presence()
        task = asyncio.create_task(asked(Departure(app), presence))
        await begun.wait()
        if leaves:
            presence.leave()
            await task
        else:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
