"""The app as tests use it: in this process, with its lifespan run, over httpx's own ASGI transport."""

import io
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image

from service.app import create_app
from service.settings import Settings


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """One event loop for all asynchronous tests and fixtures."""
    return "asyncio"


@pytest.fixture(scope="session")
async def app(tiny_store: Path, tmp_path_factory: pytest.TempPathFactory, anyio_backend: str) -> AsyncIterator[FastAPI]:
    """The service with the tiny models, and with a checkpoint that it has to refuse."""
    # A copy: the store itself belongs to all tests.
    store = shutil.copytree(tiny_store, tmp_path_factory.mktemp("served") / "store")
    missing = {"file": "gone.safetensors", "size": 1, "sha256": "0" * 64}
    (store / "broken.json").write_text(json.dumps(missing))
    app = create_app(Settings(store=store))
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture(scope="session")
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Speaks to the app without a socket between."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def pixels_of(content: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """An image file -> its levels, (H, W) or (H, W, 3)."""
    return np.asarray(Image.open(io.BytesIO(content)))


def picture_file(levels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], form: str = "PNG") -> bytes:
    """Levels (H, W) or (H, W, 3) -> an image file."""
    file = io.BytesIO()
    Image.fromarray(levels).save(file, form)
    return file.getvalue()


def npy_array(content: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """An npy file -> its array."""
    array: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = np.load(io.BytesIO(content), allow_pickle=False)
    return array
