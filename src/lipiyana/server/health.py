"""`grpc.health.v1.Health`: serving after the warm-up, not serving from the drain on.

Unlike the servicer that grpcio-health-checking brings, it can end its watches, which would else
keep the server up until the grace period is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from lipiyana.server.calls import Context

_Status = health_pb2.HealthCheckResponse


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]
    """One state for all services. Belongs to one event loop."""

    def __init__(self, services: Collection[str]) -> None:
        self._services = frozenset(services) | {""}
        self._status: Any = _Status.NOT_SERVING
        self._ended = False
        self._watchers = 0
        self._unwatched = asyncio.Event()
        self._unwatched.set()
        self._changed = asyncio.Event()

    @property
    def is_serving(self) -> bool:
        """Whether calls are welcome; may be asked on any thread."""
        return bool(self._status == _Status.SERVING)

    def serving(self) -> None:
        """Say that calls are welcome."""
        self._set(_Status.SERVING)

    def drain(self) -> None:
        """Say that they are not, for good."""
        self._set(_Status.NOT_SERVING)

    def end(self) -> None:
        """End the watches, after a `drain`. Watchers that are still connected begin them anew."""
        self._ended = True
        self._set(_Status.NOT_SERVING)

    async def unwatched(self) -> None:
        """Wait until no watch is open. Clients of this project watch each server that they use."""
        await self._unwatched.wait()

    async def Check(self, request: Any, context: Context) -> Any:  # noqa: N802
        """Tell the state of a service now."""
        if request.service not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND, "there is no such service")
        return _Status(status=self._status)

    async def List(self, request: Any, context: Context) -> Any:  # noqa: ARG002, N802
        """Tell the state of all services now."""
        status = _Status(status=self._status)
        return health_pb2.HealthListResponse(statuses=dict.fromkeys(self._services, status))

    async def Watch(self, request: Any, context: Context) -> AsyncIterator[Any]:  # noqa: ARG002, N802
        """Tell the state of a service, and each change of it."""
        told = None
        self._watchers += 1
        self._unwatched.clear()
        try:
            while True:
                changed = self._changed
                known = request.service in self._services
                status = self._status if known else _Status.SERVICE_UNKNOWN
                if status != told:
                    told = status
                    yield _Status(status=status)
                if self._ended:
                    return
                await changed.wait()
        finally:
            self._watchers -= 1
            if not self._watchers:
                self._unwatched.set()

    def _set(self, status: Any) -> None:
        self._status = status
        self._changed.set()
        self._changed = asyncio.Event()
