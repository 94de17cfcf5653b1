"""The HTTP port for monitoring: `/metrics` for Prometheus, and `/ready` for probes.

`SmallHttpServer` gives the short answers. It limits connections, and hostile clients cannot block
it.
"""

from __future__ import annotations

import logging
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from lipiyana.errors import InvalidRequest
from lipiyana.server.tuning import HTTP

_END = b"\r\n\r\n"
_PLAIN = "text/plain; charset=utf-8"
_log = logging.getLogger("lipiyana.server")


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a path."""

    status: HTTPStatus
    kind: str
    body: bytes


@dataclass(slots=True)
class _Connection:
    """One request and its answer."""

    socket: socket.socket
    deadline: float
    request: bytearray = field(default_factory=bytearray)
    unsent: memoryview | None = None


class SmallHttpServer:
    """Answers GET requests on its own thread, one request per connection.

    A connection is read as soon as it is accepted. If its request has already arrived, it is
    answered at once, so stalled connections cannot delay it.
    """

    def __init__(self, host: str, port: int, answers: Mapping[str, Callable[[], Answer]]) -> None:
        """Listen; port 0 chooses a free port.

        Args:
            host: address to listen on.
            port: TCP port.
            answers: by path, functions that are called on the server's thread.

        Raises:
            OSError: the port is in use, or the host is not an address of this machine.
        """
        self._answers = answers
        is_ipv6 = ":" in host
        self._listener = socket.create_server(
            (host, port),
            family=socket.AF_INET6 if is_ipv6 else socket.AF_INET,
            backlog=HTTP.backlog,
            dualstack_ipv6=is_ipv6 and socket.has_dualstack_ipv6(),
        )
        self._listener.setblocking(False)
        self.port = int(self._listener.getsockname()[1])
        self._open: dict[socket.socket, _Connection] = {}  # oldest first
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._stop, self._stopped = socket.socketpair()
        self._selector.register(self._stopped, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._serve, name="lipiyana-metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening. May be called again."""
        self._stop.close()
        self._thread.join()

    def _serve(self) -> None:
        with self._selector, self._listener, self._stopped:
            while True:
                ready = {key.fileobj for key, _ in self._selector.select(self._time_left())}
                if self._stopped in ready:
                    break
                for connection in [c for c in self._open.values() if c.socket in ready]:
                    self._transfer(connection)
                if self._listener in ready:
                    self._accept()
                for connection in tuple(self._open.values()):
                    if connection.deadline > time.monotonic():
                        break
                    self._drop(connection)
            for connection in tuple(self._open.values()):
                self._drop(connection)

    def _time_left(self) -> float | None:
        """Seconds until the oldest connection reaches its deadline."""
        oldest = next(iter(self._open.values()), None)
        return None if oldest is None else max(0.0, oldest.deadline - time.monotonic())

    def _accept(self) -> None:
        for _ in range(HTTP.max_connections):  # then serve the open connections
            try:
                accepted, _address = self._listener.accept()
            except BlockingIOError:  # no more connections
                return
            except OSError:  # no file descriptor is free, or the client has disconnected
                time.sleep(HTTP.no_file_seconds)
                return
            accepted.setblocking(False)
            connection = _Connection(accepted, time.monotonic() + HTTP.connection_seconds)
            self._open[accepted] = connection
            self._selector.register(accepted, selectors.EVENT_READ)
            self._transfer(connection)
            if len(self._open) > HTTP.max_connections:
                self._drop(next(iter(self._open.values())))

    def _transfer(self, connection: _Connection) -> None:
        """Read and write as much as possible without blocking."""
        try:
            if connection.unsent is None and not self._read(connection):
                return
            if connection.unsent:
                sent = connection.socket.send(connection.unsent)
                connection.unsent = connection.unsent[sent:]
            if not connection.unsent:
                self._drop(connection)
        except BlockingIOError:
            pass
        except OSError:  # the client has disconnected
            self._drop(connection)

    def _read(self, connection: _Connection) -> bool:
        """Read more of a request; return whether it can be answered."""
        data = connection.socket.recv(HTTP.max_request_bytes)
        if not data:
            self._drop(connection)
            return False
        connection.request += data
        if _END in connection.request[: HTTP.max_request_bytes]:
            connection.unsent = memoryview(self._answer_to(bytes(connection.request)))
        elif len(connection.request) >= HTTP.max_request_bytes:
            connection.unsent = memoryview(_encoded(_error(HTTPStatus(431)), with_body=True))
        else:
            return False
        connection.request = bytearray()
        self._selector.modify(connection.socket, selectors.EVENT_WRITE)
        return True

    def _answer_to(self, request: bytes) -> bytes:
        words = request.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return _encoded(_error(HTTPStatus.BAD_REQUEST), with_body=True)
        method, target, _version = words
        if method not in {"GET", "HEAD"}:
            return _encoded(_error(HTTPStatus.NOT_IMPLEMENTED), with_body=True)
        answer = self._answers.get(target.partition("?")[0])
        try:
            found = answer() if answer is not None else _error(HTTPStatus.NOT_FOUND)
        except Exception:
            _log.exception("%s cannot be answered", target.partition("?")[0])
            found = _error(HTTPStatus.INTERNAL_SERVER_ERROR)
        return _encoded(found, with_body=method == "GET")

    def _drop(self, connection: _Connection) -> None:
        del self._open[connection.socket]
        self._selector.unregister(connection.socket)
        with suppress(OSError):
            # otherwise data that the client still sends would reset the connection, and the
            # answer would be lost
            connection.socket.shutdown(socket.SHUT_WR)
        connection.socket.close()


def _error(status: HTTPStatus) -> Answer:
    return Answer(status, "text/plain; charset=utf-8", f"{status.phrase}\n".encode())


def _encoded(answer: Answer, *, with_body: bool) -> bytes:
    head = (
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}\r\n"
        f"Content-Type: {answer.kind}\r\n"
        f"Content-Length: {len(answer.body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode("latin-1") + (answer.body if with_body else b"")


class MetricsEndpoint:
    """Serves `/metrics` and `/ready` on its own thread until it is closed."""

    def __init__(
        self, registry: CollectorRegistry, is_ready: Callable[[], bool], host: str, port: int
    ) -> None:
        """Listen; port 0 chooses a free port.

        Raises:
            InvalidRequest: the port is in use, or the host is not an address of this machine
                (PORT_IN_USE).
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
    # asyncio adds its own words to the message of the system
    number = error.errno or 0  # negative for a host name that cannot be resolved
    return os.strerror(number) if number > 0 else str(error)


class Exposition:
    """The metrics in the format of Prometheus; repeats the last answer if requested too often."""

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
