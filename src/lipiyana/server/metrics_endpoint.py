"""The HTTP port for whoever watches a server: `/metrics`, and `/ready` for probes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from lipiyana.errors import InvalidRequest

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

        class Handler(_Handler):
            answers = {  # noqa: RUF012
                "/metrics": lambda: (HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(registry)),
                "/ready": lambda: (
                    (HTTPStatus.OK, _PLAIN, b"ready\n")
                    if is_ready()
                    else (HTTPStatus.SERVICE_UNAVAILABLE, _PLAIN, b"not ready\n")
                ),
            }

        class Server(ThreadingHTTPServer):
            address_family = AF_INET6 if ":" in host else AF_INET

        try:
            self._server = Server((host, port), Handler)
        except OSError as error:
            raise InvalidRequest(
                f"metrics cannot be served at {host}:{port}: {error.strerror or error}",
                field="metrics_port",
                reason="PORT_IN_USE",
            ) from None
        self.port = int(self._server.server_port)
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="lipiyana-metrics", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening. May be called again."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    answers: dict[str, Callable[[], tuple[HTTPStatus, str, bytes]]]
    timeout = 10.0

    def do_GET(self) -> None:
        answer = self.answers.get(self.path.partition("?")[0])
        if answer is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        status, kind, body = answer()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: a probe comes every few seconds."""
