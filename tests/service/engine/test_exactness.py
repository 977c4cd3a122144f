"""Nobody's bytes depend on who shares the batch: the shipped models, through the engine, against each row alone."""

import asyncio
import json
import random
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from models_store.latents import Floats, normals, packed
from models_store.store import SHIPPED
from service.engine.catalog import ServedModel
from service.engine.engine import Engine
from service.engine.executor import SAMPLE
from service.engine.rows import Row
from service.engine.runner import Key
from service.settings import Settings
from service.telemetry import Telemetry

pytestmark = pytest.mark.anyio

DISTINCT = 24
"""Inputs of each operation."""
ARGUMENTS = {
    "decode": ("latents",),
    "log_prior": ("latents",),
    "stages": ("latents",),
    "encode": ("picture",),
    "center": ("statistics",),
    "scale": ("statistics",),
    "divergence": ("statistics",),
    "draw": ("statistics", "noise"),
    "log_weights": ("picture", "statistics", "noise"),
}


class Batches(Telemetry):
    """Counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def batch_ran(self, rows: int, padding: int, seconds: float) -> None:
        self.count += 1


@asynccontextmanager
async def started(store: Path, batches: Batches) -> AsyncIterator[Engine]:
    engine = await Engine.start(Settings(store=store, deadline_s=600), batches)
    try:
        yield engine
    finally:
        await engine.close()


async def run(engine: Engine, key: Key, rows: Sequence[Row], client: str = "") -> list[Floats]:
    return await engine._batcher.submit(key, rows, client=client)


async def inputs_of(engine: Engine, model: ServedModel) -> dict[str, list[Row]]:
    """For each operation of the model, inputs that its warm-up has not seen."""
    latents = [(row,) for row in normals(7, range(DISTINCT), model.latent_dim)]
    decoded = await run(engine, (model.digest, "decode"), latents)
    columns: dict[str, list[Floats]] = {
        "latents": [row for (row,) in latents],
        "noise": list(normals(8, range(DISTINCT), model.latent_dim)),
        "picture": [np.round(picture) for picture in decoded],
    }
    operations = {*model.numerics["batch_sizes"], *model.numerics.get("graphs", ()), *model.numerics.get("kernels", ())}
    if "encode" in operations:
        pictures = [(picture,) for picture in columns["picture"]]
        columns["statistics"] = await run(engine, (model.digest, "encode"), pictures)
    rows: dict[str, list[Row]] = {
        operation: list(zip(*(columns[name] for name in ARGUMENTS[operation]), strict=True)) for operation in operations
    }
    rows[SAMPLE] = [*packed([(9, number) for number in range(DISTINCT)])]
    return rows


async def differing_bytes(store: Path, *, wanted: int, restarts: int) -> tuple[int, int]:
    """Of so many batches of random requests: how many there were, and how many results differed from those alone."""
    chance, batches = random.Random(1), Batches()
    async with started(store, batches) as engine:
        models = list(engine.catalog.values())
        inputs = {(m.digest, name): rows for m in models for name, rows in (await inputs_of(engine, m)).items()}
        alone = {key: [(await run(engine, key, [row]))[0].tobytes() for row in rows] for key, rows in inputs.items()}
    differing, batches.count = 0, 0
    for start in range(restarts):
        async with started(store, batches) as engine:
            while batches.count < wanted * (start + 1) // restarts:
                keys = chance.sample(list(inputs), 2)
                asked = [
                    visit(engine, chance.choice(keys), inputs, alone, chance) for _ in range(chance.randint(1, 12))
                ]
                differing += sum(await asyncio.gather(*asked))
    return batches.count, differing


async def visit(
    engine: Engine,
    key: Key,
    inputs: dict[Key, list[Row]],
    alone: dict[Key, list[bytes]],
    chance: random.Random,
) -> int:
    """A request of random rows in random order; how many of its results are not what they are alone."""
    numbers = chance.choices(range(DISTINCT), k=chance.choice([1, 1, 2, 5, 8, 9, chance.randint(1, 80)]))
    results = await run(engine, key, [inputs[key][number] for number in numbers], client=str(chance.randrange(3)))
    return sum(result.tobytes() != alone[key][number] for result, number in zip(results, numbers, strict=True))


async def test_batching_is_invisible_in_the_bytes_of_two_shipped_models(tmp_path: Path) -> None:
    """Every operation of one that encodes and of one that does not; the engine is started anew in between."""
    for name in ("fashion-vae-2d", "fashion-dcgan"):
        pointer = SHIPPED / f"{name}.json"
        checkpoint = Path(json.loads(pointer.read_text())["file"])
        for file in (pointer, *SHIPPED.glob(f"{checkpoint.stem}.*")):
            shutil.copy(file, tmp_path)

    count, differing = await differing_bytes(tmp_path, wanted=60, restarts=2)

    assert count >= 60
    assert differing == 0


@pytest.mark.slow
async def test_batching_is_invisible_in_the_bytes_of_every_shipped_model() -> None:
    """Two thousand batches of all operations, five starts of the engine."""
    count, differing = await differing_bytes(SHIPPED, wanted=2000, restarts=5)

    assert count >= 2000
    assert differing == 0
