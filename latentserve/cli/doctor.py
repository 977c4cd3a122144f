"""Whether everything is well here."""

import os
import platform
import socket
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from latentserve.cli.outcome import FAILED, OK
from latentserve.cli.store import store_folder, stored_models

PACKAGES = ("latentserve", "torch", "numpy", "pillow", "fastapi", "uvicorn", "httpx")
TIMED = 20
"""Images, one after the other."""


def doctor(
    *,
    port: Annotated[int, Parameter(help="the port that a server would take")] = 8000,
    store: Annotated[Path | None, Parameter(help="the folder of models, by default the shipped")] = None,
) -> int:
    """Whether everything is well here: versions, device, port, checkpoints, the time of one image."""
    found = OK
    checks: dict[str, Callable[[], str]] = {
        "python": lambda: f"{platform.python_version()} on {platform.machine()}",
        "packages": lambda: ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
        "device": _device,
        "kernels": _kernels,
        "port": lambda: _port(port),
        "store": lambda: _checkpoints(store_folder(store)),
        "image": lambda: _timing(store_folder(store)),
    }
    for name, check in checks.items():
        try:
            sys.stdout.write(f"ok    {name:10}{check()}\n")
        except (ValueError, OSError, ImportError, RuntimeError) as error:
            sys.stdout.write(f"wrong {name:10}{error}\n")
            found = FAILED
        sys.stdout.flush()
    return found


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def _device() -> str:
    from latentserve.local import package  # noqa: PLC0415  # torch is not needed before

    torch = package("torch")
    gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    return f"{', '.join(gpus) or 'no GPU'}; CPU cores: {cores}, threads of torch: {torch.get_num_threads()}"


def _kernels() -> str:
    from latentserve.local import package  # noqa: PLC0415  # torch is not needed before

    kernels = package("models_store.compiled").kernels
    if kernels is None:
        return (
            "not compiled: a DCGAN's pictures take half as long again; with a C compiler and Python's headers"
            " (apt install gcc python3-dev), install latentserve anew"
        )
    sets = kernels.sets()
    return f"for {sets[0]}" if sets else "none for this processor, ONNX Runtime does their work"


def _port(port: int) -> str:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            raise ValueError(f"{port} is taken; choose another: latentserve serve --port {port + 1}") from None
    return f"{port} is free"


def _checkpoints(folder: Path) -> str:
    from latentserve.local import package  # noqa: PLC0415  # torch is not needed before

    checkpoint = package("models_store.checkpoint")
    names = [each.name for each in stored_models(folder)]
    if not names:
        raise ValueError(f"{folder} has no models; put one there: latentserve models add RUN --name NAME")
    broken = []
    for name in names:
        try:
            checkpoint.read_checkpoint(folder, name)
        except checkpoint.CheckpointError as error:
            broken.append(f"{name}: {error}")
    if broken:
        raise ValueError("; ".join(broken))
    return f"{len(names)} checkpoint{'s' * (len(names) > 1)} verified in {folder}"


def _timing(folder: Path) -> str:
    """The first model that can be sampled, through the whole service."""
    from latentserve.client import Client  # noqa: PLC0415  # httpx is not needed before

    name = next((each.name for each in stored_models(folder) if each.kind != "classifier"), None)
    if name is None:
        raise ValueError(f"{folder} has no model that can be sampled")
    with Client.local(name, store=folder) as client:
        model = client.model(name)
        times = []
        for seed in range(TIMED):
            started = time.perf_counter()
            model.sheet(seed)
            times.append(time.perf_counter() - started)
    return f"{sorted(times)[TIMED // 2] * 1000:.1f} ms for one image of {name}, median of {TIMED}, in this process"
