"""The forward pass: rows in, rows out, and the same bits for a row whatever shares its batch.

A kernel may round differently for another batch size or another place in the batch. So batches are padded to planned
sizes, and at warm-up every size has to give a row the same bits at each place and as the smallest size does; one that
does not is never used. If none is left, rows run one by one.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from models_store import StoredModel
from models_store.latents import Floats, points
from models_store.operations import Operation, operations_of
from models_store.pixels import Bytes, to_bytes
from service.errors import NonFiniteResult

logger = logging.getLogger("latentserve")

PLANNED_SIZES = (8, 16, 32, 64, 128, 256, 512, 1024)
"""Below 8 rows CPU kernels change with the batch size (matrix-vector products); powers of two waste at most half."""

Key = tuple[str, str]
"""(model digest, operation)."""


class Runner(Protocol):
    """Runs batches on one device, from any of the threads that have entered."""

    workers: int
    """How many batches of large requests are best run at one time."""

    def run(self, key: Key, columns: Sequence[Floats]) -> Floats:
        """Columns (B, …), one an argument -> the results (B, …). Raises NonFiniteResult if any is not finite."""

    def enter(self) -> None:
        """What holds for the thread that calls it."""

    def sample(self, digest: str, draws: Sequence[bytes]) -> Bytes:
        """Packed draws -> the levels (B, H, W, C) of the pictures at their points. Raises NonFiniteResult."""

    def padded(self, key: Key, rows: int) -> int:
        """How many rows the network really computes for so many."""

    def warm_up(self) -> None:
        """Makes the plans; before it, `run` knows no key."""

    def numerics(self, digest: str) -> dict[str, Any]:
        """For the model card: the batch sizes in use, by operation."""


@dataclass(frozen=True)
class Plan:
    """The batch sizes an operation may run at, ascending."""

    sizes: tuple[int, ...]

    def chunks(self, rows: int) -> list[tuple[int, int]]:
        """(rows, size) of each forward pass: full ones of the largest size, then the smallest that holds the rest."""
        full, rest = divmod(rows, self.sizes[-1])
        chunks = [(self.sizes[-1], self.sizes[-1])] * full
        return [*chunks, (rest, min(size for size in self.sizes if size >= rest))] if rest else chunks


def finite(results: Floats) -> Floats:
    """The results themselves. Raises NonFiniteResult if any number of them is not finite."""
    require_finite(bool(np.isfinite(results).all()))
    return results


def require_finite(all_finite: bool) -> None:
    """Raises NonFiniteResult unless it is so."""
    if not all_finite:
        raise NonFiniteResult("the model's answer to this input is not finite", hint="use values nearer to zero")


class TorchRunner:
    """Networks of the store on one device, without gradients."""

    workers = 1

    def __init__(self, models: Iterable[StoredModel], *, device: str, threads: int, max_batch: int) -> None:
        self._models = list(models)
        self.dims = {model.digest: model.network.latent_dim for model in self._models}
        """Of the latent spaces, by digest."""
        self._device = torch.device(device)
        self._threads = threads
        self._sizes = tuple(size for size in PLANNED_SIZES if size <= max_batch) or (max_batch,)
        self._operations: dict[Key, Operation] = {}
        self._plans: dict[Key, Plan] = {}

    def run(self, key: Key, columns: Sequence[Floats]) -> Floats:
        outputs, start = [], 0
        for count, size in self._plans[key].chunks(len(columns[0])):
            chunk = [column[start : start + count] for column in columns]
            outputs.append(self._forward(key, chunk, size)[:count])
            start += count
        return finite(np.concatenate(outputs))

    def sample(self, digest: str, draws: Sequence[bytes]) -> Bytes:
        return to_bytes(self.run((digest, "decode"), [points(draws, self.dims[digest])]))

    def enter(self) -> None:
        torch.set_num_threads(self._threads)

    def padded(self, key: Key, rows: int) -> int:
        return sum(size for _, size in self._plans[key].chunks(rows))

    def warm_up(self) -> None:
        self.set_up()
        for model in self._models:
            for name, operation in operations_of(model.network).items():
                self.prepare(model, name, operation)

    def set_up(self) -> None:
        """What holds for the device, and the networks where they run."""
        self.enter()
        if self._device.type == "cuda":
            # TF32 drops 13 bits of the mantissa; scores and exact bytes want them.
            torch.backends.cudnn.allow_tf32 = False
            torch.backends.cudnn.deterministic = True
        for model in self._models:
            model.network.to(self._device)

    def prepare(self, model: StoredModel, name: str, operation: Operation) -> None:
        """Makes the plan of one operation."""
        key = (model.digest, name)
        self._operations[key] = operation
        with torch.inference_mode():
            self._plans[key] = self._make_plan(model.name, key)

    def numerics(self, digest: str) -> dict[str, Any]:
        plans = {name: plan for (owner, name), plan in self._plans.items() if owner == digest}
        return {
            "mode": "exact",
            "device": self._device.type,
            "threads": self._threads,
            "batch_sizes": {name: list(plan.sizes) for name, plan in plans.items()},
        }

    def _forward(self, key: Key, columns: Sequence[NDArray[np.float32]], size: int) -> Floats:
        """Pads each column (B, …) to `size` rows by repeating its last row; returns the padded result."""
        padded = [np.concatenate([column, column[-1:].repeat(size - len(column), axis=0)]) for column in columns]
        with torch.inference_mode():
            inputs = [torch.from_numpy(column).to(self._device) for column in padded]
            return self._operations[key].forward(*inputs).cpu().numpy()

    def _make_plan(self, name: str, key: Key) -> Plan:
        """The sizes at which a row has the same bits at every position and in every size; if there is none, 1."""
        rows = self._examples(key)
        if self._agree(key, rows):
            return Plan(self._sizes_of(key))
        sizes = self._steady_sizes(key, rows)
        logger.warning("batch sizes dropped model=%s operation=%s left=%s", name, key[1], sizes or [1])
        return Plan(sizes or (1,))

    def _agree(self, key: Key, rows: Sequence[Floats]) -> bool:
        """Whether each size gives the bits of the largest to rows that stand elsewhere in it: one batch a size."""
        *smaller, largest = self._sizes_of(key)
        whole = self._forward(key, rows, largest)
        # Kernels take rows by twos, fours and eights: an odd distance gives each a new place among them.
        places = {size: np.arange(size + 1, 2 * size + 1) % largest for size in smaller}
        return bool(smaller) and all(
            np.array_equal(self._forward(key, [column[part] for column in rows], size), whole[part])
            for size, part in places.items()
        )

    def _steady_sizes(self, key: Key, rows: Sequence[Floats]) -> tuple[int, ...]:
        """Those that give a row the same bits wherever it stands, and the bits of the smallest of them."""
        results = {size: self._moved(key, rows, size, 0) for size in self._sizes_of(key)}
        steady = [size for size, result in results.items() if np.array_equal(self._moved(key, rows, size, 1), result)]
        return tuple(size for size in steady if np.array_equal(results[size], results[steady[0]]))

    def _examples(self, key: Key) -> list[Floats]:
        """As many rows as the largest size has."""
        return [column.cpu().numpy() for column in self._operations[key].examples(self._sizes_of(key)[-1])]

    def _sizes_of(self, key: Key) -> tuple[int, ...]:
        return tuple(size for size in self._sizes if size <= self._operations[key].largest) or self._sizes[:1]

    def _moved(self, key: Key, rows: Sequence[Floats], size: int, places: int) -> Floats:
        """The result of all rows, each so many places further on, run `size` at a time."""
        columns = [np.roll(column, places, axis=0) for column in rows]
        starts = range(0, len(columns[0]), size)
        outputs = [self._forward(key, [column[start : start + size] for column in columns], size) for start in starts]
        return np.roll(np.concatenate(outputs)[: len(columns[0])], -places, axis=0)
