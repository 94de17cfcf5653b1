"""Wraps every call: request id, errors as statuses, a log line, metrics and a trace."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import grpc

from lipiyana.errors import Cancelled, DeadlineExceeded, InternalError, LipiyanaError, Unavailable
from lipiyana.server.queue.endings import Endings, current_ending
from lipiyana.server.security.callers import Caller, address_of, current_entry
from lipiyana.server.telemetry.metrics import Metrics
from lipiyana.server.telemetry.tracing import NoTracing, Tracing
from lipiyana.server.tuning import MESSAGES
from lipiyana.wire.status import DETAILS_KEY, to_status

REQUEST_ID_KEY = "x-request-id"
"""Metadata key of the request id, which logs, errors and the answer contain."""


_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_log = logging.getLogger("lipiyana.server")

Context = grpc.aio.ServicerContext[Any, Any]

Method = Callable[[Any], Awaitable[Any]]
"""Takes the context of a call, whose `read` gives the requests and then `grpc.aio.EOF`. Returns
an answer, or writes answers and returns None."""


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
        self, rpc: str, context: Context, *, is_stream: bool = False
    ) -> AsyncIterator[Caller]:
        """Wrap the body of a call; yields the caller.

        An exception of the body ends the call with the matching status. Exceptions that are not
        of this project become INTERNAL, and only the log has their details. While the server
        drains, new calls end with UNAVAILABLE before their body begins.
        """
        metadata = text_metadata(context.invocation_metadata())
        request_id = request_id_of(metadata)
        context.set_trailing_metadata(((REQUEST_ID_KEY, request_id),))
        begin = time.monotonic()
        code, reason = "OK", ""
        failure: LipiyanaError | None = None
        with self._tracing.call(rpc, request_id, metadata) as span:
            entry = current_entry.get()
            client = address_of(context.peer()) if entry is None else entry.name
            caller = Caller(request_id, client, deadline_of(context), entry, span)
            task = _own_task()
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
                await abort(context, failure, request_id)

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
    """The code of a call that gRPC cancelled, perhaps because of its deadline."""
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


def answering(
    method: Method, endings: Endings | None = None
) -> Callable[[Any, Any], Awaitable[Any]]:
    """Create a gRPC handler for streams without reference cycles that contain the call.

    Otherwise the call, and its place among those of its connection, would be freed only by the
    garbage collector. There are two cycles: gRPC's iterator of requests refers to itself, and the
    call refers to the exception that ends it, whose traceback refers to the call. So the iterator
    is not used, and the exception is raised without its traceback.
    """

    async def call(_requests: Any, context: Any) -> Any:
        ending = None if endings is None else endings.of(context.peer(), _own_task())
        current_ending.set(ending)
        try:
            answer = await method(context)
            if ending is not None:
                await ending.turn()
            return answer
        except grpc.aio.AbortError as aborted:
            del _requests, context
            aborted.__context__ = None
            raise aborted.with_traceback(None) from None

    return call


def _own_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None, "gRPC runs each call as a task"  # noqa: S101
    return task


async def abort(context: Context, error: LipiyanaError, request_id: str) -> None:
    """End a call with the status of an error."""
    status = to_status(error, request_id=request_id)
    if (ending := current_ending.get()) is not None:
        await ending.turn()
    trailers = ((DETAILS_KEY, status.SerializeToString()), (REQUEST_ID_KEY, request_id))
    await context.abort(grpc.StatusCode[error.code], status.message, trailers)


def as_known(error: Exception, request_id: str) -> LipiyanaError:
    """Convert an unexpected exception to an error for the caller, and log it.

    The error has no traceback. Otherwise an error that a frame refers to would form a cycle with
    that frame, and the picture in it would stay in memory until the next garbage collection.
    """
    if isinstance(error, LipiyanaError):
        return error.with_traceback(None)
    # log the place, but not the message of the exception, which may quote a plate
    frames = "".join(traceback.format_tb(error.__traceback__))
    _log.error(
        "%s: %s at\n%s",
        request_id, type(error).__name__, frames,
        extra={"request_id": request_id},
    )  # fmt: skip
    return InternalError(f"internal error of the server; see {request_id} in its log")


def deadline_of(context: Context) -> float | None:
    """The deadline of a call by `time.monotonic()`; None if the caller set none."""
    remaining: float | None = context.time_remaining()
    return None if remaining is None else time.monotonic() + remaining


def text_metadata(metadata: Any) -> dict[str, str]:
    """The metadata with text values; of several values of one key the last."""
    return {key: value for key, value in metadata or () if isinstance(value, str)}


def request_id_of(metadata: dict[str, str]) -> str:
    """The id that the caller chose, or a new one if that is invalid."""
    chosen = metadata.get(REQUEST_ID_KEY, "")
    return chosen if _REQUEST_ID.fullmatch(chosen) else secrets.token_hex(8)
