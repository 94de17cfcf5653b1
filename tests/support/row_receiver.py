"""A receiver of rows for tests: it drops doubles by id, and fails as it is told."""

from __future__ import annotations

import contextlib
import gzip
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import zstandard
from certificates import Certificate

PATIENCE = 60.0


class Fault(Enum):
    """What goes wrong with a message."""

    DIES_BEFORE = auto()
    """The connection ends before the rows are stored."""
    DIES_AFTER = auto()
    """The rows are stored, and the connection ends before that is answered."""


@dataclass(frozen=True, slots=True)
class Received:
    """One message as it came."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def decoded(self) -> bytes:
        return decoded(self.body, self.headers.get("Content-Encoding", ""))


@dataclass
class RowReceiver:
    """What came, and what to answer.

    Attributes:
        answer: status, headers or a fault for each message; by default all are taken.
        messages: all that came, those that were answered with an error too.
        rows: by id; `doubles` are those that came again.
    """

    url: str = ""
    answer: Callable[[Received], int | tuple[int, dict[str, str]] | Fault] = lambda _: 200
    messages: list[Received] = field(default_factory=list)
    rows: dict[str, Any] = field(default_factory=dict)
    doubles: int = 0
    news: threading.Condition = field(default_factory=threading.Condition)

    def store(self, body: bytes) -> None:
        with self.news:
            for line in body.splitlines():
                one = json.loads(line)
                self.doubles += one["id"] in self.rows
                self.rows[one["id"]] = one["row"] if one.keys() == {"id", "row"} else one

    def wait(self, until: Callable[[], bool]) -> None:
        with self.news:
            assert self.news.wait_for(until, PATIENCE), "the rows did not come"


def decoded(body: bytes, encoding: str) -> bytes:
    match encoding:
        case "gzip":
            return gzip.decompress(body)
        case "zstd":
            return zstandard.ZstdDecompressor().decompress(body)
        case _:
            return body


@contextmanager
def receiving(tls: Certificate | None = None) -> Iterator[RowReceiver]:
    """Serve a receiver on loopback."""
    served = RowReceiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5  # of a connection that a sender leaves open

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            message = Received(dict(self.headers.items()), self.rfile.read(length))
            if len(message.body) < length:  # the sender was killed
                self.close_connection = True
                return
            answer = served.answer(message)
            taken = answer is Fault.DIES_AFTER or (isinstance(answer, int) and 200 <= answer < 300)
            if taken:
                served.store(message.decoded)
            with served.news:
                served.messages.append(message)
                served.news.notify_all()
            if isinstance(answer, Fault):
                self.close_connection = True
                return
            status, headers = answer if isinstance(answer, tuple) else (answer, {})
            try:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()
            except OSError:  # the sender was killed meanwhile
                self.close_connection = True

        def handle(self) -> None:
            with contextlib.suppress(ssl.SSLError, ConnectionError):  # who does not trust us
                super().handle()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False  # `server_close` waits for them
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls.certificate, tls.key)
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    served.url = f"http{'' if tls is None else 's'}://127.0.0.1:{server.server_port}/rows"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
