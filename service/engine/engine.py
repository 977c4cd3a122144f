"""What the models do for callers, on arrays: latents, decode, encode, reconstruct, score. No HTTP.

An operation is a few calls of the batcher; the rows of all callers share its batches. No answer depends on who else is
calling: the noise of a request comes from its own seeds, and the runner keeps the bits of a row apart from its batch.
"""

import asyncio
import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from models_store import Store
from models_store.latents import Floats, Stream, normals, packed
from models_store.likelihoods import Domain
from models_store.pixels import Bytes
from service.engine.activity import probes, variances
from service.engine.batcher import Batcher, Observer
from service.engine.catalog import Catalog, ServedModel
from service.engine.cpu_runner import CpuRunner
from service.engine.executor import SAMPLE, ArrayBatcher, ArrayRequest, InferenceThreads
from service.engine.request import Answer
from service.engine.rows import Draw, Row, latents_of
from service.engine.runner import Runner, TorchRunner
from service.engine.scoring import Score, ScoreOptions, data_of, summarize
from service.settings import Settings
from service.work import current_work

logger = logging.getLogger("latentserve")

MANY_SEEDS = 64
"""Above so many seeds their latents take milliseconds, too long for the event loop."""
QUEUE_SHARE = 0.5
"""Of the deadline: more work than that does not wait, so that what is taken can be done in time."""


@dataclass(frozen=True)
class Encoding:
    """What an encoder found for images: latents (N, D), and their standard deviations where q(z|x) is normal."""

    latents: Floats
    scale: Floats | None


