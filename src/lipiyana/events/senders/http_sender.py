"""Posts messages to an HTTP server."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any

import urllib3

from lipiyana.events.senders.message import JsonPacking, Message, SendError
from lipiyana.events.senders.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign

_TIMEOUT = urllib3.Timeout(connect=10, read=30)
_ANSWER_SECONDS = 60.0
_USELESS = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}
"""The message is at fault; what a person may repair meanwhile (a token, an address) is not."""
_MOST_READ = 64 * 1024
"""Of an answer, so that its connection can be used again."""


class HttpSender(JsonPacking):
    """Posts to one address; an answer of 200 to 299 acknowledges the message."""

    def __init__(
        self,
        address: str,
        *,
        secret: bytes = b"",
        ca: Path | None = None,
        answer_seconds: float = _ANSWER_SECONDS,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Connect at the first message.

        Args:
            address: `https://...`.
            secret: signs the messages; empty for no signature.
            ca: PEM file of the issuer of the server's certificate; None for the system's.
            answer_seconds: that a whole answer may take, however it trickles in.
            wall: seconds since 1970.
        """
        self._path = urllib3.util.parse_url(address).request_uri
        self._secret = secret
        self._wall = wall
        trust = {} if ca is None or not address.startswith("https:") else {"ca_certs": str(ca)}
        self._pool = urllib3.connection_from_url(
            address, retries=False, timeout=_TIMEOUT, maxsize=1, **trust
        )
        self._deadline = _Deadline(answer_seconds)
        self._pool.ConnectionCls = _timed(self._pool.ConnectionCls, self._deadline)

    def send(self, message: Message) -> None:
        """Post a message; see `Sender`."""
        headers = {"Content-Type": message.content_type}
        if message.encoding:
            headers["Content-Encoding"] = message.encoding
        if self._secret:
            timestamp = str(int(self._wall()))
            headers[TIMESTAMP_HEADER] = timestamp
            headers[SIGNATURE_HEADER] = sign(self._secret, timestamp, message.body)
        self._deadline.has_passed = False
        try:
            answer = self._pool.urlopen(
                "POST", self._path, body=message.body, headers=headers, redirect=False,
                preload_content=False,
            )  # fmt: skip
            try:
                answer.read(_MOST_READ)
            finally:
                answer.release_conn()
        except (urllib3.exceptions.HTTPError, OSError, HTTPException, UnicodeError) as error:
            late = self._deadline.has_passed
            raise SendError("it does not answer in time" if late else _why(error)) from None
        finally:
            self._deadline.end()
        if self._deadline.has_passed:  # what came may be half an answer
            raise SendError("it does not answer in time")
        if not 200 <= answer.status < 300:
            raise SendError(
                f"it answers {answer.status} {answer.reason or ''}".rstrip(),
                refused=answer.status in _USELESS,
                retry_after=_retry_after(answer.headers.get("Retry-After", "")),
            )

    def close(self) -> None:
        """End the connections."""
        self._pool.close()


class _Deadline:
    """Ends a connection whose answer takes too long; a timeout is only between two bytes."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timer: threading.Timer | None = None
        self.has_passed = False

    def begin(self, connection: socket.socket) -> None:
        self.end()
        self._timer = threading.Timer(self._seconds, self._pass, (connection,))
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _pass(self, connection: socket.socket) -> None:
        self.has_passed = True
        with contextlib.suppress(OSError):  # it has ended meanwhile
            connection.shutdown(socket.SHUT_RDWR)


def _timed(kind: Any, deadline: _Deadline) -> Any:
    """Return a kind of connection whose answers have a deadline, from when a message was sent."""

    class Timed(kind):  # type: ignore[misc]
        def getresponse(self) -> Any:
            deadline.begin(self.sock)
            return super().getresponse()

    return Timed


def _retry_after(value: str) -> float | None:
    return float(value) if value.isascii() and value.isdigit() else None


def _why(error: Exception) -> str:
    """Return the reason, without the address: its path may be a secret."""
    match error:
        case urllib3.exceptions.NameResolutionError():
            return "its name cannot be resolved"
        case urllib3.exceptions.NewConnectionError():
            return "no connection"
        case urllib3.exceptions.ConnectTimeoutError() | urllib3.exceptions.ReadTimeoutError():
            return "it does not answer in time"
        case urllib3.exceptions.SSLError():
            return f"TLS failed: {error}"
        case _:
            return f"the connection broke ({type(error).__name__})"
