"""The express beside the framework: whoever answers, the answer is the same; and what can happen on the way."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from models_store.pixels import Bytes
from service.errors import NonFiniteResult
from service.express.errand import Errand
from service.express.express import NAME, Express
from service.express.head import Head
from service.express.order import Order, Tools
from service.express.pattern import Patterns
from service.express.picture import picture_of
from service.express.together import Together
from service.protocol import Protocol
from service.refrain import Refrain

pytestmark = pytest.mark.anyio
MODEL = "/v1/models/plain-vae"
SOON_S = 5.0
Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


async def nobody(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """A framework that must not be asked."""
    raise AssertionError


class Ear:
    """A connection that keeps what it was told: the status of each answer."""

    def __init__(self) -> None:
        self.heard: list[int] = []

    def reply(self, errand: Errand, status: int, lines: bytes, body: bytes) -> None:
        self.heard.append(status)

    def hang_up(self) -> None:
        raise AssertionError


@pytest.fixture
def express(app: FastAPI) -> Iterator[Express]:
    """With a shelf where nothing lies."""
    shelf = app.state.shelf
    shelf._files.clear()
    shelf._answers.clear()
    shelf._bytes = 0
    yield Express(Tools(app.state.engine, app.state.pool, shelf, app.state.telemetry))
    assert not shelf._making
    assert not app.state.engine._batcher._open


@asynccontextmanager
async def served(app: ASGIApp, express: Express | None) -> AsyncIterator[tuple[int, ServerState]]:
    """The port of that app, with the express in front of it."""
    config = Config(app, lifespan="off", log_config=None)
    config.load()
    state = ServerState()

    def protocol() -> Protocol:
        return Protocol(config=config, server_state=state, app_state={NAME: express} if express else {})

    async with await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], state
        for connection in list(state.connections):
            connection.transport.abort()


@asynccontextmanager
async def asking(app: ASGIApp, express: Express | None) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        served(app, express) as (port, _),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=SOON_S) as client,
    ):
        yield client


def lasting(answer: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and bytes, but for the time."""
    return answer.status_code, {**answer.headers, "server-timing": "", "date": ""}, answer.content


PLAIN = [
    f"{MODEL}/samples/42.png",
    f"{MODEL}/samples/alice.png?size=56&temperature=0.5",
    f"{MODEL}/samples/7.png?index=3",
    "/v1/models/tiny-dcgan/samples/007.png",
    f"{MODEL}/samples/0-63.png?columns=16&gap=0",
    f"{MODEL}/samples/5,alice,9-12.npy?size=56",
    f"{MODEL}/samples/42.png?size=1024",
    "/42.png",
    "/alice,bob.png",
]


@pytest.mark.parametrize("address", PLAIN)
async def test_plain_pictures_need_no_framework(express: Express, address: str) -> None:
    """Made, perhaps once more, and then given again."""
    async with asking(nobody, express) as client:
        made, *others = [await client.get(address) for _ in range(3)]

    assert made.status_code == 200
    for other in others:
        assert lasting(made)[2] == lasting(other)[2]
        assert {**made.headers, "x-request-id": "", "server-timing": ""} == {
            **other.headers,
            "x-request-id": "",
            "server-timing": "",
        }


@pytest.mark.parametrize("seed", [0, 7, 27182818, 3141592653, 4294967295])
@pytest.mark.parametrize(
    ("place", "rest"),
    [
        (f"{MODEL}/samples/", ".png"),
        (f"{MODEL}/samples/", ".npy?size=56&index=2"),
        (f"{MODEL}/samples/", ".png?temperature=0.5&index=3141592653"),
        (f"{MODEL}/samples/", ".png?index=4294967295"),
        ("/v1/models/tiny-dcgan/samples/", ".png?size=56&gap=7"),
        ("/", ".png"),
    ],
)
def test_a_pattern_gives_what_the_address_means(app: FastAPI, place: str, rest: str, seed: int) -> None:
    """Also where the seed, or the number with which the pattern was made, stands in the address once more."""
    catalog = app.state.engine.catalog
    path, _, query = f"{place}{seed}{rest}".encode().partition(b"?")

    patterns = Patterns(catalog)
    found = [patterns.picture_of(path, query) for _ in range(3)]

    assert found[0] is not None
    assert found == 3 * [picture_of(catalog, path, query)]


