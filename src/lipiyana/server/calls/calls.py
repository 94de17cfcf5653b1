"""Wraps every call: request id, errors as statuses, a log line, metrics and a trace."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
import traceback
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Protocol

from lipiyana.errors import Cancelled, DeadlineExceeded, InternalError, LipiyanaError, Unavailable
from lipiyana.server.security.callers import Caller, current_entry
from lipiyana.server.telemetry.metrics import Metrics
from lipiyana.server.telemetry.tracing import NoTracing, Tracing
from lipiyana.server.tuning import MESSAGES

REQUEST_ID_KEY = "x-request-id"
"""Metadata key or header of the request id, which logs, errors and the answer contain."""


_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_log = logging.getLogger("lipiyana.server")


class Incoming(Protocol):
    """A call as its transport received it."""

    @property
    def metadata(self) -> Mapping[str, str]:
        """The metadata or headers with text values; their names are in lower case."""
        ...

    @property
    def address(self) -> str:
        """The address of the peer without its port."""
        ...

    @property
    def deadline(self) -> float | None:
        """The deadline by `time.monotonic()`; None if the caller set none."""
        ...

    def begin(self, request_id: str) -> None:
        """Note the id that the answer must have."""
        ...

    async def fail(self, error: LipiyanaError, request_id: str) -> None:
        """End the call with an error."""
        ...


class Calls:
    """Wraps the calls of one server."""

    def __init__(self, metrics: Metrics, tracing: Tracing | None = None) -> None:
        self._metrics = metrics
        self._tracing = tracing or NoTracing()
        self._open: set[asyncio.Task[Any]] = set()
        self._cut_off: set[asyncio.Task[Any]] = set()
        self._none_open = asyncio.Event()
        self._none_open.set()
        self._draining = False
        self.cut_off_count = 0

    @property
    def unanswered(self) -> int:
        """Number of accepted calls that were cut off or are open. May be read on any thread."""
        return self.cut_off_count + len(self._open - self._cut_off)

    def drain(self) -> None:
        """Reject new calls from now on."""
        self._draining = True

    async def none_open(self) -> None:
        """Wait until all accepted calls have ended."""
        await self._none_open.wait()

    def cut_off(self) -> None:
        """End the open calls with UNAVAILABLE; their computations may continue."""
        for task in self._open - self._cut_off:
            self._cut_off.add(task)
            self.cut_off_count += 1
            task.cancel()

    @asynccontextmanager
    async def call(
        self, rpc: str, incoming: Incoming, *, is_stream: bool = False
    ) -> AsyncIterator[Caller]:
        """Wrap the body of a call; yields the caller.

        `rpc` names the method in logs, metrics and traces; names of HTTP begin with `http.`.

        An exception of the body ends the call with the matching status. Exceptions that are not
        of this project become INTERNAL, and only the log has their details. While the server
        drains, new calls end with UNAVAILABLE before their body begins.
        """
        metadata = incoming.metadata
        request_id = request_id_of(metadata)
        incoming.begin(request_id)
        begin = time.monotonic()
        code, reason = "OK", ""
        failure: LipiyanaError | None = None
        with self._tracing.call(rpc, request_id, metadata) as span:
            entry = current_entry.get()
            client = incoming.address if entry is None else entry.name
            caller = Caller(request_id, client, incoming.deadline, entry, span)
            task = own_task()
            try:
                if self._draining:
                    raise shutting_down()
                with self._opened(task):
                    yield caller
            except asyncio.CancelledError:
                if task not in self._cut_off:
                    code = _code_of_cancelled(caller.deadline)
                    raise
                task.uncancel()
                failure = shutting_down()
                code, reason = failure.code, failure.reason
            except Exception as error:
                failure = as_known(error, request_id)
                code, reason = failure.code, failure.reason
            finally:
                seconds = time.monotonic() - begin
                span.ended(code)
                self._metrics.call_ended(rpc, code, None if is_stream else seconds)
                log_call(
                    request_id, rpc, code, reason,
                    seconds=seconds, pictures=caller.pictures,
                    client="" if entry is None else entry.name,
                )  # fmt: skip
                self._cut_off.discard(task)
            if failure is not None:
                # last, so that the call is counted before the caller has its answer
                await incoming.fail(failure, request_id)

    @contextmanager
    def _opened(self, task: asyncio.Task[Any]) -> Iterator[None]:
        self._open.add(task)
        self._none_open.clear()
        try:
            yield
        finally:
            self._open.discard(task)
            if not self._open:
                self._none_open.set()


def shutting_down() -> Unavailable:
    """Create the error of a call during shutdown; the client should use another server."""
    return Unavailable("the server is shutting down", reason="DRAINING")


def _code_of_cancelled(deadline: float | None) -> str:
    """The code of a call that its transport cancelled, perhaps because of its deadline."""
    if deadline is not None and deadline - time.monotonic() <= MESSAGES.deadline_slack:
        return DeadlineExceeded.code
    return Cancelled.code


def log_call(
    request_id: str,
    rpc: str,
    code: str,
    reason: str,
    *,
    seconds: float = 0.0,
    pictures: int = 0,
    client: str = "",
) -> None:
    """Log the end of a call; `client` is the name of its key."""
    _log.info(
        "%s %s: %s%s",
        request_id, rpc, code, reason and f" {reason}",
        extra={
            "request_id": request_id, "rpc": rpc, "code": code, "reason": reason,
            "seconds": round(seconds, 6), "pictures": pictures, "client": client,
        },
    )  # fmt: skip


def own_task() -> asyncio.Task[Any]:
    """The task of the call that is being handled."""
    task = asyncio.current_task()
    assert task is not None, "each call runs as a task"  # noqa: S101
    return task


def as_known(error: Exception, request_id: str) -> LipiyanaError:
    """Convert an unexpected exception to an error for the caller, and log it.

    The error has no traceback. Otherwise an error that a frame refers to would form a cycle with
    that frame, and the picture in it would stay in memory until the next garbage collection.
    """
    if isinstance(error, LipiyanaError):
        error.__cause__ = error.__context__ = None  # they have tracebacks, too
        return error.with_traceback(None)
    # log the place, but not the message of the exception, which may quote a plate
    frames = "".join(traceback.format_tb(error.__traceback__))
    _log.error(
        "%s: %s at\n%s",
        request_id, type(error).__name__, frames,
        extra={"request_id": request_id},
    )  # fmt: skip
    return InternalError(f"internal error of the server; see {request_id} in its log")


def request_id_of(metadata: Mapping[str, str]) -> str:
    """The id that the caller chose, or a new one if that is invalid."""
    chosen = metadata.get(REQUEST_ID_KEY, "")
    return chosen if _REQUEST_ID.fullmatch(chosen) else secrets.token_hex(8)
