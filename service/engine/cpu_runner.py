"""The forward pass on a CPU: by kernels of our own, or by ONNX Runtime for what has a graph; torch does the rest.

Both give a row the same bits in a batch of any size, so nothing is padded: that, too, is found out at warm-up and not
believed. Whatever gives results that are not torch's, or not steady, is not used. For the same reason there are several
workers with one kernel thread each: two of the runtime's own change the bits.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Literal

from models_store import StoredModel
from models_store.dcgan import DCGAN
from models_store.generator import Generator, NoKernels
from models_store.latents import Floats, points
from models_store.operations import Operation, operations_of
from models_store.pixels import Bytes, to_bytes
from models_store.programs import Program, doubt
from models_store.sessions import Session
from service.engine.runner import Key, TorchRunner, finite, require_finite

logger = logging.getLogger("latentserve")

Means = Literal["kernels", "graphs"]
"""By which an operation is run in torch's stead."""


class CpuRunner:
    """The fastest that each operation of the store's models has, and torch for whatever has nothing else."""

    def __init__(self, models: Iterable[StoredModel], *, threads: int, max_batch: int, workers: int = 1) -> None:
        self._models = list(models)
        self._threads = threads
        self._max_batch = max_batch
        self.workers = workers
        self._torch = TorchRunner(self._models, device="cpu", threads=threads, max_batch=max_batch)
        self._programs: dict[Key, Program] = {}

    def run(self, key: Key, columns: Sequence[Floats]) -> Floats:
        program = self._programs.get(key)
        if program is None:
            return self._torch.run(key, columns)
        return finite(program.run(columns))

    def sample(self, digest: str, draws: Sequence[bytes]) -> Bytes:
        key, columns = (digest, "decode"), [points(draws, self._torch.dims[digest])]
        program = self._programs.get(key)
        if program is None or not program.has_levels:
            return to_bytes(self.run(key, columns))
        # One call without the interpreter: with the event loop at work, it would be waited for at each of several.
        levels, all_finite = program.levels(columns)
        require_finite(all_finite)
        return levels

    def enter(self) -> None:
        self._torch.enter()

    def padded(self, key: Key, rows: int) -> int:
        return rows if key in self._programs else self._torch.padded(key, rows)

    def warm_up(self) -> None:
        self._torch.set_up()
        operations = [
            (model, name, operation)
            for model in self._models
            for name, operation in operations_of(model.network).items()
        ]
        with ThreadPoolExecutor(self.workers, "doubt", self.enter) as pool:
            found = list(pool.map(self._program, *zip(*operations, strict=True)))
        for (model, name, operation), program in zip(operations, found, strict=True):
            if program is None:
                self._torch.prepare(model, name, operation)
            else:
                self._programs[model.digest, name] = program

    def numerics(self, digest: str) -> dict[str, Any]:
        found: dict[str, Any] = {**self._torch.numerics(digest), "kernels": [], "graphs": []}
        for owner, name in sorted(self._programs):
            if owner == digest:
                found["kernels" if isinstance(self._programs[owner, name], Generator) else "graphs"].append(name)
        return found

    def _program(self, model: StoredModel, name: str, operation: Operation) -> Program | None:
        """The fastest that keeps what it promises, if there is any."""
        for means, make in self._candidates(model, name):
            try:
                program = make()
                found = doubt(program, operation, rows=self._max_batch)
            except NoKernels as error:
                logger.info("no kernels model=%s reason=%s", model.name, error)
                continue
            except Exception as error:  # noqa: BLE001  # whatever is wrong with it, torch can do without it
                found = str(error)
            if found is None:
                return program
            logger.warning("%s not used model=%s operation=%s reason=%s", means, model.name, name, found)
        return None

    def _candidates(self, model: StoredModel, name: str) -> Iterator[tuple[Means, Callable[[], Program]]]:
        if name == "decode" and isinstance(model.network, DCGAN):
            yield "kernels", partial(Generator, model.network)
        if name in model.graphs:
            yield "graphs", partial(Session, model.graphs[name], model.network.state_dict(), threads=self._threads)