@pytest.mark.parametrize(
    "path", ["/007.png", "/4294967296.png", "/1.npy", "/1.gif", "/v1/models/nothing/samples/1.png"]
)
def test_a_pattern_gives_no_picture_where_there_is_none(app: FastAPI, path: str) -> None:
    """And `007`, which has an address of its own, keeps it."""
    catalog = app.state.engine.catalog

    patterns = Patterns(catalog)
    for _ in range(3):
        assert patterns.picture_of(path.encode(), b"") == picture_of(catalog, path.encode(), b"")


@pytest.mark.parametrize(
    "address",
    [
        *PLAIN,
        f"{MODEL}/samples/42.webp",
        f"{MODEL}/samples/%E6%97%A5%E6%9C%AC.png",
        f"{MODEL}/samples/a.b.png",
        f"{MODEL}/samples/a+b.png",
        f"{MODEL}/samples/1,5-7.json?images=base64&size=28",
        f"{MODEL}/samples/0-64.png",
        f"{MODEL}/samples/0-64.npy",
        f"{MODEL}/samples/1,,2.npy",
        f"{MODEL}/samples/1,random.png",
        # What is wrong or odd is for the framework to say.
        f"{MODEL}/samples/42.png?size=1",
        f"{MODEL}/samples/42.png?sise=56",
        f"{MODEL}/samples/42.png?size=56&size=57",
        f"{MODEL}/samples/42.png?temperature=nan",
        f"{MODEL}/samples/42.png?label=shirt",
        f"{MODEL}/samples/42.gif",
        f"{MODEL}/samples/-1.png",
        f"{MODEL}/samples/4294967296.png",
        f"{MODEL}/samples/.png",
        f"{MODEL}/samples/{'x' * 300}.png",
        f"{MODEL}@{'0' * 64}/samples/1.png",
        "/v1/models/nothing/samples/1.png",
        "/v1/models/broken/samples/1.png",
        "/42.gif",
        "/.png",
    ],
)
async def test_the_answer_is_the_frameworks(app: FastAPI, express: Express, address: str) -> None:
    """Status, headers and bytes, errors included."""
    headers = {"X-Request-Id": "same"}
    async with asking(app, express) as client:
        ours = await client.get(address, headers=headers)
    app.state.shelf._files.clear()
    async with asking(app, None) as client:
        theirs = await client.get(address, headers=headers)

    assert lasting(ours) == lasting(theirs)


