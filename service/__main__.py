"""`python -m service`: reads the settings, takes the port, serves until it is told to stop."""

import argparse
import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Sequence
from types import FrameType

import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError

from service.app import create_app
from service.engine.engine import Engine
from service.protocol import Protocol
from service.settings import Settings

USAGE_ERROR = 2
KEEP_ALIVE_S = 15
ACCEPTED_A_TURN = 16
"""New connections. A turn may take milliseconds: at one in each, clients that connect anew for every request would get
two thirds of what they get with this."""
SWITCH_S = 5e-4
"""A thread that wants the interpreter gets it so soon, if it was not let go of before. By default the inference thread
would wait 5 ms for it after each forward pass while the event loop has work, longer than the pass itself takes. Much
sooner, threads would pass it to and fro in the middle of what they do: at each deflate it is let go of anyhow."""


class CannotStart(Exception):
    """The service cannot be started as it was asked; the message says why in one line."""


class Server(uvicorn.Server):
    """On SIGTERM it says that it is not ready, serves on for `drain_s` seconds, and only then stops accepting."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, settings: Settings) -> None:
        super().__init__(config)
        self._app = app
        self._settings = settings
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Prints where the service is as soon as it answers there."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started and sockets:
            sys.stdout.write(_greeting(self._settings.host, sockets[0].getsockname()[1], self._app.state.engine))
            sys.stdout.flush()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ctrl-C and a second SIGTERM stop at once: somebody is waiting."""
        engine: Engine | None = getattr(self._app.state, "engine", None)
        if sig != signal.SIGTERM or self._loop is None or engine is None or engine.draining:
            super().handle_exit(sig, frame)
            return
        engine.draining = True
        stop = super().handle_exit
        # A signal may arrive anywhere; the loop is only touched from within.
        self._loop.call_soon_threadsafe(self._loop.call_later, self._settings.drain_s, stop, sig, frame)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until it is stopped; returns the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    try:
        settings = _settings(arguments)
        listener = _listener(settings)
    except CannotStart as error:
        sys.stderr.write(f"latentserve: {error}\n")
        return USAGE_ERROR
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        http=Protocol,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        ws="none",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=settings.grace_s,
    )
    sys.setswitchinterval(SWITCH_S)
    Server(config, app, settings).run(sockets=_many(listener))
    return 0


def _settings(arguments: Sequence[str] | None) -> Settings:
    """Options of the command line, then LATENTSERVE_* variables, then defaults. Raises CannotStart."""
    parser = argparse.ArgumentParser(
        prog="python -m service",
        description="Serves the models of a store over HTTP.",
        epilog="Each option can also be given as a variable: LATENTSERVE_PORT=8080.",
        argument_default=argparse.SUPPRESS,
    )
    for name, field in Settings.model_fields.items():
        description = f"{field.description} (default: {field.default})".replace("%", "%%")
        parser.add_argument(f"--{name.replace('_', '-')}", help=description, metavar=name.upper())
    try:
        settings = Settings(**vars(parser.parse_args(arguments)))
    except ValidationError as error:
        first = error.errors()[0]
        raise CannotStart(f"{'.'.join(map(str, first['loc']))}: {first['msg']}, got {first['input']!r}") from None
    if not settings.store.is_dir():
        raise CannotStart(f"there is no store at {settings.store}; train a model first, or name another with --store")
    return settings


def _listener(settings: Settings) -> socket.socket:
    """A bound socket. Raises CannotStart; uvicorn would have loaded all models before it found out."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # The protocol is named because asyncio turns off Nagle's delay only where it is: 40 ms a request otherwise.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        where = f"{settings.host}:{settings.port}"
        remedy = "choose another: --port N, or make serve PORT=N"
        raise CannotStart(f"cannot listen on {where}: {error.strerror}; {remedy}") from None
    return listener


def _many(listener: socket.socket) -> list[socket.socket]:
    """It, and doubles of it: for each the event loop accepts one connection a turn, and no more (since libuv 1.45)."""
    return [listener, *(listener.dup() for _ in range(ACCEPTED_A_TURN - 1))]


def _greeting(host: str, port: int, engine: Engine) -> str:
    shown = f"[{host}]" if ":" in host else host
    models = ", ".join(model.pinned for model in engine.catalog.values()) or "no models"
    return f"latentserve: http://{shown}:{port} serves {models}\n"


if __name__ == "__main__":
    sys.exit(main())
