"""What was made is given again, and made once for all who ask at the same time."""

import asyncio
from collections import Counter
from pathlib import Path

import httpx
import pytest

from service.app import create_app
from service.settings import Settings
from service.shelf import ADDRESSES, Answer, Shelf

pytestmark = pytest.mark.anyio
MODEL = "/v1/models/plain-vae"


class Sources:
    """Counts where files came from."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()

    def file_given(self, source: str) -> None:
        self.seen[source] += 1


class Maker:
    """Makes a file when it is let, and counts how often it began."""

    def __init__(self, content: bytes = b"picture", error: Exception | None = None) -> None:
        self.begun = 0
        self.go = asyncio.Event()
        self._content, self._error = content, error

    async def __call__(self) -> bytes:
        self.begun += 1
        await self.go.wait()
        if self._error:
            raise self._error
        return self._content


async def begun(maker: Maker, times: int = 1) -> None:
    while maker.begun < times:
        await asyncio.sleep(0)


async def test_a_hundred_at_one_time_have_it_made_once() -> None:
    """And whoever comes later finds it there."""
    sources, maker = Sources(), Maker()
    shelf = Shelf(max_bytes=1000, observer=sources)

    waiting = [asyncio.create_task(shelf.file("W/1", maker)) for _ in range(100)]
    await begun(maker)
    maker.go.set()

    assert await asyncio.gather(*waiting) == [b"picture"] * 100
    assert await shelf.file("W/1", maker) == b"picture"
    assert maker.begun == 1
    assert sources.seen == {"made": 1, "shared": 99, "kept": 1}


async def test_if_the_first_leaves_another_has_it_made() -> None:
    """Nobody gets an error because somebody else lost patience."""
    maker = Maker()
    shelf = Shelf(max_bytes=1000, observer=Sources())
    first, *others = (asyncio.create_task(shelf.file("W/1", maker)) for _ in range(3))
    await begun(maker)

    first.cancel()
    await begun(maker, 2)
    maker.go.set()

    assert await asyncio.gather(*others) == [b"picture"] * 2
    assert first.cancelled()
    assert maker.begun == 2


async def test_a_follower_that_leaves_disturbs_nobody() -> None:
    """It is cancelled, and the file is made."""
    maker = Maker()
    shelf = Shelf(max_bytes=1000, observer=Sources())
    first, second = (asyncio.create_task(shelf.file("W/1", maker)) for _ in range(2))
    await begun(maker)

    second.cancel()
    await asyncio.sleep(0)
    maker.go.set()

    assert await first == b"picture"
    assert second.cancelled()


async def test_all_who_wait_hear_of_the_error_and_the_next_one_tries_again() -> None:
    """A failure is not kept."""
    broken = Maker(error=ValueError("no"))
    shelf = Shelf(max_bytes=1000, observer=Sources())
    waiting = [asyncio.create_task(shelf.file("W/1", broken)) for _ in range(3)]
    await begun(broken)
    broken.go.set()

    answers = await asyncio.gather(*waiting, return_exceptions=True)

    assert [str(answer) for answer in answers] == ["no"] * 3
    working = Maker()
    working.go.set()
    assert await shelf.file("W/1", working) == b"picture"


async def test_the_shelf_is_bounded_and_what_was_not_used_for_longest_goes_first() -> None:
    """In bytes of files; one that would fill it is not put there at all."""
    shelf = Shelf(max_bytes=80, observer=Sources())

    async def put(name: str, size: int) -> int:
        maker = Maker(b"x" * size)
        maker.go.set()
        await shelf.file(name, maker)
        return maker.begun

    for number in range(8):
        assert await put(f"W/{number}", 10) == 1
    assert await put("W/0", 10) == 0
    assert await put("W/8", 10) == 1

    assert [await put("W/0", 10), await put("W/1", 10)] == [0, 1]
    assert [await put("W/large", 11), await put("W/large", 11)] == [1, 1]


async def test_addresses_are_bounded_too() -> None:
    """The oldest is forgotten; its file is still there."""
    shelf = Shelf(max_bytes=1000, observer=Sources())
    maker = Maker()
    maker.go.set()
    await shelf.file("W/1", maker)

    for number in range(ADDRESSES + 1):
        shelf.remember((b"/%d" % number, b""), Answer("W/1", b"", "/"))

    assert shelf.answer((b"/0", b"")) is None
    assert shelf.answer((b"/1", b"")) is not None


def lasting(answer: httpx.Response) -> dict[str, str]:
    """The headers but for those of the one request."""
    return {name: value for name, value in answer.headers.items() if name not in ("x-request-id", "server-timing")}


@pytest.mark.parametrize(
    "address",
    [
        f"{MODEL}/samples/900.png",
        f"{MODEL}/samples/900.png?size=56&temperature=0.5",
        f"{MODEL}/samples/900-903.json",
        f"{MODEL}/interpolations/900,901.webp?steps=3",
        f"{MODEL}/latents/900.npy",
        "/900.png",
    ],
)
async def test_an_address_asked_for_again_gives_the_same_answer(client: httpx.AsyncClient, address: str) -> None:
    """Bytes and headers; with the ETag 304 and no bytes, whole or by HEAD."""
    first, again, head = await client.get(address), await client.get(address), await client.head(address)
    unchanged = await client.get(address, headers={"If-None-Match": first.headers["etag"]})
    other = await client.get(address, headers={"If-None-Match": '"another"'})

    assert again.content == other.content == first.content
    assert lasting(again) == lasting(other) == lasting(head) == lasting(first)
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert (unchanged.status_code, unchanged.content, head.content) == (304, b"", b"")
    assert unchanged.headers["etag"] == first.headers["etag"]
    assert "content-length" not in unchanged.headers


async def test_what_depends_on_accept_is_not_remembered_by_its_address(client: httpx.AsyncClient) -> None:
    """An address without an extension gives what was asked for, not what was given before."""
    address = f"{MODEL}/interpolations/910,911"
    for accept in ("image/png", "image/gif", "image/png"):
        answer = await client.get(address, headers={"Accept": accept})
        assert answer.headers["content-type"] == accept


async def test_the_metrics_say_where_files_came_from(client: httpx.AsyncClient) -> None:
    """And the route's counter counts what came from the shelf like everything else."""
    address, counted = f"{MODEL}/samples/920.png", "latentserve_files_total"

    async def numbers() -> dict[str, float]:
        lines = (await client.get("/metrics")).text.splitlines()
        wanted = ("latentserve_files_total", 'latentserve_requests_total{route="/v1/models/{m}/samples/')
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line.startswith(wanted)}

    before = await numbers()
    await asyncio.gather(*(client.get(address) for _ in range(5)))
    await client.get(address)
    after = await numbers()

    change = {name: value - before.get(name, 0) for name, value in after.items()}
    assert change[f'{counted}{{source="made"}}'] == 1
    assert change[f'{counted}{{source="made"}}'] + change[f'{counted}{{source="shared"}}'] <= 5
    assert sum(value for name, value in change.items() if name.startswith(counted)) == 6
    assert sum(value for name, value in change.items() if "requests_total" in name) == 6


async def test_without_a_shelf_answers_are_the_same(tiny_store: Path, client: httpx.AsyncClient) -> None:
    """`--cache-mb 0` keeps nothing."""
    bare = create_app(Settings(store=tiny_store, cache_mb=0))
    async with (
        bare.router.lifespan_context(bare),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=bare), base_url="http://test") as other,
    ):
        for _ in range(2):
            assert (await other.get(f"{MODEL}/samples/900.png")).content == (
                await client.get(f"{MODEL}/samples/900.png")
            ).content
        metrics = (await other.get("/metrics")).text
    assert 'latentserve_files_total{source="made"} 2.0' in metrics
