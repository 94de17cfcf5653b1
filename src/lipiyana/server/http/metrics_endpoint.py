"""The HTTP port for monitoring: `/metrics` for Prometheus, and `/ready` for probes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from lipiyana.errors import InvalidRequest
from lipiyana.server.http.small_http import Answer, SmallHttpServer
from lipiyana.server.tuning import HTTP

_PLAIN = "text/plain; charset=utf-8"


class MetricsEndpoint:
    """Answers on a thread of its own until it is closed."""

    def __init__(
        self, registry: CollectorRegistry, is_ready: Callable[[], bool], host: str, port: int
    ) -> None:
        """Listen; port 0 leaves the choice to the system.

        Raises:
            InvalidRequest: the port is taken or the host is not this machine's (PORT_IN_USE).
        """
        answers: Mapping[str, Callable[[], Answer]] = {
            "/metrics": Exposition(lambda: generate_latest(registry)),
            "/ready": lambda: (
                Answer(HTTPStatus.OK, _PLAIN, b"ready\n")
                if is_ready()
                else Answer(HTTPStatus.SERVICE_UNAVAILABLE, _PLAIN, b"not ready\n")
            ),
        }
        try:
            self._server = SmallHttpServer(host, port, answers)
        except OSError as error:
            raise InvalidRequest(
                f"metrics cannot be served at {host}:{port}: {_plain(error)}; "
                "choose another `metrics_port` or `host`",
                field="metrics_port",
                reason="PORT_IN_USE",
            ) from None
        self.port = self._server.port

    def close(self) -> None:
        """Stop listening. May be called again."""
        self._server.close()


def _plain(error: OSError) -> str:
    # asyncio adds what it was doing to the system's words
    number = error.errno or 0  # a name that nobody knows has one below 0
    return os.strerror(number) if number > 0 else str(error)


class Exposition:
    """The metrics in the format of Prometheus; if requested too often, the last ones again."""

    def __init__(
        self, make: Callable[[], bytes], *, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._make = make
        self._timer = timer
        self._paid_until = 0.0
        self._last = b""

    def __call__(self) -> Answer:
        """Answer one request."""
        now = self._timer()
        if self._paid_until - now < HTTP.fresh_at_once / HTTP.fresh_per_second or not self._last:
            self._paid_until = max(self._paid_until, now) + 1 / HTTP.fresh_per_second
            self._last = self._make()
        return Answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, self._last)
