"""The standard services: `grpc.health.v1.Health` and reflection.

Health reports SERVING after the warm-up, and NOT_SERVING from the start of the drain. Unlike the
servicer of grpcio-health-checking, it can end its watches, which would otherwise keep the server
running until the end of the grace period. It needs no token, so the size, number and duration of
its requests are limited.

Reflection gives the contract to tools such as grpcurl, for a limited time per call.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from lipiyana.errors import DeadlineExceeded, InvalidRequest, LipiyanaError, Overloaded
from lipiyana.server.calls.calls import request_id_of
from lipiyana.server.queue.pace import Pace
from lipiyana.server.queue.places import Places
from lipiyana.server.rpc.grpc_calls import Context, Method, abort, answering, text_metadata
from lipiyana.server.security.callers import address_of
from lipiyana.server.tuning import HEALTH, REFLECTION


def add_reflection(server: grpc.aio.Server, services: Sequence[str]) -> None:
    """Add reflection of these services to a server."""
    servicer = reflection.aio.ReflectionServicer([*services, reflection.SERVICE_NAME])
    places = Places(REFLECTION.calls)

    async def answer(context: Context) -> None:
        refusal = Overloaded(
            f"{REFLECTION.calls} reflection calls are open, the limit; try again in 1 s",
            reason="TOO_MANY_CALLS",
        )
        try:
            with places.now(address_of(context.peer()), refusal):
                async with asyncio.timeout(REFLECTION.seconds):
                    async for response in servicer.ServerReflectionInfo(_small(context), context):
                        await context.write(response)
        except TimeoutError:
            late = DeadlineExceeded(
                f"a reflection call may take at most {REFLECTION.seconds:g} s",
                reason="MESSAGE_TIMEOUT",
            )
            await abort(context, late, _request_id(context))
        except LipiyanaError as error:
            await abort(context, error.with_traceback(None), _request_id(context))

    handler: Any = grpc.stream_stream_rpc_method_handler(
        answering(answer), None, lambda response: response.SerializeToString()
    )
    server.add_registered_method_handlers(
        reflection.SERVICE_NAME, {"ServerReflectionInfo": handler}
    )


async def _small(context: Context) -> AsyncIterator[Any]:
    while (data := await context.read()) is not grpc.aio.EOF:
        if len(data) > REFLECTION.request_bytes:
            raise InvalidRequest(
                f"a reflection request may have at most {REFLECTION.request_bytes} bytes, not "
                f"{len(data)}",
                reason="MESSAGE_TOO_LARGE",
            )
        try:
            yield reflection_pb2.ServerReflectionRequest.FromString(data)
        except DecodeError:
            raise InvalidRequest(
                "the message is not a ServerReflectionRequest", reason="UNPARSABLE_MESSAGE"
            ) from None


def _request_id(context: Context) -> str:
    return request_id_of(text_metadata(context.invocation_metadata()))


SERVICE = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name


_Status = health_pb2.HealthCheckResponse


class Health:
    """The health service; all services share one state. Belongs to one event loop."""

    def __init__(self, services: Collection[str]) -> None:
        """Report the health of `services` and of "", the whole server."""
        self._services = frozenset(services) | {""}
        self._status: Any = _Status.NOT_SERVING
        self._ended = False
        self._watches: Counter[str] = Counter()
        self._unwatched = asyncio.Event()
        self._unwatched.set()
        self._changed = asyncio.Event()
        self._receiving = Places(HEALTH.received_at_once)
        self._pace = Pace(HEALTH.calls_per_second, HEALTH.calls_at_once)

    @property
    def is_serving(self) -> bool:
        """Whether the server accepts calls. May be read on any thread."""
        return bool(self._status == _Status.SERVING)

    def serving(self) -> None:
        """Report SERVING from now on."""
        self._set(_Status.SERVING)

    def drain(self) -> None:
        """Report NOT_SERVING from now on."""
        self._set(_Status.NOT_SERVING)

    def end(self) -> None:
        """End the watches, after `drain`. Clients that are still connected may start new ones."""
        self._ended = True
        self._pace.end()
        self._set(_Status.NOT_SERVING)

    async def unwatched(self) -> None:
        """Wait until no watch is open. Clients of this project watch the servers that they use."""
        await self._unwatched.wait()

    def add_to(self, server: grpc.aio.Server) -> None:
        """Register the methods at a server."""
        methods = {"Check": self._check, "List": self._list, "Watch": self._watch}
        # all are streams, so that gRPC receives no message before the method asks for it
        handlers: dict[str, Any] = {
            name: grpc.stream_stream_rpc_method_handler(
                answering(self._paced(method)), None, lambda answer: answer.SerializeToString()
            )
            for name, method in methods.items()
        }
        server.add_registered_method_handlers(SERVICE, handlers)

    async def _check(self, context: Context) -> None:
        """Send the state of a service."""
        if await self._service(context) not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND, "there is no such service")
        await context.write(_Status(status=self._status))

    async def _list(self, context: Context) -> None:
        """Send the states of all services."""
        status = _Status(status=self._status)
        await context.write(
            health_pb2.HealthListResponse(statuses=dict.fromkeys(self._services, status))
        )

    async def _watch(self, context: Context) -> None:
        """Send the state of a service, and each change of it."""
        with self._watch_of(context.peer()):
            service = await self._service(context)
            reported = None
            while True:
                changed = self._changed
                known = service in self._services
                status = self._status if known else _Status.SERVICE_UNKNOWN
                if status != reported:
                    reported = status
                    await context.write(_Status(status=status))
                if self._ended:
                    return
                await changed.wait()

    @contextmanager
    def _watch_of(self, connection: str) -> Iterator[None]:
        """Count a watch while the body runs.

        Raises:
            Overloaded: the connection has too many.
        """
        if self._watches[connection] >= HEALTH.watches_per_connection:
            raise Overloaded(
                f"a connection may have at most {HEALTH.watches_per_connection} watches; use Check",
                reason="TOO_MANY_WATCHES",
            )
        self._watches[connection] += 1
        self._unwatched.clear()
        try:
            yield
        finally:
            self._watches[connection] -= 1
            if not self._watches[connection]:
                del self._watches[connection]
            if not self._watches:
                self._unwatched.set()

    async def _service(self, context: Context) -> str:
        """Receive the name of a service. While all places are held, return "" without reading."""
        client = address_of(context.peer())
        if not self._receiving.are_free_for(client):
            return ""
        with self._receiving.now(client, Overloaded("")):
            try:
                async with asyncio.timeout(HEALTH.receive_seconds):
                    data: Any = await context.read()
            except TimeoutError:
                raise DeadlineExceeded(
                    f"the request did not arrive within {HEALTH.receive_seconds:g} s",
                    reason="MESSAGE_TIMEOUT",
                ) from None
        if data is grpc.aio.EOF:
            return ""
        if len(data) > HEALTH.request_bytes:
            raise InvalidRequest(
                f"a health request may have at most {HEALTH.request_bytes} bytes, not {len(data)}",
                field="service",
                reason="MESSAGE_TOO_LARGE",
            )
        try:
            return str(health_pb2.HealthCheckRequest.FromString(data).service)
        except DecodeError:
            raise InvalidRequest(
                "the message is not a grpc.health.v1.HealthCheckRequest",
                reason="UNPARSABLE_MESSAGE",
            ) from None

    def _paced(self, method: Method) -> Method:
        async def call(context: Context) -> None:
            try:
                await self._pace.turn(context.peer())
                await method(context)
            except LipiyanaError as error:
                request_id = request_id_of(text_metadata(context.invocation_metadata()))
                await abort(context, error.with_traceback(None), request_id)

        return call

    def _set(self, status: Any) -> None:
        self._status = status
        self._changed.set()
        self._changed = asyncio.Event()
