"""Commands that start a server."""

import sys
import threading
import time
import webbrowser
from typing import Annotated

from cyclopts import Parameter

from latentserve.cli.app import COMMANDS, examples
from latentserve.cli.outcome import USAGE

Arguments = Annotated[str, Parameter(allow_leading_hyphen=True, help="as of `python -m service`")]
READY_S = 60.0
"""A server that is not ready by then will not be."""


def serve(*arguments: Arguments) -> int:
    """Serve a store of models over HTTP."""
    if set(arguments) & {"--help", "-h"}:
        _, summary, lines = COMMANDS["serve"]
        sys.stdout.write(f"{summary}\n\n{examples(*lines)}\n\nThe program behind it:\n\n")
        sys.stdout.flush()
    return _served(list(arguments))


def demo(
    *,
    port: Annotated[int, Parameter(help="where to listen; 0 takes a free one")] = 8000,
    browser: Annotated[bool, Parameter(help="open the page")] = True,
) -> int:
    """Serve the shipped models and open the page: no download, nothing to set up."""
    from latentserve.cli.store import shipped_store  # noqa: PLC0415  # where the models lie is nobody else's business

    if browser and port and sys.stdout.isatty():
        threading.Thread(target=_open_when_ready, args=(f"http://127.0.0.1:{port}",), daemon=True).start()
    return _served(["--port", str(port), "--store", str(shipped_store())])


def _served(arguments: list[str]) -> int:
    from latentserve.local import package  # noqa: PLC0415  # torch is not needed before

    try:
        found: int = package("service.__main__").main(arguments)
    except SystemExit as error:  # argparse ends so, after its own message
        return error.code if isinstance(error.code, int) else USAGE
    return found


def _open_when_ready(url: str) -> None:
    from latentserve.client import Client  # noqa: PLC0415  # httpx is not needed before
    from latentserve.errors import LatentserveError  # noqa: PLC0415

    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        try:
            with Client(url, max_retries=0) as client:
                client.readiness()
        except LatentserveError:
            time.sleep(0.2)
        else:
            webbrowser.open(url)
            return
