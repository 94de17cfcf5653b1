"""One HTTP request as `Calls` sees it: headers, deadline, body, and the problem that ends it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from lipiyana.errors import (
    Cancelled,
    DeadlineExceeded,
    InvalidRequest,
    LipiyanaError,
    MessageTooLarge,
)
from lipiyana.server.calls.calls import own_task
from lipiyana.server.http.port.connections import Connection
from lipiyana.server.http.problems import Problem
from lipiyana.server.settings.inference import MOST_SECONDS

DEADLINE_KEY = "x-deadline-seconds"
"""Header with the seconds within which the caller wants the answer."""

Scope = dict[str, Any]


class Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Callable[[], Any]) -> None:
        """Read the headers; the body stays with the client."""
        self._receive = receive
        self._began = time.monotonic()
        self._at_end: list[Callable[[object], None]] = scope["state"].setdefault("at_end", [])
        self.connection: Connection = scope["state"]["connection"]
        self.metadata: Mapping[str, str] = headers_of_scope(scope)
        self.query: str = scope.get("query_string", b"").decode("latin-1")
        self.request_id = ""
        self._deadline, self._bad_deadline = self._read_deadline()

    @property
    def address(self) -> str:
        """The address of the peer without its port."""
        return self.connection.client

    @property
    def deadline(self) -> float | None:
        """The deadline by `time.monotonic()`; None if the caller set none."""
        return self._deadline

    def begin(self, request_id: str) -> None:
        """Note the id for the answer."""
        self.request_id = request_id

    async def fail(self, error: LipiyanaError, request_id: str) -> None:
        """End the request with a problem."""
        raise Problem(error, request_id) from None

    def at_end(self, callback: Callable[[object], None]) -> None:
        """Call a function once the answer is sent, or the client has gone."""
        self._at_end.append(callback)

    @property
    def media_type(self) -> tuple[str, str]:
        """The type of the body in lower case, and its parameters as they are."""
        kind, _, parameters = self.metadata.get("content-type", "").partition(";")
        return kind.strip().lower(), parameters

    async def body(self, limit: int) -> bytes:
        """Receive the body.

        Raises:
            MessageTooLarge: it is, or claims to be, longer than `limit` bytes.
            Cancelled: the client has gone.
        """
        declared = self.metadata.get("content-length", "")
        if declared.isascii() and declared.isdecimal() and int(declared[:19]) > limit:
            raise too_large(limit)
        pieces: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Cancelled("the client has disconnected")
            piece: bytes = message.get("body", b"")
            size += len(piece)
            if size > limit:
                raise too_large(limit)
            pieces.append(piece)
            if not message.get("more_body", False):
                break
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    @asynccontextmanager
    async def while_wanted(self) -> AsyncIterator[None]:
        """Cancel the body of this context when the client disconnects. Enter it after `body`."""
        watch = asyncio.create_task(self._cancel_when_gone(own_task()))
        try:
            yield
        finally:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch

    @asynccontextmanager
    async def in_time(self) -> AsyncIterator[None]:
        """Limit the time of the body of this context by the deadline.

        Raises:
            InvalidRequest: the deadline cannot be parsed (INVALID_DEADLINE).
            DeadlineExceeded: it has passed.
        """
        if self._bad_deadline is not None:
            raise self._bad_deadline
        if self._deadline is None:
            yield
            return
        try:
            left = self._deadline - time.monotonic()
            async with asyncio.timeout(left):
                yield
        except TimeoutError:
            raise DeadlineExceeded(
                f"no answer within the {self._deadline - self._began:g} s of {DEADLINE_KEY}"
            ) from None

    async def _cancel_when_gone(self, task: asyncio.Task[Any]) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        task.cancel()

    def _read_deadline(self) -> tuple[float | None, InvalidRequest | None]:
        text = self.metadata.get(DEADLINE_KEY)
        if text is None:
            return None, None
        try:
            seconds = float(text) if len(text) <= 32 else math.nan
        except ValueError:
            seconds = math.nan
        if 0 < seconds <= MOST_SECONDS:
            return self._began + seconds, None
        return None, InvalidRequest(
            f"{DEADLINE_KEY} must be a number of seconds above 0 and at most {MOST_SECONDS}",
            field=DEADLINE_KEY,
            reason="INVALID_DEADLINE",
        )


def headers_of_scope(scope: Scope) -> dict[str, str]:
    """The headers; of several with one name the last."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def too_large(limit: int) -> MessageTooLarge:
    """Create the error of a message over the limit."""
    return MessageTooLarge(
        f"the body has more than {limit} bytes, the limit of this server (its setting "
        "max_message_bytes)"
    )
