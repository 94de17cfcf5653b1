"""Rejects calls of gRPC without a valid token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from lipiyana.errors import Unauthenticated
from lipiyana.server.calls.calls import request_id_of
from lipiyana.server.queue.pace import Pace
from lipiyana.server.rpc.grpc_calls import Context, abort, answering, text_metadata
from lipiyana.server.security.access import Access
from lipiyana.server.security.callers import current_entry
from lipiyana.v1 import recognition_service_pb2 as service_pb

OPEN = "/grpc.health.v1.Health/"
"""Prefix of the methods that need no token, because probes have none."""

_RPCS = {
    f"/{service.full_name}/{method.name}": method.name
    for service in service_pb.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}


class AccessInterceptor(grpc.aio.ServerInterceptor):
    """Admits calls with a valid token, and sets `current_entry` to its key."""

    def __init__(self, access: Access, pace: Pace) -> None:
        """Admit calls by `access`; `pace` slows down the rejections."""
        self._access = access
        self._pace = pace

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Return the handler of the method, or one that ends the call with UNAUTHENTICATED."""
        method = handler_call_details.method
        if method.startswith(OPEN):
            return await continuation(handler_call_details)
        metadata = text_metadata(handler_call_details.invocation_metadata)
        try:
            entry = self._access.admit(_RPCS.get(method, "other"), metadata)
        except Unauthenticated as error:
            return self._refusal(error.with_traceback(None), request_id_of(metadata))
        current_entry.set(entry)
        return await continuation(handler_call_details)

    def _refusal(self, error: Unauthenticated, request_id: str) -> Any:
        async def refuse(context: Context) -> None:
            await self._pace.turn(context.peer())
            await abort(context, error, request_id)

        # for every method: only this kind of handler does not wait for a message
        return grpc.stream_stream_rpc_method_handler(answering(refuse))
