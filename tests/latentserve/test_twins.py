"""The asynchronous client is the twin of the blocking one: the same surface, the same answers."""

import inspect
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentserve import AsyncClient, AsyncModel, Client, Model, NotFound
from latentserve.animation import Animation, AsyncAnimation

BOOT = Path(__file__).parents[2] / "service/page/examples/00-ankle-boot.png"
TWINS: tuple[tuple[type, type], ...] = ((Client, AsyncClient), (Model, AsyncModel), (Animation, AsyncAnimation))


def surface(kind: type) -> dict[str, Any]:
    """Public names -> parameters of the method, or None for a property."""
    members = {name: value for name, value in inspect.getmembers(kind) if not name.startswith("_")}
    members["__init__"] = kind.__init__  # type: ignore[misc]  # only its signature is looked at
    return {
        name: [(each.name, each.kind) for each in inspect.signature(value).parameters.values()]
        if callable(value)
        else None
        for name, value in members.items()
    }


@pytest.mark.parametrize(("blocking", "awaited"), TWINS, ids=lambda kind: kind.__name__)
def test_their_surfaces_are_equal(blocking: type, awaited: type) -> None:
    """The same methods with the same keywords, the same properties."""
    assert surface(blocking) == surface(awaited)


@pytest.mark.parametrize("kind", [*itertools.chain(*TWINS)], ids=lambda kind: kind.__name__)
def test_every_method_is_documented(kind: type) -> None:
    """Also those that are made from a call."""
    for name, member in inspect.getmembers(kind):
        assert name.startswith("_") or inspect.getdoc(member), name
        if inspect.isfunction(member) and not name.startswith("_"):
            assert "Call[" not in str(inspect.signature(member).return_annotation), name


@pytest.mark.anyio
async def test_their_answers_are_equal(async_client: AsyncClient, async_vae: AsyncModel, vae: Model) -> None:
    """Images, latents, scores, files, cards."""
    assert async_vae.digest == vae.digest
    assert np.array_equal((await async_vae.sample("0-3")).to_numpy(), vae.sample("0-3").to_numpy())
    assert np.array_equal(np.asarray(await async_vae.encode(BOOT)), np.asarray(vae.encode(BOOT)))
    assert (await async_vae.score(BOOT)).elbo == vae.score(BOOT).elbo
    assert (await async_vae.sheet("0-3")).content == vae.sheet("0-3").content
    assert [card.name for card in await async_client.models()] == [card.name for card in vae.client.models()]
    raw = await async_vae.with_raw_response.latents(3)
    assert np.array_equal(np.asarray(raw.parse()), np.asarray(vae.latents(3)))
    with pytest.raises(NotFound):
        await async_client.model("nothing")


@pytest.mark.anyio
async def test_the_twin_works_without_a_server_too(tiny_store: Path, local: Client) -> None:
    """In this process, whatever loop it is called from."""
    async with AsyncClient.local("tiny-vae", store=tiny_store) as client:
        model = await client.model("tiny-vae")
        images = await model.sample("0-2")

    assert np.array_equal(images.to_numpy(), local.model("tiny-vae").sample("0-2").to_numpy())
