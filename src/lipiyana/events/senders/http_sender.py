"""Posts messages to an HTTP server."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path

import urllib3

from lipiyana.events.senders.message import JsonPacking, Message, SendError
from lipiyana.events.senders.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign

_TIMEOUT = urllib3.Timeout(connect=10, read=30)
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
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Connect at the first message.

        Args:
            address: `https://...`.
            secret: signs the messages; empty for no signature.
            ca: PEM file of the issuer of the server's certificate; None for the system's.
            wall: seconds since 1970.
        """
        self._path = urllib3.util.parse_url(address).request_uri
        self._secret = secret
        self._wall = wall
        trust = {} if ca is None or not address.startswith("https:") else {"ca_certs": str(ca)}
        self._pool = urllib3.connection_from_url(
            address, retries=False, timeout=_TIMEOUT, maxsize=1, **trust
        )

    def send(self, message: Message) -> None:
        """Post a message; see `Sender`."""
        headers = {"Content-Type": message.content_type}
        if message.encoding:
            headers["Content-Encoding"] = message.encoding
        if self._secret:
            timestamp = str(int(self._wall()))
            headers[TIMESTAMP_HEADER] = timestamp
            headers[SIGNATURE_HEADER] = sign(self._secret, timestamp, message.body)
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
            raise SendError(_why(error)) from None
        if not 200 <= answer.status < 300:
            raise SendError(
                f"it answers {answer.status} {answer.reason or ''}".rstrip(),
                refused=answer.status in _USELESS,
                retry_after=_retry_after(answer.headers.get("Retry-After", "")),
            )

    def close(self) -> None:
        """End the connections."""
        self._pool.close()


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
