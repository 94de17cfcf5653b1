"""Incoming requests: checks the numbers of their values before it parses them.

A message of a few megabytes can contain millions of values. As Python objects they would take
seconds to process. `WireLimits` reads only the tags, skips the contents, and stops at the first
limit that is exceeded, so its time is bounded for every message. A request that cannot be parsed
gives an error that says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message

from lipiyana.errors import InvalidRequest
from lipiyana.server.queue.endings import Endings
from lipiyana.server.rpc.grpc_calls import Method, answering
from lipiyana.server.tuning import MESSAGES
from lipiyana.v1 import recognition_service_pb2 as service_pb
from lipiyana.wire.fields import is_repeated

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5
_VARINT_BYTES = 10  # maximum length of a varint


@dataclass(frozen=True, slots=True)
class Limit:
    """The maximum count of a repeated field, and the error if a message has more values."""

    count: int
    reason: str = "TOO_MANY_VALUES"
    setting: str = ""


class _Malformed(Exception):
    """The bytes are not a valid message. The caller lets protobuf raise the error."""


@dataclass(slots=True)
class _Field:
    """The facts about a field that the check needs; reading a descriptor each time is slow."""

    name: str
    limit: Limit | None
    is_packed: bool
    is_text: bool
    message: _Kind | None


@dataclass(slots=True)
class _Kind:
    name: str
    fields: dict[int, _Field]


class WireLimits:
    """Checks messages of one type."""

    def __init__(self, kind: Descriptor, repeated: Mapping[str, Limit]) -> None:
        """Prepare for a type of message.

        Args:
            kind: the type; neither it nor a nested type may be recursive.
            repeated: by name, the limits of its repeated fields and of those of nested messages.

        Raises:
            KeyError: a repeated field has no limit.
        """
        self._kind = _prepared(kind, repeated)

    def check(self, data: bytes) -> None:
        """Check the bytes of a message. Bytes that are no message may pass.

        Raises:
            InvalidRequest: the field that `field` names has too many values.
        """
        try:
            _check(data, 0, len(data), self._kind)
        except _Malformed:
            return


def _prepared(kind: Descriptor, repeated: Mapping[str, Limit]) -> _Kind:
    return _Kind(
        kind.name,
        {
            field.number: _Field(
                field.name,
                repeated[field.name] if is_repeated(field) else None,
                field.is_packed,
                field.type == FieldDescriptor.TYPE_STRING,
                None if field.message_type is None else _prepared(field.message_type, repeated),
            )
            for field in kind.fields
        },
    )


def _check(data: bytes, place: int, end: int, kind: _Kind) -> None:
    others, counts = 0, dict.fromkeys(kind.fields, 0)
    while place < end:
        tag, place = _varint(data, place, end)
        number, wire = tag >> 3, tag & 7
        start = place
        if wire == _BYTES:
            size, start = _varint(data, place, end)
            place = start + size
        else:
            place = _after(data, place, end, wire)
        if place > end:
            raise _Malformed
        field = kind.fields.get(number)
        if field is None or field.limit is None:
            others += 1
            if others > MESSAGES.max_fields:
                raise InvalidRequest(
                    f"the {kind.name} has more than {MESSAGES.max_fields} fields: generate your "
                    "client from the contract's .proto files",
                    field=kind.name,
                    reason="TOO_MANY_FIELDS",
                )
        if field is not None:
            counts[number] += _values(data, start, place, wire, field)
            _check_count(field, counts[number])
            if field.message is not None and wire == _BYTES:
                _check(data, start, place, field.message)


def _values(data: bytes, start: int, end: int, wire: int, field: _Field) -> int:
    """Number of values of one occurrence of a field."""
    if wire != _BYTES:
        return 1
    if field.is_text and end - start > MESSAGES.max_text_bytes:
        raise InvalidRequest(
            f"{field.name} has a text of {end - start} bytes; the limit is "
            f"{MESSAGES.max_text_bytes}",
            field=field.name,
            reason="TEXT_TOO_LONG",
        )
    if field.limit is None or not field.is_packed:
        return 1
    if end - start > field.limit.count * _VARINT_BYTES:
        return field.limit.count + 1
    return sum(byte < 0x80 for byte in data[start:end])


def _check_count(field: _Field, count: int) -> None:
    limit = field.limit
    if limit is not None and count > limit.count:
        hint = f" (its setting {limit.setting})" if limit.setting else ""
        raise InvalidRequest(
            f"{field.name} has more than {limit.count} values, the limit of this server{hint}",
            field=field.name,
            reason=limit.reason,
        )
    if limit is None and count > 1 and field.message is not None:
        # protobuf would merge them, and their repeated fields would add up
        raise InvalidRequest(
            f"{field.name} is present more than once", field=field.name, reason="TOO_MANY_VALUES"
        )


def _after(data: bytes, place: int, end: int, wire: int) -> int:
    """Offset of the end of a value that is not length-delimited."""
    if wire == _VARINT:
        return _varint(data, place, end)[1]
    if wire == _EIGHT_BYTES:
        return place + 8
    if wire == _FOUR_BYTES:
        return place + 4
    # a group; the contract has none, and groups can be nested deeply
    raise InvalidRequest(
        "the message has a group, which is not in the contract: generate your client from the "
        "contract's .proto files",
        reason="UNPARSABLE_MESSAGE",
    )


def _varint(data: bytes, place: int, end: int) -> tuple[int, int]:
    """Read a varint; return its value and the offset of its end."""
    value = shift = 0
    if place < end and data[place] < 0x80:  # the usual case
        return data[place], place + 1
    while place < end and shift < 70:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
    raise _Malformed


_DESCRIPTOR = service_pb.DESCRIPTOR.services_by_name["RecognitionService"]

SERVICE = _DESCRIPTOR.full_name


M = TypeVar("M", bound=Message)


def add_service(
    server: grpc.aio.Server, methods: dict[str, Method], endings: Endings, *, max_batch: int
) -> None:
    """Register the methods of the service at a server.

    All are registered with a stream of requests, so that gRPC receives no message before the method
    asks for it. A request that cannot be parsed, or exceeds a limit, is passed to the method as an
    error. Otherwise gRPC would end the call with UNKNOWN, without running the service.

    Args:
        server: a server that is not started yet.
        methods: by name; see `Method`. They handle the bytes of answers.
        endings: the ends of the calls of each connection.
        max_batch: maximum number of pictures of one request.
    """
    repeated = {
        "images": Limit(max_batch, "BATCH_TOO_LARGE", "max_batch"),
        "features": Limit(MESSAGES.max_features),
        "script_hints": Limit(MESSAGES.max_script_hints),
    }
    handlers: dict[str, Any] = {}
    for name, method in methods.items():
        described = _DESCRIPTOR.methods_by_name[name]
        request: type[Message] = getattr(service_pb, described.input_type.name)
        # a returned answer is sent together with the status, in half the time of two messages
        make = (
            grpc.stream_stream_rpc_method_handler
            if described.server_streaming
            else grpc.stream_unary_rpc_method_handler
        )
        handlers[name] = make(
            answering(method, endings),
            _reader(request, WireLimits(described.input_type, repeated)),
            None,  # answers are bytes already, so no message object waits in memory
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
                f"the message is no {name}: generate your client from the contract's .proto files",
                reason="UNPARSABLE_MESSAGE",
            )

    return read