@pytest.mark.parametrize(
    "head",
    [
        "GET {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET {} HTTP/1.0\r\nHost: x\r\n\r\n",
        "GET {} HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n",
        "GET /a#b.png HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET {} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "GET {} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\nConnection: close\r\n\r\n",
        "GET {} HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\nConnection: close\r\n\r\n",
        "HEAD {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ],
)
async def test_what_is_unusual_about_a_request_is_the_frameworks(app: FastAPI, express: Express, head: str) -> None:
    """It is answered as it is without the express."""
    bodies = []
    for front in (express, None):
        async with served(app, front) as (port, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            named = head.replace("Host: x", "Host: x\r\nX-Request-Id: same")
            writer.write(named.format(f"{MODEL}/samples/42.png").encode())
            answer = await asyncio.wait_for(reader.read(), SOON_S)
            writer.close()
            first, _, rest = answer.partition(b"\r\n\r\n")
            length = first.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
            bodies.append((first.split(b"\r\n")[0], rest[: int(length or 0)]))
    assert bodies[0] == bodies[1]


async def test_who_has_what_lies_on_the_shelf_gets_304(express: Express) -> None:
    """And no bytes; another ETag gets them."""
    async with asking(nobody, express) as client:
        first = await client.get(f"{MODEL}/samples/42.png")
        etag = first.headers["etag"]
        unchanged = await client.get(f"{MODEL}/samples/42.png", headers={"If-None-Match": etag})
        other = await client.get(f"{MODEL}/samples/42.png", headers={"If-None-Match": '"another"'})

    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["etag"] == etag
    assert not {"content-length", "content-type", "content-disposition"} & unchanged.headers.keys()
    assert unchanged.headers["content-location"] == first.headers["content-location"]
    assert other.content == first.content


async def test_requests_in_one_piece_are_answered_in_their_order(app: FastAPI, express: Express) -> None:
    """The first by the express, those behind it when it is done."""
    async with served(app, express) as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for seed in (1, 2, 3):
            writer.write(f"GET {MODEL}/samples/{seed}.png HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        for seed in (1, 2, 3):
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SOON_S)
            assert f"latent-seed: {seed}\r\n".encode() in head.lower()
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
        writer.close()


async def test_what_is_given_counts_and_what_is_not_does_not(app: FastAPI, express: Express) -> None:
    """A file from the shelf is counted as kept, a 304 is none."""
    kept = app.state.telemetry._files
    async with asking(nobody, express) as client:
        for _ in range(2):
            etag = (await client.get(f"{MODEL}/samples/42.png")).headers["etag"]
        before = kept["kept",]
        await client.get(f"{MODEL}/samples/42.png")
        await client.get(f"{MODEL}/samples/42.png", headers={"If-None-Match": etag})
    assert kept["kept",] == before + 1


async def test_what_is_made_in_a_moment_is_kept_when_it_is_wanted_again(app: FastAPI, express: Express) -> None:
    """Most seeds are asked for once: they should not push out what others come back for. A sheet is kept at once."""
    files = app.state.telemetry._files
    one, sheet = f"{MODEL}/samples/43.png", f"{MODEL}/samples/43-106.png"
    async with asking(nobody, express) as client:
        for address, made in ((one, 2), (sheet, 1)):
            before = dict(files)
            answers = [await client.get(address) for _ in range(5)]
            assert {answer.content for answer in answers} == {answers[0].content}
            assert files["made",] - before["made",] == made
            assert files["kept",] - before["kept",] == 5 - made


async def test_a_thousand_seeds_that_come_once_push_nothing_out(app: FastAPI, express: Express) -> None:
    """Where there is room for a hundred of their files."""
    files = app.state.telemetry._files
    express._tools.shelf._max_bytes = 100_000
    async with asking(nobody, express) as client:
        for _ in range(2):
            await client.get(f"{MODEL}/samples/44.png")
        for seed in range(1000, 2000):
            await client.get(f"{MODEL}/samples/{seed}.png")
        before = files["kept",]
        await client.get(f"{MODEL}/samples/44.png")
    assert files["kept",] == before + 1


async def test_who_has_what_was_never_made_here_gets_304_without_its_being_made(app: FastAPI, express: Express) -> None:
    """As after a restart; the framework says the same."""
    files, address = app.state.telemetry._files, f"{MODEL}/samples/45.png"
    async with asking(nobody, express) as client:
        etag = (await client.get(address)).headers["etag"]
        before = dict(files)
        unchanged = [await client.get(address, headers={"If-None-Match": etag}) for _ in range(3)]
    async with asking(app, None) as client:
        unchanged.append(await client.get(address, headers={"If-None-Match": f'"x", {etag}'}))
    assert files == before
    assert {answer.status_code for answer in unchanged} == {304}
    for answer in unchanged:
        assert {**lasting(answer)[1], "x-request-id": ""} == {**lasting(unchanged[0])[1], "x-request-id": ""}


async def test_a_client_that_does_not_read_is_not_written_to_without_end(app: FastAPI, express: Express) -> None:
    """A thousand requests for what lies on the shelf, and a connection that takes nothing."""
    address = f"{MODEL}/samples/0-63.npy?size=224"
    async with served(app, express) as (port, state):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=SOON_S) as client:
            size = len((await client.get(address)).content)
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(f"GET {address} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 1000)
        await asyncio.sleep(0.3)
        held = max(connection.transport.get_write_buffer_size() for connection in state.connections)
        writer.transport.abort()
    assert size > 100_000
    assert held < 3 * size


async def test_a_whole_request_behind_one_that_was_answered_gets_its_answer_before_garbage_ends_it(
    app: FastAPI, express: Express
) -> None:
    """Two answers, and then nothing."""
    async with served(app, express) as (port, _):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=SOON_S) as client:
            await client.get(f"{MODEL}/samples/1.png")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        both = (f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n" for path in (f"{MODEL}/samples/1.png", "/v1/models"))
        writer.write(f"{''.join(both)}GARBAGE\r\n\r\n".encode())
        said = await asyncio.wait_for(reader.read(), SOON_S)
        writer.close()
    assert said.count(b"HTTP/1.1 200 ") == 2
    assert said.count(b"HTTP/1.1 ") == 2


async def test_heads_that_differ_in_the_address_alone_are_read_once(
    app: FastAPI, express: Express, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And their answers are those of the framework, errors among them."""
    read: list[bytes | None] = []
    address_in = Refrain.address_in

    def noted(refrain: Refrain, data: bytes) -> bytes | None:
        read.append(address_in(refrain, data))
        return read[-1]

    monkeypatch.setattr(Refrain, "address_in", noted)
    addresses = [*PLAIN, f"{MODEL}/samples/42.jpg", "/v1/models", f"{MODEL}/samples/1.png", f"{MODEL}/samples/2.png"]
    headers = {"X-Request-Id": "the-same"}
    async with asking(app, express) as ours, asking(app, None) as framework:
        for address in addresses:
            answer = lasting(await ours.get(address, headers=headers))
            assert answer == lasting(await framework.get(address, headers=headers))
    assert read == [address.encode() for address in addresses[1:]]


async def test_a_body_that_looks_like_a_head_is_none(app: FastAPI, express: Express) -> None:
    """Even behind an answer that did not wait for it."""
    head = f"GET {MODEL}/samples/1.png HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    async with served(app, express) as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def said(data: bytes) -> bytes:
            writer.write(data)
            answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SOON_S)
            length = re.search(rb"content-length: ([0-9]+)", answer, re.IGNORECASE)
            assert length is not None
            return answer + await reader.readexactly(int(length[1]))

        picture = await said(head)
        refused = await said(f"POST /v1/models HTTP/1.1\r\nHost: x\r\nContent-Length: {len(head)}\r\n\r\n".encode())
        writer.write(head)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(reader.readexactly(1), 0.3)
        again = await said(head)
        writer.close()
    assert refused.startswith(b"HTTP/1.1 405 ")
    assert again.partition(b"\r\n\r\n")[2] == picture.partition(b"\r\n\r\n")[2]


class Held:
    """A runner that waits until it is let, or fails."""

    def __init__(self, runner: Any, error: Exception | None = None) -> None:
        self._runner = runner
        self._error = error
        self.begun = threading.Semaphore(0)
        self.go = threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runner, name)

    def sample(self, digest: str, draws: Sequence[bytes]) -> Bytes:
        self.begun.release()
        assert self.go.wait(SOON_S)
        if self._error is not None:
            raise self._error
        levels: Bytes = self._runner.sample(digest, draws)
        return levels


@pytest.fixture
def held(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Held:
    executor = app.state.engine._executor
    runner = Held(executor._runner)
    monkeypatch.setattr(executor, "_runner", runner)
    # The event loop, which does the rest here, would wait with it.
    monkeypatch.setattr(executor, "helpers", 0)
    return runner


async def begun(runner: Held) -> None:
    assert await asyncio.to_thread(runner.begun.acquire, timeout=SOON_S)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON_S):
        while not true():
            await asyncio.sleep(0.005)


async def test_a_client_that_leaves_takes_its_row_along(app: FastAPI, express: Express, held: Held) -> None:
    """What is queued never runs; what is running is made for nobody."""
    engine = app.state.engine
    async with served(nobody, express) as (port, _):
        _, running = await asyncio.open_connection("127.0.0.1", port)
        running.write(f"GET {MODEL}/samples/1.png HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await begun(held)
        _, queued = await asyncio.open_connection("127.0.0.1", port)
        queued.write(f"GET {MODEL}/samples/2.png HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await until(lambda: engine.queued_rows == 1)
        queued.transport.abort()
        await until(lambda: engine.queued_rows == 0)
        running.transport.abort()
        await until(lambda: not engine._batcher._open)
        held.go.set()


async def test_a_queue_that_is_full_refuses_at_once(
    app: FastAPI, express: Express, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a problem with Retry-After, in the language that is asked for."""
    engine = app.state.engine
    monkeypatch.setattr(engine._batcher, "_bounds", (2, float("inf")))
    async with asking(nobody, express) as client:
        waiting = [asyncio.create_task(client.get(f"{MODEL}/samples/1.png"))]
        await begun(held)
        waiting.append(asyncio.create_task(client.get(f"{MODEL}/samples/2.png")))
        await until(lambda: engine.queued_rows == 1)
        refused = await client.get(f"{MODEL}/samples/3.png", headers={"Accept-Language": "ja"})
        held.go.set()
        answers = await asyncio.gather(*waiting)

    assert [answer.status_code for answer in answers] == [200, 200]
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["code"] == "overloaded"
    assert refused.headers["content-language"] == "ja"


@pytest.mark.parametrize(
    ("error", "status"), [(NonFiniteResult("not finite"), None), (RuntimeError("a broken device"), 500)]
)
async def test_a_pass_that_fails_is_a_problem(
    app: FastAPI, express: Express, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int | None
) -> None:
    """Ours with what it says, any other as an internal error that tells nothing; the next request is served."""
    executor = app.state.engine._executor
    runner = Held(executor._runner, error)
    runner.go.set()
    async with asking(nobody, express) as client:
        with monkeypatch.context() as patch:
            patch.setattr(executor, "_runner", runner)
            failed = await client.get(f"{MODEL}/samples/1.png")
        served = await client.get(f"{MODEL}/samples/1.png")

    assert failed.headers["content-type"] == "application/problem+json"
    assert "broken device" not in failed.text
    assert status is None or failed.status_code == status
    assert failed.json()["request_id"] == failed.headers["x-request-id"]
    assert served.status_code == 200


async def test_a_picture_that_comes_too_late_is_a_504(
    app: FastAPI, express: Express, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client hears of it when its time is over, not when the pass has ended."""
    monkeypatch.setattr(app.state.engine, "_deadline_s", 0.05)
    async with asking(nobody, express) as client:
        late = await client.get(f"{MODEL}/samples/1.png")
    held.go.set()

    assert late.status_code == 504


async def test_who_leaves_in_the_moment_in_which_a_sheet_is_ready_leaves_it_to_the_next(
    app: FastAPI, express: Express, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the end of its encoding and the turn of the loop that hears of it: it is made anew for who asks then."""
    tools = express._tools
    picture = picture_of(tools.engine.catalog, f"{MODEL}/samples/0-63.png".encode(), b"")
    assert picture is not None
    ear = Ear()

    def placed() -> Errand:
        errand = Errand(ear, Head([]), "", tools.telemetry)
        Order(picture, errand, (b"", b""), tools).begin()
        return errand

    encoded = asyncio.Event()

    async def ready(_call: object, *, pixels: int) -> bytes:
        encoded.set()
        return b"sheet"

    monkeypatch.setattr(tools.pool, "run", ready)
    first = placed()
    # Whoever waits for the event goes on in the turn behind that in which the encoding ended, before its callback.
    await encoded.wait()
    order: Any = first.pending
    assert order._encoding.done()
    first.leave()
    second = placed()
    await until(lambda: bool(ear.heard))
    assert ear.heard == [200]
    assert second.pending is None


async def test_the_same_picture_is_made_once_for_both_ways(app: FastAPI, express: Express, held: Held) -> None:
    """Whoever asks the framework while the express has it made, waits for that."""
    async with asking(app, express) as client:
        first = asyncio.create_task(client.get(f"{MODEL}/samples/1.png"))
        await begun(held)
        second = asyncio.create_task(client.get(f"{MODEL}/samples/1.png", headers={"If-None-Match": '"x"'}))
        await asyncio.sleep(0.02)
        held.go.set()
        answers = await asyncio.gather(first, second)

    assert answers[0].content == answers[1].content
    assert not held.begun.acquire(blocking=False)


async def test_a_server_that_ends_gives_the_answer_that_is_on_its_way(express: Express, held: Held) -> None:
    """And then closes the connection."""
    async with served(nobody, express) as (port, state):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {MODEL}/samples/1.png HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await begun(held)
        for connection in list(state.connections):
            connection.shutdown()
        held.go.set()
        assert (await asyncio.wait_for(reader.read(), SOON_S)).startswith(b"HTTP/1.1 200 ")
        writer.close()


async def test_a_fault_of_the_express_leaves_the_request_to_the_framework(
    app: FastAPI, express: Express, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, and the client gets its picture."""

    def broken(*_: object) -> None:
        raise ValueError("a fault")

    monkeypatch.setattr(express, "take", broken)
    async with asking(app, express) as client:
        answer = await client.get(f"{MODEL}/samples/1.png")

    assert answer.status_code == 200
    assert "fault of the express" in caplog.text


async def test_a_connection_that_asks_for_nothing_more_ends_in_its_time(express: Express) -> None:
    """Counted from the last answer, however many there were; not while a request is on its way."""
    async with served(nobody, express) as (port, state):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        request = f"GET {MODEL}/samples/1.png HTTP/1.1\r\nHost: x\r\n\r\n".encode()

        async def asked(content: bytes) -> None:
            writer.write(content)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SOON_S)
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))

        await asked(request)
        connection: Any = next(iter(state.connections))
        connection.timeout_keep_alive = 0.3
        connection._patience.cancel()
        connection._patience = None
        for _ in range(3):
            await asked(request)
            await asyncio.sleep(0.2)
        writer.write(request[:20])
        await asyncio.sleep(0.4)
        await asked(request[20:])
        asked_last = asyncio.get_running_loop().time()
        assert await asyncio.wait_for(reader.read(), SOON_S) == b""
        assert asyncio.get_running_loop().time() - asked_last > 0.25
        writer.close()


async def test_each_step_is_done_for_all_of_a_turn_before_the_next() -> None:
    """And nothing before the turn ends."""
    done: list[str] = []
    together: Together[str] = Together(
        lambda one: done.append(f"first {one}"), lambda one: done.append(f"then {one}"), give_up=done.append
    )
    for one in "ab":
        together.add(one)
    assert done == []
    await asyncio.sleep(0)
    assert done == ["first a", "first b", "then a", "then b"]
    together.add("c")
    await asyncio.sleep(0)
    assert done[4:] == ["first c", "then c"]


@pytest.mark.parametrize("part", ["file_given", "answered"])
async def test_a_fault_with_one_answer_costs_no_other(
    app: FastAPI, express: Express, held: Held, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """Its connection ends; those who share its turn get their pictures, and so does whoever asks for its own then."""
    telemetry, faults = app.state.telemetry, iter([ValueError("a fault")])
    whole = getattr(telemetry, part)

    def once(*given: object) -> None:
        for fault in faults:
            raise fault
        whole(*given)

    async with asking(app, express) as client:
        calls = [asyncio.create_task(client.get(f"{MODEL}/samples/{seed}.png")) for seed in range(6)]
        await begun(held)
        await asyncio.sleep(0.1)
        monkeypatch.setattr(telemetry, part, once)
        held.go.set()
        answers = await asyncio.gather(*calls, return_exceptions=True)
        again = [await client.get(f"{MODEL}/samples/{seed}.png") for seed in range(6)]

    assert sum(isinstance(answer, httpx.RemoteProtocolError) for answer in answers) == 1
    assert sum(isinstance(answer, httpx.Response) and answer.status_code == 200 for answer in answers) == 5
    assert [answer.status_code for answer in again] == [200] * 6


async def test_who_leaves_before_the_turn_ends_was_never_queued(
    app: FastAPI, express: Express, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is computed for it, and who asks for the same then gets it."""
    tools = express._tools
    picture = picture_of(tools.engine.catalog, f"{MODEL}/samples/5.png".encode(), b"")
    assert picture is not None
    queued: list[object] = []
    monkeypatch.setattr(app.state.engine, "order", lambda *given, **_named: queued.append(given))

    ear = Ear()
    errand = Errand(ear, Head([]), "", tools.telemetry)
    Order(picture, errand, (b"", b""), tools).begin()
    errand.leave()
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert not queued
    assert not ear.heard
    assert not tools.shelf.has(picture.etag)