class Engine:
    """Owns the inference threads; all methods are called on the event loop."""

    def __init__(self, catalog: Catalog, executor: InferenceThreads, *, settings: Settings, observer: Observer) -> None:
        self.catalog = catalog
        self.draining = False
        self._executor = executor
        self._deadline_s = settings.deadline_s
        self._batcher: ArrayBatcher = Batcher(
            executor,
            max_batch=settings.max_batch,
            max_queue_rows=settings.queue_rows,
            max_queue_s=QUEUE_SHARE * settings.deadline_s,
            observer=observer,
        )
        self._activities: dict[str, asyncio.Future[Floats]] = {}

    @classmethod
    async def start(cls, settings: Settings, observer: Observer) -> "Engine":
        """Loads the store and warms every model up. Raises CheckpointError if there is no store."""
        started = time.perf_counter()
        catalog, runner = await asyncio.to_thread(_load, settings)
        for name, reason in catalog.rejected.items():
            logger.error("checkpoint refused name=%s reason=%s", name, reason)
        logger.info("models loaded count=%d seconds=%.2f", len(catalog), time.perf_counter() - started)
        return cls(catalog, InferenceThreads(runner), settings=settings, observer=observer)

    async def close(self) -> None:
        """Answers what is queued, then stops the inference threads."""
        await self._batcher.close()
        self._executor.close()

    @property
    def queued_rows(self) -> int:
        """Rows that wait for an inference thread."""
        return self._batcher.queued_rows

    async def not_ready_because(self) -> str | None:
        """None if the service can do its work; a failed forward pass is tried again here."""
        if self.draining:
            return "draining"
        if not self.catalog:
            return "no usable model in the store"
        if self._executor.last_run_failed:
            model = next(iter(self.catalog.values()))
            try:
                await self.decode(model, np.zeros((1, model.latent_dim), dtype=np.float32))
            except Exception:  # noqa: BLE001  # whatever it was, the answer is that we are not ready
                return "the last forward pass failed"
        return None

    async def latents(self, model: ServedModel, draws: Sequence[Draw], *, temperature: float = 1.0) -> Floats:
        """The latents of (seed, index) pairs, scaled by the temperature, (N, D)."""
        if len(draws) > MANY_SEEDS:
            return await asyncio.to_thread(latents_of, draws, model.latent_dim, temperature)
        return latents_of(draws, model.latent_dim, temperature)

    def require_room(self, model: ServedModel, rows: int) -> None:
        """Raises QueueFull now if so many images would be refused later: a refusal should cost nothing before."""
        self._batcher.require_room((model.digest, "decode"), rows, client=current_work().client)

    async def sample(self, model: ServedModel, draws: Sequence[Draw], *, temperature: float = 1.0) -> Bytes:
        """The images of (seed, index) pairs as levels (N, H, W, C): `decode` of `latents`, rounded."""
        rows = packed(draws, temperature)
        return await self._step(model, SAMPLE, rows, self._deadline())

    def order(
        self,
        model: ServedModel,
        draws: Sequence[Draw],
        answer: Answer[NDArray[Any]],
        *,
        temperature: float,
        client: str,
    ) -> ArrayRequest:
        """As `sample`, but the levels (H, W, C) of each go to `answer`, who releases the request then.

        Raises QueueFull and ShuttingDown.
        """
        rows = packed(draws, temperature)
        return self._batcher.enqueue((model.digest, SAMPLE), rows, answer, client=client, timeout_s=self._deadline_s)

    def release(self, request: ArrayRequest) -> None:
        """Its rows that have not begun never will."""
        self._batcher.release(request)

    async def decode(self, model: ServedModel, latents: Floats) -> Floats:
        """Latents (N, D) -> images (N, C, H, W) in [0, 1]."""
        self.catalog.require(model, "decode")
        return await self._step(model, "decode", _rows(latents), self._deadline())

    async def stages(self, model: ServedModel, latents: Floats) -> Floats:
        """Latents (N, D) -> the image after each stage of its making, (N, T, C, H, W) in [0, 1]."""
        self.catalog.require(model, "stage")
        return await self._step(model, "stages", _rows(latents), self._deadline())

    async def activity(self, model: ServedModel) -> Floats:
        """The variance of a picture's pixels by each latent alone, (D,); made once, for all who ask meanwhile."""
        known = self._activities.get(model.digest)
        if known is None or (known.done() and (known.cancelled() or known.exception())):
            known = self._activities[model.digest] = asyncio.ensure_future(self._activity(model))
        # Whoever leaves does not take it from the others.
        return await asyncio.shield(known)

    async def _activity(self, model: ServedModel) -> Floats:
        return variances(await self.decode(model, probes(model.latent_dim)), model.latent_dim)

    async def log_prior(self, model: ServedModel, latents: Floats) -> Floats:
        """Latents (N, D) -> log p(z) in nats under the model's prior, (N,)."""
        return await self._step(model, "log_prior", _rows(latents), self._deadline())

    async def encode(self, model: ServedModel, images: Floats, *, seed: int | None = None) -> Encoding:
        """Images (N, C, H, W) in [0, 1] -> the posterior's center, or with a seed one draw from it."""
        self.catalog.require(model, "encode")
        deadline = self._deadline()
        statistics = await self._step(model, "encode", _rows(images), deadline)
        scale = await self._step(model, "scale", _rows(statistics), deadline) if model.normal_posterior else None
        if seed is None:
            return Encoding(await self._step(model, "center", _rows(statistics), deadline), scale)
        noise = normals(seed, [0], model.latent_dim, stream=Stream.POSTERIOR)[0]
        return Encoding(await self._step(model, "draw", [(row, noise) for row in statistics], deadline), scale)

    async def reconstruct(self, model: ServedModel, images: Floats) -> Floats:
        """Images (N, C, H, W) in [0, 1] -> what the decoder makes of their posteriors' centers, same shape."""
        self.catalog.require(model, "reconstruct")
        deadline = self._deadline()
        statistics = await self._step(model, "encode", _rows(images), deadline)
        latents = await self._step(model, "center", _rows(statistics), deadline)
        return await self._step(model, "decode", _rows(latents), deadline)

    async def score(self, model: ServedModel, images: Floats, options: ScoreOptions) -> tuple[list[Score], str]:
        """Images (N, C, H, W) in [0, 1] -> a score each, and how they were brought into the likelihood's domain.

        Draw j of every image uses noise j of the seed, so a score does not depend on the other images.
        """
        self.catalog.require(model, "score")
        deadline = self._deadline()

        def drawn() -> tuple[Floats, str, Floats]:
            noise = normals(options.seed, range(options.draws), model.latent_dim, stream=Stream.POSTERIOR)
            return *data_of(images, cast("Domain", model.domain), options), noise

        # Five thousand draws for 784 latents take a sixth of a second, which is not the event loop's to spend.
        data, how, noise = await asyncio.to_thread(drawn)
        statistics = await self._step(model, "encode", _rows(data), deadline)
        pairs = list(zip(data, statistics, strict=True))
        terms = await self._step(model, "log_weights", [(*pair, row) for pair in pairs for row in noise], deadline)
        closed_form = options.per_dimension and model.closed_form_divergence
        divergences = await self._step(model, "divergence", _rows(statistics), deadline) if closed_form else None

        def summaries() -> list[Score]:
            rows = divergences if divergences is not None else [None] * len(images)
            weights = terms.reshape(len(images), options.draws, 3)
            return [summarize(row, model, options, row_kl) for row, row_kl in zip(weights, rows, strict=True)]

        # Neither is the second that a few thousand small pictures take.
        return await asyncio.to_thread(summaries), how

    def _deadline(self) -> float:
        """When a request that begins now has to be done, by the monotonic clock."""
        return time.monotonic() + self._deadline_s

    async def _step(self, model: ServedModel, operation: str, rows: Sequence[Row], deadline: float) -> NDArray[Any]:
        """One operation on the rows of one request; the results stacked."""
        left_s = max(0.0, deadline - time.monotonic())
        client = current_work().client
        results = await self._batcher.submit((model.digest, operation), rows, client=client, timeout_s=left_s)
        return np.stack(results) if len(results) > 1 else results[0][None]


def _rows(batch: Floats) -> list[Row]:
    """A batch (N, …) as rows of one input each."""
    return [(row,) for row in batch]


def _load(settings: Settings) -> tuple[Catalog, Runner]:
    store = Store.load(settings.store)
    runner = _runner(store, settings)
    runner.warm_up()
    with torch.inference_mode():
        return Catalog.of(store, runner, default=settings.default_model), runner


def _runner(store: Store, settings: Settings) -> Runner:
    device = _device(settings.device)
    if device == "cpu" and settings.graphs:
        options = {"threads": settings.threads, "max_batch": settings.max_batch, "workers": _workers(settings)}
        return CpuRunner(store.values(), **options)
    return TorchRunner(store.values(), device=device, threads=settings.threads, max_batch=settings.max_batch)


def _workers(settings: Settings) -> int:
    return settings.workers or _usable_cores()


def _usable_cores() -> int:
    """Those that this process may use, of a machine that may have more."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _device(wanted: str) -> str:
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return wanted
