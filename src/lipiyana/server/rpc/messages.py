"""Requests as they come. One that does not parse is its caller's fault, and says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from lipiyana.errors import InvalidRequest
from lipiyana.server.rpc.calls import Method, answering
from lipiyana.server.rpc.wire_limits import Limit, WireLimits
from lipiyana.v1 import recognition_service_pb2 as service_pb

_DESCRIPTOR = service_pb.DESCRIPTOR.services_by_name["RecognitionService"]

SERVICE = _DESCRIPTOR.full_name

MAX_FEATURES = 16
MAX_SCRIPT_HINTS = 32
"""Several times as many as there are."""

M = TypeVar("M", bound=Message)


def add_service(server: grpc.aio.Server, methods: dict[str, Method], *, max_batch: int) -> None:
    """Have a server answer the methods of the service.

    All are streams of requests for gRPC, so that it takes in no message before the method asks for
    it. A request that does not parse, or has too much in it, reaches the method as the error that
    it is: gRPC would end the call UNKNOWN before anything of the service runs.

    Args:
        server: not started yet.
        methods: by their names; they give the bytes of an answer, or write those of several
            themselves and give None.
        max_batch: pictures of one request.
    """
    repeated = {
        "images": Limit(max_batch, "BATCH_TOO_LARGE", "max_batch"),
        "features": Limit(MAX_FEATURES),
        "script_hints": Limit(MAX_SCRIPT_HINTS),
    }
    handlers: dict[str, Any] = {}
    for name, method in methods.items():
        described = _DESCRIPTOR.methods_by_name[name]
        request: type[Message] = getattr(service_pb, described.input_type.name)
        # an answer that is given goes out together with the status, in half the time of two
        make = (
            grpc.stream_stream_rpc_method_handler
            if described.server_streaming
            else grpc.stream_unary_rpc_method_handler
        )
        handlers[name] = make(
            answering(method),
            _reader(request, WireLimits(described.input_type, repeated)),
            None,  # of an answer that waits to be taken, bytes alone are kept
        )
    server.add_registered_method_handlers(SERVICE, handlers)


def _reader(kind: type[M], limits: WireLimits) -> Callable[[bytes], M | InvalidRequest]:
    name = kind.DESCRIPTOR.full_name

    def read(data: bytes) -> M | InvalidRequest:
        try:
            limits.check(data)
            return kind.FromString(data)
        except InvalidRequest as error:
            return error.with_traceback(None)
        except DecodeError:
            return InvalidRequest(
                f"the message is no {name}: make it from the contract's .proto files",
                reason="UNPARSABLE_MESSAGE",
            )

    return read
