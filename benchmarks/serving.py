"""The server against the bare network: `make bench`, or `python -m benchmarks.serving --model fashion-vae`.

Closed loop over keep-alive connections, a new seed for every request so that no cache answers, rounds interleaved with
the bare forward pass of the same network in this process. Prints a table and writes benchmarks/results/serving.json.
"""

import argparse
import asyncio
import json
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

import torch

from models_store import Store
from models_store.latents import normals

RESULTS = Path(__file__).parent / "results"
WEIGHTS = Path("models_store/weights")


@dataclass
class Row:
    """One measured situation; times in milliseconds."""

    what: str
    images_per_second: float
    median_ms: float
    p99_ms: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", default="fashion-vae", help="name in the store [fashion-vae]")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a round [2]")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each situation, interleaved [3]")
    options = parser.parse_args()
    process, port = start_server()
    try:
        rows = asyncio.run(measure(options.model, port, options.seconds, options.rounds))
    finally:
        process.terminate()
        process.wait(timeout=60)
    report(options.model, rows)


def start_server() -> tuple["subprocess.Popen[str]", int]:
    """A server of its own process on a free port, ready."""
    command = [sys.executable, "-m", "service", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if "http://" in line:
            return process, int(line.split("http://")[1].split()[0].split(":")[1].strip("/").split("/")[0])
    raise SystemExit("the server did not start")


async def measure(model: str, port: int, seconds: float, rounds: int) -> list[Row]:
    """The best round of each situation counts for its rate, the median of the rounds for its times."""
    network = Store.load(WEIGHTS)[model].network
    seeds = count(1)
    found: dict[str, list[Row]] = {}
    for _ in range(rounds):
        for batch in (1, 8, 64):
            found.setdefault(f"bare forward, batch {batch}", []).append(bare(network, batch, seconds / 2))
        for connections, images in ((1, 1), (16, 1), (64, 1), (8, 64)):
            what = f"HTTP PNG, {connections} connections, n={images}"
            row = await closed_loop(model, port, connections, images, seconds, seeds)
            found.setdefault(what, []).append(row)
    return [best(what, rows) for what, rows in found.items()]


def bare(network: torch.nn.Module, batch: int, seconds: float) -> Row:
    """The network alone, one thread as in the server."""
    torch.set_num_threads(1)
    latents = torch.from_numpy(normals(0, range(batch), network.latent_dim))  # type: ignore[arg-type]  # a LatentModel
    times = []
    with torch.inference_mode():
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            started = time.perf_counter()
            network.decode(latents)  # type: ignore[operator]  # a LatentModel
            times.append(time.perf_counter() - started)
    return row_of("", times, batch, sum(times))


async def closed_loop(model: str, port: int, connections: int, images: int, seconds: float, seeds: "count[int]") -> Row:
    """Each connection asks again as soon as it has its answer."""
    times: list[float] = []
    end = time.perf_counter() + seconds

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < end:
            first = next(seeds) * 100
            wanted = str(first) if images == 1 else f"{first}-{first + images - 1}"
            started = time.perf_counter()
            writer.write(f"GET /v1/models/{model}/samples/{wanted}.png HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
            times.append(time.perf_counter() - started)
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(ask() for _ in range(connections)))
    return row_of("", times, images, time.perf_counter() - started)


def row_of(what: str, times: list[float], images: int, elapsed: float) -> Row:
    """Times of single requests or forward passes -> a row."""
    ordered = sorted(times)
    tail = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
    return Row(what, len(times) * images / elapsed, 1000 * statistics.median(times), 1000 * tail)


def best(what: str, rows: list[Row]) -> Row:
    """Of interleaved rounds on a machine that others use, too."""
    middle = sorted(row.median_ms for row in rows)[len(rows) // 2]
    return Row(what, max(row.images_per_second for row in rows), middle, min(row.p99_ms for row in rows))


def report(model: str, rows: list[Row]) -> None:
    print(f"{'':36}{'images/s':>10}{'median ms':>11}{'p99 ms':>9}")
    for row in rows:
        print(f"{row.what:36}{row.images_per_second:10.0f}{row.median_ms:11.2f}{row.p99_ms:9.2f}")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    environment = {
        "commit": commit.stdout.strip(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    RESULTS.mkdir(exist_ok=True)
    result = {"model": model, "environment": environment, "rows": [asdict(row) for row in rows]}
    (RESULTS / "serving.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
