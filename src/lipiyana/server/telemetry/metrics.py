"""Prometheus metrics of one server. No label and no value contains text of a picture.

They work in one process, and in several processes that share the folder of
`PROMETHEUS_MULTIPROC_DIR`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from lipiyana.drift.comparison import Difference
from lipiyana.types import ModelInfo, Recognition

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Bucket bounds in seconds, from a cache hit to a picture that waited long."""

ROWS = (1, 2, 4, 8, 16, 32, 64)
"""Bucket bounds for the rows of one run of a model."""


class Metrics:
    """Counts calls, pictures and runs of models; the observer of the pool and of the caches.

    Attributes:
        registry: has all metrics.
        waiting: number of pictures that wait.
    """

    def __init__(self) -> None:
        """Start from zero."""
        self.registry = CollectorRegistry()
        self._calls = Counter(
            "lipiyana_requests", "Calls that ended.", ["rpc", "code"], registry=self.registry
        )
        self._seconds = self._histogram(
            "lipiyana_request_seconds", "Duration of calls that are not streams.", "rpc"
        )
        self._stages = self._histogram(
            "lipiyana_stage_seconds", "Duration of the stages of pictures computed.", "stage"
        )
        self._waits = self._histogram(
            "lipiyana_queue_wait_seconds", "How long pictures waited before they were begun."
        )
        self._rows = Histogram(
            "lipiyana_batch_rows",
            "Inputs that one run of a model took together.",
            ["model"],
            buckets=ROWS,
            registry=self.registry,
        )
        self._outcomes = Counter(
            "lipiyana_cache_outcomes", "Pictures answered.", ["outcome"], registry=self.registry
        )
        self._look_ups = Counter(
            "lipiyana_shared_cache_look_ups", "By result.", ["result"],
            registry=self.registry,
        )  # fmt: skip
        self._writes = Counter(
            "lipiyana_shared_cache_writes", "By result.", ["result"],
            registry=self.registry,
        )  # fmt: skip
        self._waiting = self._gauge("lipiyana_queue_pictures", "Pictures that wait.")
        self._running = self._gauge("lipiyana_running_pictures", "Pictures that are computed.")
        self._size = self._gauge(
            "lipiyana_accepted_bytes", "Bytes of the pictures that wait or are computed."
        )
        self._inferences = Counter(
            "lipiyana_inference_calls", "Runs of models on another server, by status.",
            ["model", "code"], registry=self.registry,
        )  # fmt: skip
        self._inference_seconds = self._histogram(
            "lipiyana_inference_seconds", "Duration of these runs.", "model"
        )
        self._inference_bytes = Counter(
            "lipiyana_inference_bytes", "Bytes of these runs.", ["model", "direction"],
            registry=self.registry,
        )  # fmt: skip
        self._fallbacks = Counter(
            "lipiyana_inference_fallbacks", "Runs that this server computed instead.", ["model"],
            registry=self.registry,
        )  # fmt: skip
        self._inference_ready = Gauge(
            "lipiyana_inference_ready",
            "1 if the server of models can run all models.",
            registry=self.registry,
            multiprocess_mode="livemin",
        )
        self._drift_pictures = Counter(
            "lipiyana_drift_pictures", "Pictures that the watch for drift counted.", ["camera"],
            registry=self.registry,
        )  # fmt: skip
        self._drift_repeated = Counter(
            "lipiyana_drift_repeated_pictures",
            "Pictures that were not counted, because an equal one was just there.",
            ["camera"],
            registry=self.registry,
        )
        self._drift_reference = Gauge(
            "lipiyana_drift_reference_outdated",
            "1 if drift_reference is of other models, so that nothing is compared with it.",
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self._drift_signals = Gauge(
            "lipiyana_drift_signals",
            "Signals of pictures and answers that have drifted.",
            ["camera"],
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self._drift_psi = Gauge(
            "lipiyana_drift_psi",
            "Population stability index of a signal, less what chance adds.",
            ["camera", "signal", "against"],
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self._models = Gauge(
            "lipiyana_model_info",
            "1 for each model that may take part, 0 after a reload without it.",
            ["name", "version", "sha256"],
            registry=self.registry,
            multiprocess_mode="livemax",
        )

        self._reloads = Counter(
            "lipiyana_reloads", "Reloads of the models, by result.", ["result"],
            registry=self.registry,
        )  # fmt: skip
        self._shadow = Counter(
            "lipiyana_shadow_pictures", "Pictures for the challenger, by outcome.", ["outcome"],
            registry=self.registry,
        )  # fmt: skip
        self._differences = Counter(
            "lipiyana_shadow_differences", "Pictures that it reads differently, by kind.",
            ["kind"], registry=self.registry,
        )  # fmt: skip
        self.waiting = 0
        self._known: set[tuple[str, str, str]] = set()

    def reloaded(self, result: str) -> None:
        """Count a reload: `ok` or `failed`."""
        self._reloads.labels(result).inc()

    def shadowed(self, outcome: str, kinds: Sequence[str] = ()) -> None:
        """Count a picture of the challenger; see `ShadowObserver`."""
        self._shadow.labels(outcome).inc()
        for kind in kinds:
            self._differences.labels(kind).inc()

    def call_ended(self, rpc: str, code: str, seconds: float | None) -> None:
        """Count a call; `code` is the name of its gRPC status, `seconds` is None for streams."""
        self._calls.labels(rpc, code).inc()
        if seconds is not None:
            self._seconds.labels(rpc).observe(seconds)

    def answered(self, value: Recognition) -> None:
        """Record the stages of an answered picture; a cached one has none."""
        for stage, seconds in value.timings.items():
            self._stages.labels(stage).observe(seconds)

    def cache_outcome(self, outcome: str) -> None:
        """Count a picture that was answered; see `CacheObserver`."""
        self._outcomes.labels(outcome).inc()

    def shared_look_up(self, result: str) -> None:
        """Count a look-up in the shared cache; see `SharedCacheObserver`."""
        self._look_ups.labels(result).inc()

    def shared_write(self, result: str) -> None:
        """Count a write to the shared cache; see `SharedCacheObserver`."""
        self._writes.labels(result).inc()

    def models(self, models: Iterable[ModelInfo]) -> None:
        """Record the models that may be used; those before are 0 from now on."""
        now = {(model.name, model.version, model.sha256) for model in models}
        for labels in self._known - now:
            self._models.labels(*labels).set(0)
        for labels in now:
            self._models.labels(*labels).set(1)
        self._known |= now

    def ran(self, model: str, rows: int) -> None:
        """Count a run of a model."""
        self._rows.labels(model).observe(rows)

    def inference_ended(
        self, model: str, code: str, seconds: float, sent: int, received: int
    ) -> None:
        """Count a run on another server; see `InferenceObserver`."""
        self._inferences.labels(model, code).inc()
        self._inference_seconds.labels(model).observe(seconds)
        self._inference_bytes.labels(model, "sent").inc(sent)
        self._inference_bytes.labels(model, "received").inc(received)

    def inference_fell_back(self, model: str) -> None:
        """Count a run that was computed here instead."""
        self._fallbacks.labels(model).inc()

    def inference_ready(self, ready: bool) -> None:
        """Record whether the server of models can run all models."""
        self._inference_ready.set(ready)

    def drift_observed(self, camera: str) -> None:
        """Count a picture; see `DriftObserver`."""
        self._drift_pictures.labels(camera).inc()
        self._drift_signals.labels(camera)  # 0 until something is flagged

    def drift_repeated(self, camera: str) -> None:
        """Count a picture that repeats one before it; see `DriftObserver`."""
        self._drift_repeated.labels(camera).inc()

    def drift_reference(self, outdated: bool) -> None:
        """Record whether the reference is of other models than those that read."""
        self._drift_reference.set(outdated)

    def drift_compared(
        self, camera: str, differences: Mapping[str, tuple[Difference, ...]], flagged: int
    ) -> None:
        """Show how the newest pictures differ; see `DriftObserver`."""
        self._drift_signals.labels(camera).set(flagged)
        for against, found in differences.items():
            for one in found:
                self._drift_psi.labels(camera, one.signal, against).set(one.psi)

    def queue_changed(self, waiting: int, running: int, size: int) -> None:
        """Record the numbers of waiting and running pictures, and their bytes."""
        self.waiting = waiting
        self._waiting.set(waiting)
        self._running.set(running)
        self._size.set(size)

    def waited(self, seconds: float) -> None:
        """Record how long a picture waited before it was started."""
        self._waits.observe(seconds)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(name, text, labels, buckets=BUCKETS, registry=self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self.registry, multiprocess_mode="livesum")
