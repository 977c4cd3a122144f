"""The service in this process, behind httpx's own transport: the only module that names the packages beside this one.

They are imported by name and only when they are needed: whoever has just a server's address needs neither torch nor the
service, and the import contracts can still be checked.
"""

import importlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import anyio.to_thread
import httpx
from anyio.from_thread import start_blocking_portal

from latentserve.errors import NotFound

IN_PROCESS = "http://in-process"
"""The address in the answers of a service that has none."""


class InProcess(httpx.BaseTransport):
    """Answers requests by the service's app, which lives on an event loop in a thread of its own."""

    def __init__(self, model: str | None, store: Path | str | None) -> None:
        self._open = ExitStack()
        try:
            app = self._started(model, store)
        except BaseException:
            self._open.close()
            raise
        self._app = httpx.ASGITransport(app=app)

    def _started(self, model: str | None, store: Path | str | None) -> Any:
        settings, create_app = package("service.settings").Settings, package("service.app").create_app
        folder = Path(store) if store is not None else settings().store
        self._portal = self._open.enter_context(start_blocking_portal())
        with _store_of(folder, model) as chosen:
            app = create_app(settings(store=chosen))
            self._open.enter_context(self._portal.wrap_async_context_manager(app.router.lifespan_context(app)))
        return app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The whole answer; a stream's frames come together at its end."""
        content = request.read()
        return self._portal.call(self._handle, request, content)

    async def _handle(self, request: httpx.Request, content: bytes) -> httpx.Response:
        asked = httpx.Request(request.method, request.url, headers=request.headers, content=content)
        response = await self._app.handle_async_request(asked)
        body = b"".join([chunk async for chunk in response.stream])  # type: ignore[union-attr]  # ASGITransport's are
        return httpx.Response(response.status_code, headers=response.headers, content=body, request=request)

    def close(self) -> None:
        """Ends the service and its thread."""
        self._open.close()


class AsyncInProcess(httpx.AsyncBaseTransport):
    """The same for an asynchronous client, whatever event loop it runs on."""

    def __init__(self, model: str | None, store: Path | str | None) -> None:
        self._blocking = InProcess(model, store)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The whole answer."""
        await request.aread()
        return await anyio.to_thread.run_sync(self._blocking.handle_request, request)

    async def aclose(self) -> None:
        """Ends the service and its thread."""
        await anyio.to_thread.run_sync(self._blocking.close)


def package(name: str) -> Any:
    """A module beside this package. Raises ModuleNotFoundError with the remedy where it is not installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{error}; working in-process needs the whole of latentserve, or give --url"
        ) from error


def pointers(store: Path) -> dict[str, dict[str, Any]]:
    """Name -> {file, size, sha256} of each checkpoint in a store, unverified, without loading any."""
    found = {}
    for path in sorted(store.glob("[!.]*.json")):
        try:
            found[path.stem] = json.loads(path.read_text())
        except ValueError:
            continue
    return found


@contextmanager
def _store_of(store: Path, model: str | None) -> Iterator[Path]:
    """The store itself, or a copy with that model alone: to load and warm up one is several times faster than all."""
    if model is None:
        yield store
        return
    name = model.partition("@")[0]
    known = pointers(store)
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known) or 'none'}"
        raise NotFound(f"no model {name!r} in {os.fspath(store)}", code="model_not_found", hint=hint)
    with tempfile.TemporaryDirectory(prefix="latentserve-") as folder:
        graphs = known[name].get("graphs") or {}
        for file in (f"{name}.json", known[name].get("file"), graphs.get("file")):
            if file and (store / file).is_file():
                shutil.copyfile(store / file, Path(folder) / file)
        yield Path(folder)
