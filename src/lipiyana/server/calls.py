"""What every call has around it: an id, its errors as statuses, its line in log and metrics."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc

from lipiyana.errors import InternalError, LipiyanaError
from lipiyana.server.metrics import Metrics
from lipiyana.status import DETAILS_KEY, to_status

REQUEST_ID_KEY = "x-request-id"
"""Metadata by which a caller may name its call; it stands in logs and in errors."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_log = logging.getLogger("lipiyana.server")

Context = grpc.aio.ServicerContext[Any, Any]


@asynccontextmanager
async def call(
    rpc: str, context: Context, metrics: Metrics, *, is_stream: bool = False
) -> AsyncIterator[str]:
    """Surround the body of a call; gives its id.

    What the body raises ends the call with the status that fits; an error that is not this
    project's becomes INTERNAL, and only the log has more of it.
    """
    request_id = _request_id(context)
    begin = time.monotonic()
    code = "OK"
    try:
        yield request_id
    except asyncio.CancelledError:
        code = "CANCELLED"
        raise
    except Exception as error:
        known = as_known(error, request_id)
        code = known.code
        _log.info("%s %s: %s %s", request_id, rpc, code, known.reason)
        status = to_status(known, request_id=request_id)
        await context.abort(
            grpc.StatusCode[code], status.message, ((DETAILS_KEY, status.SerializeToString()),)
        )
    finally:
        metrics.call_ended(rpc, code, None if is_stream else time.monotonic() - begin)


def as_known(error: Exception, request_id: str) -> LipiyanaError:
    """Turn what should not have happened into an error that can be shown, and log it."""
    if isinstance(error, LipiyanaError):
        return error
    # where it happened, but not what the exception says: that may quote a plate
    frames = "".join(traceback.format_tb(error.__traceback__))
    _log.error("%s: %s at\n%s", request_id, type(error).__name__, frames)
    return InternalError(f"something went wrong in the server; its log has more at {request_id}")


def deadline_of(context: Context) -> float | None:
    """Give the deadline of a call by `time.monotonic()`; None where the caller set none."""
    remaining: float | None = context.time_remaining()
    return None if remaining is None else time.monotonic() + remaining


def _request_id(context: Context) -> str:
    for key, value in context.invocation_metadata() or ():
        if key == REQUEST_ID_KEY and isinstance(value, str) and _REQUEST_ID.fullmatch(value):
            return value
    return secrets.token_hex(8)
