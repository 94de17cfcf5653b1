"""Prometheus metrics of one server. No label and no value ever has text of a picture."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from lipiyana.errors import InvalidRequest
from lipiyana.types import CacheOutcome

if TYPE_CHECKING:
    from wsgiref.simple_server import WSGIServer

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds; from a cache hit to a picture that waited long."""


class Metrics:
    """Counts calls and cache outcomes; `expose` shows them over HTTP."""

    def __init__(self, accepted: Callable[[], int]) -> None:
        """Start from zero; `accepted` says how many pictures wait or are computed."""
        self.registry = CollectorRegistry()
        self._calls = Counter(
            "lipiyana_requests", "Calls that ended.", ["rpc", "code"], registry=self.registry
        )
        self._seconds = Histogram(
            "lipiyana_request_seconds",
            "Duration of calls that are not streams.",
            ["rpc"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._outcomes = Counter(
            "lipiyana_cache_outcomes", "Pictures answered.", ["outcome"], registry=self.registry
        )
        pictures = Gauge(
            "lipiyana_pictures_accepted", "Pictures that wait or run.", registry=self.registry
        )
        pictures.set_function(accepted)
        self._http: tuple[WSGIServer, Thread] | None = None

    def call_ended(self, rpc: str, code: str, seconds: float | None) -> None:
        """Count a call; `code` is the name of its gRPC status, `seconds` is None for streams."""
        self._calls.labels(rpc, code).inc()
        if seconds is not None:
            self._seconds.labels(rpc).observe(seconds)

    def answered(self, outcome: CacheOutcome) -> None:
        """Count a picture that was answered."""
        self._outcomes.labels(outcome.value).inc()

    def expose(self, host: str, port: int) -> int:
        """Serve the metrics over HTTP; the port comes back, which 0 leaves to the system.

        Raises:
            InvalidRequest: the port is taken or the host is not this machine's (PORT_IN_USE).
        """
        try:
            self._http = start_http_server(port, addr=host, registry=self.registry)
        except OSError as error:
            raise InvalidRequest(
                f"metrics cannot be served at {host}:{port}: {error.strerror or error}",
                field="metrics_port",
                reason="PORT_IN_USE",
            ) from None
        return int(self._http[0].server_port)

    def close(self) -> None:
        """Stop serving over HTTP."""
        if self._http is not None:
            server, thread = self._http
            server.shutdown()
            server.server_close()
            thread.join()
            self._http = None
