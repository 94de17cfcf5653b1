"""What surrounds every call: an id, errors as statuses, a line in the log, metrics and a trace."""

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
"""Metadata with which a caller may name its call; logs, errors and the answer contain it."""


_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_log = logging.getLogger("lipiyana.server")

Context = grpc.aio.ServicerContext[Any, Any]

Method = Callable[[Any], Awaitable[Any]]
"""Takes the context of a call, whose `read` gives the requests and then `grpc.aio.EOF`. Gives an
answer, or writes answers and gives None."""


class Calls:
    """Surrounds calls; one for a server."""

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
        """How many accepted calls were cut off or are open; may be asked on any thread."""
        return self.cut_off_count + len(self._open - self._cut_off)

    def drain(self) -> None:
        """Refuse new calls from now on."""
        self._draining = True

    async def none_open(self) -> None:
        """Wait until all accepted calls have ended."""
        await self._none_open.wait()

    def cut_off(self) -> None:
        """End the open calls UNAVAILABLE; what is computed for them may go on."""
        for task in self._open - self._cut_off:
            self._cut_off.add(task)
            self.cut_off_count += 1
            task.cancel()

    @asynccontextmanager
    async def call(
        self, rpc: str, context: Context, *, is_stream: bool = False
    ) -> AsyncIterator[Caller]:
        """Surround the body of a call; gives who calls.

        What the body raises ends the call with the status that fits; an error that is not this
        project's becomes INTERNAL, and only the log has more of it. While the server drains, new
        calls end UNAVAILABLE before their body begins.
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
            task = asyncio.current_task()
            assert task is not None, "gRPC runs each call as a task"  # noqa: S101
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
                # last, so that a caller who has its answer finds the call counted
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
    """Make the error of a call that another server should answer."""
    return Unavailable("the server is shutting down", reason="DRAINING")


def _code_of_cancelled(deadline: float | None) -> str:
    """Give the code of a call that gRPC cancelled, which it does for its deadline as well."""
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
    """Write the line of a call that ends; `client` is the name of its key."""
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
    """Give a handler of gRPC, for streams, that leaves no call behind.

    gRPC's iterator of requests has itself in it, and the exception that ends a call is held by the
    call, while its traceback has frames that have the call: rings, in which the call, and its place
    among those that its connection may have, would wait for the garbage collector. So the iterator
    is not used, and the exception goes on without those frames.
    """

    async def call(_requests: Any, context: Any) -> Any:
        ending = None if endings is None else endings.of(context)
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


async def abort(context: Context, error: LipiyanaError, request_id: str) -> None:
    """End a call with the status of an error."""
    status = to_status(error, request_id=request_id)
    if (ending := current_ending.get()) is not None:
        await ending.turn()
    trailers = ((DETAILS_KEY, status.SerializeToString()), (REQUEST_ID_KEY, request_id))
    await context.abort(grpc.StatusCode[error.code], status.message, trailers)


def as_known(error: Exception, request_id: str) -> LipiyanaError:
    """Turn what should not have happened into an error that can be shown, and log it.

    It comes without its traceback: with that, an error that a frame holds and the frame keep each
    other, and the picture in the frame, until the next garbage collection.
    """
    if isinstance(error, LipiyanaError):
        return error.with_traceback(None)
    # where it happened, but not what the exception says: that may quote a plate
    frames = "".join(traceback.format_tb(error.__traceback__))
    _log.error(
        "%s: %s at\n%s",
        request_id, type(error).__name__, frames,
        extra={"request_id": request_id},
    )  # fmt: skip
    return InternalError(f"something went wrong in the server; its log has more at {request_id}")


def deadline_of(context: Context) -> float | None:
    """Give the deadline of a call by `time.monotonic()`; None where the caller set none."""
    remaining: float | None = context.time_remaining()
    return None if remaining is None else time.monotonic() + remaining


def text_metadata(metadata: Any) -> dict[str, str]:
    """Give the metadata that is text; of several values of one key the last."""
    return {key: value for key, value in metadata or () if isinstance(value, str)}


def request_id_of(metadata: dict[str, str]) -> str:
    """Give the id that the caller chose if it is valid, else a new one."""
    chosen = metadata.get(REQUEST_ID_KEY, "")
    return chosen if _REQUEST_ID.fullmatch(chosen) else secrets.token_hex(8)
