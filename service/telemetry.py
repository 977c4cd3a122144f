"""What the service measures about itself, as Prometheus reads it; labels come from closed sets."""

from collections import defaultdict
from collections.abc import Iterator
from functools import partial

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from service.engine.catalog import ServedModel
from service.tallies import Distribution, Labels, counter, histogram
from service.work import Work, current_work

SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
STAGES = ("queue", "model", "encode")
SOURCES = ("made", "shared", "kept")
MOST_NOTED = 1024
"""Answers and batches until their times are sorted into buckets, in a third of a millisecond."""


class Telemetry(Collector):
    """The metrics, and the batcher's observer; all of it belongs to the event loop's thread."""

    def __init__(self) -> None:
        self._requests: defaultdict[Labels, int] = defaultdict(int)
        self._latency: defaultdict[Labels, Distribution] = defaultdict(partial(Distribution, SECONDS))
        self._stages: dict[Labels, Distribution] = {(name,): Distribution(SECONDS) for name in STAGES}
        self._queue, self._model, self._encode = self._stages.values()
        self._batch_rows = Distribution(ROWS)
        self._batch_seconds = Distribution(SECONDS)
        self._padding = 0
        self._noted = 0
        self._rejections: defaultdict[Labels, int] = defaultdict(int)
        self._files: dict[Labels, int] = {(source,): 0 for source in SOURCES}
        self._models: list[Labels] = []
        self._queued_rows = 0
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def batch_ran(self, rows: int, padding: int, seconds: float) -> None:
        self._batch_rows.observe(rows)
        self._padding += padding
        self._batch_seconds.observe(seconds)
        self._note()

    def request_done(self, queue_s: float, run_s: float) -> None:
        work = current_work()
        work.queue_s += queue_s
        work.model_s += run_s

    def request_refused(self, reason: str) -> None:
        self._rejections[(reason,)] += 1

    def file_given(self, source: str) -> None:
        self._files[(source,)] += 1

    def model_served(self, model: ServedModel) -> None:
        """Shows the model in `latentserve_model_info`."""
        self._models.append((model.name, model.digest, model.kind))

    def answered(self, route: str, status: int, seconds: float, work: Work) -> None:
        """One answer of a route template, and where its time went."""
        self._requests[route, str(status)] += 1
        self._latency[(route,)].observe(seconds)
        if work.queue_s:
            self._queue.observe(work.queue_s)
        if work.model_s:
            self._model.observe(work.model_s)
        if work.encode_s:
            self._encode.observe(work.encode_s)
        self._note()

    def _note(self) -> None:
        self._noted += 1
        if self._noted >= MOST_NOTED:
            self._noted = 0
            for each in (*self._latency.values(), *self._stages.values(), self._batch_rows, self._batch_seconds):
                each.sort_in()

    def exposition(self, queued_rows: int) -> bytes:
        """The text that Prometheus reads."""
        self._queued_rows = queued_rows
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        yield counter("latentserve_requests", "Answers by route and status", ["route", "status"], self._requests)
        yield histogram("latentserve_request_seconds", "From the request to its answer", ["route"], self._latency)
        yield histogram(
            "latentserve_stage_seconds",
            "Of one request: waiting for the model, in the model, encoding and decoding files",
            ["stage"],
            self._stages,
        )
        yield histogram("latentserve_batch_rows", "Rows of a batch, without padding", [], {(): self._batch_rows})
        yield histogram("latentserve_batch_seconds", "Forward pass of a batch", [], {(): self._batch_seconds})
        yield counter("latentserve_padding_rows", "Rows computed for nobody", [], {(): self._padding})
        yield counter("latentserve_rejections", "Requests that got no answer, by reason", ["reason"], self._rejections)
        yield counter(
            "latentserve_files",
            "Files of answers: made, shared with a request that was having the same one made, or kept from before",
            ["source"],
            self._files,
        )
        models = GaugeMetricFamily("latentserve_model_info", "1 for each model", labels=["model", "digest", "kind"])
        for labels in self._models:
            models.add_metric(labels, 1)
        yield models
        yield GaugeMetricFamily("latentserve_queue_rows", "Rows that wait for an inference thread", self._queued_rows)
