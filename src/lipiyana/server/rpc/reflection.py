"""Reflection: a server tells its contract to tools such as grpcurl, for a short while each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha import reflection, reflection_pb2

from lipiyana.errors import DeadlineExceeded, InvalidRequest, LipiyanaError, Overloaded
from lipiyana.server.queue.places import Places
from lipiyana.server.rpc.calls import Context, abort, answering, request_id_of, text_metadata
from lipiyana.server.security.callers import address_of

MAX_CALLS = 4
MAX_BYTES = 4096
"""Of a request: it has the name of a file, a type or an extension."""

SECONDS = 30.0
"""Of a call."""


def add_reflection(server: grpc.aio.Server, services: Sequence[str]) -> None:
    """Have a server tell of these services."""
    servicer = reflection.aio.ReflectionServicer([*services, reflection.SERVICE_NAME])
    places = Places(MAX_CALLS)

    async def answer(context: Context) -> None:
        refusal = Overloaded(f"{MAX_CALLS} ask for the contract now", reason="TOO_MANY_CALLS")
        try:
            with places.now(address_of(context.peer()), refusal):
                async with asyncio.timeout(SECONDS):
                    async for response in servicer.ServerReflectionInfo(_small(context), context):
                        await context.write(response)
        except TimeoutError:
            late = DeadlineExceeded(
                f"reflection is over after {SECONDS:g} s", reason="MESSAGE_TIMEOUT"
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
        if len(data) > MAX_BYTES:
            raise InvalidRequest(
                f"a reflection request has {MAX_BYTES} bytes at most, not {len(data)}",
                reason="MESSAGE_TOO_LARGE",
            )
        try:
            yield reflection_pb2.ServerReflectionRequest.FromString(data)
        except DecodeError:
            raise InvalidRequest(
                "the message is no ServerReflectionRequest", reason="UNPARSABLE_MESSAGE"
            ) from None


def _request_id(context: Context) -> str:
    return request_id_of(text_metadata(context.invocation_metadata()))
