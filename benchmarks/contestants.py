"""Who takes part in a run: our server, and peers in their environments, each with requests that it understands."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.checkpoint import MODEL
from benchmarks.client import HOST, ask
from benchmarks.environments import PEERS, python_of
from benchmarks.peers import Peer
from benchmarks.processes import Server, free_port
from benchmarks.result import Code

OURS = "latentserve"
RAW = "raw-asgi"
PORTS = ("port", "port_2", "port_3", "port_4", "port_5")
"""What a peer may listen on, for HTTP, management, metrics, gRPC."""
Request = Callable[[int, int], bytes]
"""(number of images, seed) -> the request."""
ROOM = Path(__file__).parent.parent


@dataclass(frozen=True)
class Contestant:
    """A server that runs, and how it is asked."""

    name: str
    title: str
    code: Code
    port: int
    server: Server
    request: Request
    png: Callable[[bytes], bytes]
    """The body of an answer -> the picture in it."""

    def picture(self, n: int, seed: int) -> bytes:
        """The PNG of one request. Raises ValueError for any status but 200."""
        status, _, body = ask(self.port, self.request(n, seed))
        if status != 200:
            raise ValueError(f"{self.title} answers with status {status}: {body[:200]!r}")
        return self.png(body)


def started_ours(workspace: Path) -> Contestant:
    """Our server as it is started, with its default settings unless LATENTSERVE_* variables say otherwise."""
    port = free_port()
    command = [sys.executable, "-m", "service", "--port", str(port), "--store", str(store_in(workspace))]
    server = Server(command, folder=ROOM, environment={"LATENTSERVE_DRAIN_S": "0"}, log=workspace / f"{OURS}.log")
    return Contestant(OURS, OURS, "ours", port, server, our_request, bytes)


def started_raw(workspace: Path) -> Contestant:
    """The ceiling of HTTP under uvicorn, with the fastest loop and parser that there are for it."""
    port, python = free_port(), python_of(RAW)
    assert python is not None, "only what has an environment is started"
    command = [str(python.parent / "uvicorn"), "server:app", "--port", str(port), "--no-access-log"]
    server = Server(command, folder=PEERS / RAW, environment={}, log=workspace / f"{RAW}.log")

    def request(_n: int, _seed: int) -> bytes:
        return f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()

    return Contestant(RAW, "raw ASGI under uvicorn", "ours", port, server, request, bytes)


def started_peer(peer: Peer, code: Code, workspace: Path, threads: int) -> Contestant:
    """A peer in its environment; `threads` are torch's."""
    folder = workspace / f"{peer.name}-{code}"
    folder.mkdir()
    ports = {name: free_port() for name in PORTS}
    python = python_of(peer.name)
    assert python is not None, "only peers with an environment are started"
    names = {**ports, "bin": python.parent, "folder": folder}
    environment = {
        "BENCHMARK_STORE": str(store_in(workspace)),
        "BENCHMARK_CODE": code,
        "BENCHMARK_THREADS": str(threads),
        **{f"BENCHMARK_{name.upper()}": str(port) for name, port in ports.items()},
        "OMP_NUM_THREADS": str(threads),
        "PYTHONPATH": str(ROOM),
        "TMPDIR": str(folder),
        **{name: value.format(**names) for name, value in peer.environment.items()},
    }
    command = [part.format(**names) for part in peer.command]
    server = Server(command, folder=peer.folder, environment=environment, log=workspace / f"{peer.name}-{code}.log")

    def request(n: int, seed: int) -> bytes:
        return _post(peer.path, peer.body(n, seed))

    return Contestant(peer.name, peer.title, code, ports["port"], server, request, peer.png)


def our_request(n: int, seed: int, *, form: str = "png", more: str = "") -> bytes:
    """A GET of one image, or of n seeds that follow one another; `more` are headers."""
    wanted = str(seed) if n == 1 else f"{n * seed}-{n * seed + n - 1}"
    query = "" if n == 1 or form != "png" else "?gap=0"
    return f"GET /v1/models/{MODEL}/samples/{wanted}.{form}{query} HTTP/1.1\r\nHost: {HOST}\r\n{more}\r\n".encode()


def store_in(workspace: Path) -> Path:
    """Where a run keeps its store."""
    return workspace / "store"


def _post(path: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
