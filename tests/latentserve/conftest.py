"""A server as `latentserve serve` starts it, and clients of it, blocking, asynchronous and without any server."""

import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from latentserve import AsyncClient, AsyncModel, Client, Model
from models_store import Card, write_checkpoint
from models_store.draw import DRAW, DRAWConfig
from models_store.store import SHIPPED
from tests.conftest import tiny_vae
from tests.server import serving

SHIPPED_HERE = ("fashion-vae", "fashion-dcgan", "fashion-vae-2d")
CLASSES = ["boot", "bag"]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """One event loop for all asynchronous tests and fixtures."""
    return "asyncio"


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three shipped models, a tiny one that paints in stages, and a tiny one that knows classes."""
    folder = tmp_path_factory.mktemp("served")
    for name in SHIPPED_HERE:
        for path in (SHIPPED / f"{name}.json", *SHIPPED.glob(f"{name}-{16 * '[0-9a-f]'}.safetensors")):
            shutil.copyfile(path, folder / path.name)
    painter = DRAW(DRAWConfig(image_size=8, strokes=3, stroke_latents=2, hidden=8, read_grid=3, write_grid=3))
    write_checkpoint(folder, "tiny-draw", painter.eval(), Card(summary="a tiny painter"))
    write_checkpoint(folder, "tiny-classes", tiny_vae(), Card(summary="a tiny one of two classes", labels=CLASSES))
    return folder


@pytest.fixture(scope="session")
def server(store: Path) -> Iterator[str]:
    """The address of these models, served as `latentserve serve` does it, in a process of its own."""
    command = [sys.executable, "-m", "latentserve", "serve", "--port", "0", "--store", str(store), "--drain-s", "0"]
    with serving(command) as url:
        yield url


@pytest.fixture(scope="session")
def client(server: str) -> Iterator[Client]:
    """The blocking client."""
    with Client(server) as client:
        yield client


@pytest.fixture(scope="session")
def vae(client: Client) -> Model:
    """A shipped model that can do nearly everything."""
    return client.model("fashion-vae")


@pytest.fixture(scope="session")
async def async_client(server: str, anyio_backend: str) -> AsyncIterator[AsyncClient]:
    """Its asynchronous twin."""
    async with AsyncClient(server) as client:
        yield client


@pytest.fixture(scope="session")
async def async_vae(async_client: AsyncClient) -> AsyncModel:
    """The same model."""
    return await async_client.model("fashion-vae")


@pytest.fixture(scope="session")
def local(tiny_store: Path) -> Iterator[Client]:
    """The service in this process, with the tiny models."""
    with Client.local(store=tiny_store) as client:
        yield client
