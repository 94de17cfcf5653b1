"""Requests as they come. One that does not parse is its caller's fault, and says so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from lipiyana.errors import InvalidRequest
from lipiyana.v1 import recognition_service_pb2 as service_pb
from lipiyana.v1 import recognition_service_pb2_grpc as service_grpc

SERVICE = service_pb.DESCRIPTOR.services_by_name["RecognitionService"].full_name

M = TypeVar("M", bound=Message)


def add_service(service: service_grpc.RecognitionServiceServicer, server: grpc.aio.Server) -> None:
    """Add a service as the generated code does, but for requests that do not parse.

    gRPC would end their calls UNKNOWN, before anything of the service runs. Here they reach the
    method as the error that they are, for `parsed` to raise.
    """
    handlers: dict[str, Any] = {
        "Recognize": grpc.unary_unary_rpc_method_handler(
            _letting_go(service.Recognize),
            _reader(service_pb.RecognizeRequest),
            service_pb.RecognizeResponse.SerializeToString,
        ),
        "BatchRecognize": grpc.unary_unary_rpc_method_handler(
            _letting_go(service.BatchRecognize),
            _reader(service_pb.BatchRecognizeRequest),
            service_pb.BatchRecognizeResponse.SerializeToString,
        ),
        "StreamRecognize": grpc.stream_stream_rpc_method_handler(
            service.StreamRecognize,
            _reader(service_pb.StreamRecognizeRequest),
            service_pb.StreamRecognizeResponse.SerializeToString,
        ),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))


def parsed(request: M | InvalidRequest) -> M:
    """Give a request.

    Raises:
        InvalidRequest: it did not parse (UNPARSABLE_MESSAGE).
    """
    if isinstance(request, InvalidRequest):
        raise request
    return request


def _letting_go(method: Callable[..., Any]) -> Callable[[Any, Any], Awaitable[Any]]:
    """Give a method that leaves no request behind when it is aborted.

    gRPC keeps the exception at the context, which the frames in its traceback have: a ring, in
    which the requests of refused calls would wait for the garbage collector.
    """

    async def call(request: Any, context: Any) -> Any:
        answer = method(request, context)
        del request
        try:
            return await answer
        except grpc.aio.AbortError as aborted:
            raise aborted.with_traceback(None) from None

    return call


def _reader(kind: type[M]) -> Callable[[bytes], M | InvalidRequest]:
    name = kind.DESCRIPTOR.full_name

    def read(data: bytes) -> M | InvalidRequest:
        try:
            return kind.FromString(data)
        except DecodeError:
            return InvalidRequest(
                f"the message is no {name}: make it from the contract's .proto files",
                reason="UNPARSABLE_MESSAGE",
            )

    return read
