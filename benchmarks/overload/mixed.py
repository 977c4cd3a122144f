"""All that the shipped models can be asked for, each alone and then all at once, while the server watches its loop."""

import asyncio
import io
import json
import tempfile
from collections.abc import Iterator
from itertools import count, cycle
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.overload.served import served
from benchmarks.overload.visitors import closed_loop, get, post
from models_store.store import SHIPPED

VAE, FLOW = "/v1/models/fashion-vae", "/v1/models/fashion-flow"
BOUNDARY = "boundary"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
UPLOAD_SIDE = 1150
"""Pixels of noise in colour: a PNG of 4 MB."""


async def mixed(seconds: float) -> dict[str, Any]:
    """What held the loop, in CPU time of its thread; and how many answers of each status there were."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "watch.json"
        with served("--watch", str(file), store=SHIPPED) as server:
            loads = _loads()
            alone = {
                name: await closed_loop(server.port, requests, connections=1, seconds=seconds / 10)
                for name, requests in loads.items()
            }
            together = await asyncio.gather(
                *(closed_loop(server.port, requests, connections=1, seconds=seconds) for requests in loads.values())
            )
        report: dict[str, Any] = json.loads(file.read_text())
    return {
        "alone": {name: _statuses(found) for name, found in alone.items()},
        "together": {name: _statuses(found) for name, found in zip(loads, together, strict=True)},
        "event_loop": report,
    }


def _statuses(answers: list[Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    for answer in answers:
        found[str(answer.status)] = found.get(str(answer.status), 0) + 1
    return found


def _loads() -> dict[str, Iterator[bytes]]:
    """The requests of each connection; seeds are fresh, so that nothing is answered from an ETag."""
    seeds = count(0, 1024)
    random = np.random.default_rng(0)
    upload, small = _picture(UPLOAD_SIDE), _picture(28)
    texts = json.dumps({"latents": random.normal(size=(1024, 40)).round(4).tolist()}).encode()
    points, pictures = random.normal(size=(1024, 784)).astype(np.float32), np.zeros((1024, 28, 28, 1), np.uint8)
    return {
        "samples of 64 as npy": (get(f"{VAE}/samples/{n}-{n + 63}.npy") for n in seeds),
        "samples of 1024 as npy": (get(f"{VAE}/samples/{n}-{n + 1023}.npy") for n in seeds),
        "samples of 1024 as JSON": (get(f"{FLOW}/samples/{n}-{n + 1023}.json") for n in seeds),
        "latents of 1024 as JSON": (get(f"{FLOW}/latents/{n}-{n + 1023}.json") for n in seeds),
        "sheets": (get(f"{VAE}/samples/{n}-{n + 63}.png?size=224") for n in seeds),
        "single pictures": (get(f"{VAE}/samples/{n}.png") for n in seeds),
        "films": (get(f"{VAE}/interpolations/{n},{n + 1}.webp?steps=24") for n in seeds),
        "films' addresses": (get(f"{FLOW}/interpolations/{n},{n + 1},{n + 2}.json?steps=256") for n in seeds),
        "tiles": (get(f"{VAE}/tiles/3/{n % 1000}/{n // 1000}.png") for n in seeds),
        "archives": (get(f"{FLOW}/samples/{n}-{n + 63}.zip") for n in seeds),
        "uploads of 4 MB": cycle([post(f"{VAE}/latents", "image/png", upload)]),
        "forms of 16 MB": cycle([post(f"{VAE}/latents", FORM, _form([upload] * 3))]),
        "scores, K = 5000": cycle([post(f"{FLOW}/scores?k=5000", "image/png", small)]),
        "scores of 1024": cycle([post(f"{VAE}/scores?mc=4&k=4", "application/x-npy", _npy(pictures))]),
        "latents of 1024 pictures": cycle([post(f"{VAE}/latents", "application/x-npy", _npy(pictures))]),
        "decoding 1024": cycle([post(f"{FLOW}/images", "application/x-npy", _npy(points), "application/x-npy")]),
        "decoding 1024 of JSON": cycle([post(f"{VAE}/images", "application/json", texts, "application/x-npy")]),
        "metrics": cycle([get("/metrics")]),
        "cards": cycle([get("/v1/models")]),
    }


def _picture(side: int) -> bytes:
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(noise).save(file, "PNG")
    return file.getvalue()


def _form(files: list[bytes]) -> bytes:
    head = 'Content-Disposition: form-data; name="image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    parts = [f"--{BOUNDARY}\r\n{head}".encode() + file + b"\r\n" for file in files]
    return b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])


def _npy(array: "np.ndarray[Any, Any]") -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()
