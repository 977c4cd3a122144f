"""What a peer's server calls: (number of images, seed) of several requests -> a PNG for each.

Two kinds of code. `written`: as people write it, torch as it comes and Pillow. `ours`: the forward pass and the PNG
writer of our service, so that what remains between the servers is the serving.
"""

import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.checkpoint import stored
from benchmarks.forward import our_forward
from models_store.pixels import Bytes, sheet, to_bytes
from service.media.png import encode_png

COLUMNS = 8
"""Of the sheet that a request of several images gets."""

Wanted = tuple[int, int]
"""(number of images, seed)."""
Generate = Callable[[Sequence[Wanted]], list[bytes]]


def load_generator() -> Generate:
    """The generator of the store and in the code that the environment names."""
    store, threads = Path(os.environ["BENCHMARK_STORE"]), int(os.environ["BENCHMARK_THREADS"])
    torch.set_num_threads(threads)
    return {"written": as_written, "ours": with_ours}[os.environ["BENCHMARK_CODE"]](store, threads)


def as_written(store: Path, _threads: int) -> Generate:
    """Eager torch and Pillow."""
    network = stored(store)

    def generate(wanted: Sequence[Wanted]) -> list[bytes]:
        with torch.inference_mode():
            images = network.decode(_noise(wanted, network.latent_dim))
            levels = (images * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        return [_pillow(picture) for picture in _pictures(levels, wanted)]

    return generate


def with_ours(store: Path, threads: int) -> Generate:
    """The service's runner and its PNG writer; the batch, the noise and the way there and back are the peer's."""
    forward, dim = our_forward(store, threads), stored(store).latent_dim

    def generate(wanted: Sequence[Wanted]) -> list[bytes]:
        levels = to_bytes(forward(_noise(wanted, dim).numpy()))
        return [encode_png(picture, {}) for picture in _pictures(levels, wanted)]

    return generate


def _noise(wanted: Sequence[Wanted], dim: int) -> torch.Tensor:
    return torch.cat([torch.randn(n, dim, generator=torch.Generator().manual_seed(seed)) for n, seed in wanted])


def _pictures(levels: Bytes, wanted: Sequence[Wanted]) -> list[Bytes]:
    """The images (B, H, W, C) of a batch -> a picture for each request."""
    parts = np.split(levels, np.cumsum([n for n, _ in wanted])[:-1])
    return [part[0] if len(part) == 1 else sheet(part, columns=COLUMNS, gap=0) for part in parts]


def _pillow(picture: Bytes) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture[:, :, 0]).save(file, "PNG")
    return file.getvalue()
