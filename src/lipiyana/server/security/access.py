"""Refuses calls without a valid key before any message of theirs is received."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import grpc

from lipiyana.errors import Unauthenticated
from lipiyana.server.queue.pace import Pace
from lipiyana.server.rpc.calls import (
    Context,
    abort,
    answering,
    log_call,
    request_id_of,
    text_metadata,
)
from lipiyana.server.security.callers import Entry, current_entry
from lipiyana.server.security.tokens import Tokens
from lipiyana.server.telemetry.line_limit import LineLimit
from lipiyana.server.telemetry.metrics import Metrics
from lipiyana.v1 import recognition_service_pb2 as service_pb

OPEN = "/grpc.health.v1.Health/"
"""Methods that need no key: probes have none."""

_RPCS = {
    f"/{service.full_name}/{method.name}": method.name
    for service in service_pb.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}
_log = logging.getLogger("lipiyana.server")


class AccessInterceptor(grpc.aio.ServerInterceptor):
    """Admits calls with a valid token, and sets `current_entry` to its key."""

    def __init__(self, tokens: Tokens, metrics: Metrics, pace: Pace) -> None:
        """Admit calls by `tokens`; `pace` slows down the refusals."""
        self._tokens = tokens
        self._metrics = metrics
        self._pace = pace
        self._lines = LineLimit(_tell_refused)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Give the method's own handler, or one that ends the call UNAUTHENTICATED."""
        method = handler_call_details.method
        if method.startswith(OPEN):
            return await continuation(handler_call_details)
        metadata = text_metadata(handler_call_details.invocation_metadata)
        # asked for each picture, so that it holds for streams what the file says by then
        authenticate = partial(self._tokens.authenticate, metadata)
        try:
            grant = authenticate()
        except Unauthenticated as error:
            rpc, request_id = _RPCS.get(method, "other"), request_id_of(metadata)
            self._metrics.call_ended(rpc, error.code, None)
            if self._lines.allows():
                log_call(request_id, rpc, error.code, error.reason)
            return self._refusal(error.with_traceback(None), request_id)
        current_entry.set(Entry(grant.name, authenticate))
        return await continuation(handler_call_details)

    def _refusal(self, error: Unauthenticated, request_id: str) -> Any:
        async def refuse(context: Context) -> None:
            await self._pace.turn(context.peer())
            await abort(context, error, request_id)

        # of this kind whatever the method is: it alone does not wait for a message
        return grpc.stream_stream_rpc_method_handler(answering(refuse))


def _tell_refused(calls: int) -> None:
    _log.info("%d calls more were refused for their token", calls)
