"""What the service measures about itself, in a Prometheus registry of its own; labels come from closed sets."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from service.engine.catalog import ServedModel
from service.work import current_work

SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Telemetry:
    """The metrics, and the batcher's observer."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._registry = registry
        self._requests = Counter(
            "latentserve_requests", "Answers by route and status", ["route", "status"], registry=registry
        )
        self._latency = Histogram(
            "latentserve_request_seconds",
            "From the request to its answer",
            ["route"],
            buckets=SECONDS,
            registry=registry,
        )
        self._stages = Histogram(
            "latentserve_stage_seconds",
            "Of one request: waiting for the model, in the model, encoding and decoding files",
            ["stage"],
            buckets=SECONDS,
            registry=registry,
        )
        self._batch_rows = Histogram(
            "latentserve_batch_rows", "Rows of a batch, without padding", buckets=ROWS, registry=registry
        )
        self._batch_seconds = Histogram(
            "latentserve_batch_seconds", "Forward pass of a batch", buckets=SECONDS, registry=registry
        )
        self._padding = Counter("latentserve_padding_rows", "Rows computed for nobody", registry=registry)
        self._rejections = Counter(
            "latentserve_rejections", "Requests that got no answer, by reason", ["reason"], registry=registry
        )
        self._files = Counter(
            "latentserve_files",
            "Files of answers: made, shared with a request that was having the same one made, or kept from before",
            ["source"],
            registry=registry,
        )
        self._models = Gauge(
            "latentserve_model_info", "1 for each model", ["model", "digest", "kind"], registry=registry
        )
        self._stage = {name: self._stages.labels(name) for name in ("queue", "model", "encode")}
        self._by_source = {name: self._files.labels(name) for name in ("made", "shared", "kept")}
        self._by_answer: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self._queue = Gauge("latentserve_queue_rows", "Rows that wait for the inference thread", registry=registry)

    def batch_ran(self, rows: int, padding: int, seconds: float) -> None:
        self._batch_rows.observe(rows)
        self._padding.inc(padding)
        self._batch_seconds.observe(seconds)

    def request_done(self, queue_s: float, run_s: float) -> None:
        work = current_work()
        work.queue_s += queue_s
        work.model_s += run_s

    def request_refused(self, reason: str) -> None:
        self._rejections.labels(reason).inc()

    def file_given(self, source: str) -> None:
        self._by_source[source].inc()

    def model_served(self, model: ServedModel) -> None:
        """Shows the model in `latentserve_model_info`."""
        self._models.labels(model.name, model.digest, model.kind).set(1)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """One answer of a route template; the stages are those of the current request."""
        count, latency = self._children(route, status)
        count.inc()
        latency.observe(seconds)
        work = current_work()
        for stage, spent in (("queue", work.queue_s), ("model", work.model_s), ("encode", work.encode_s)):
            if spent:
                self._stage[stage].observe(spent)

    def _children(self, route: str, status: int) -> tuple[Counter, Histogram]:
        """Found once: to find them takes longer than to count."""
        if (route, status) not in self._by_answer:
            children = self._requests.labels(route, str(status)), self._latency.labels(route)
            self._by_answer[route, status] = children
        return self._by_answer[route, status]

    def exposition(self, queued_rows: int) -> bytes:
        """The text that Prometheus reads."""
        self._queue.set(queued_rows)
        return generate_latest(self._registry)
