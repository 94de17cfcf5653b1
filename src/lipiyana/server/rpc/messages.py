"""Incoming requests: checked for size before they are parsed, then parsed.

A message of a few megabytes can contain millions of values, and takes seconds to process once each
value is a Python object. `WireLimits` reads only the tags, skips their contents, and stops at the
first excess, so its time is bounded whatever the message contains. A request that does not parse is
an error of its caller, and the error says so.
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
from lipiyana.server.rpc.calls import Method, answering
from lipiyana.server.tuning import MESSAGES
from lipiyana.v1 import recognition_service_pb2 as service_pb

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5
_VARINT_BYTES = 10  # of the longest


@dataclass(frozen=True, slots=True)
class Limit:
    """Of one repeated field, and the error where a message has more of it."""

    count: int
    reason: str = "TOO_MANY_VALUES"
    setting: str = ""


class _Malformed(Exception):
    """The bytes are not a valid message; protobuf then raises the error."""


@dataclass(slots=True)
class _Field:
    """What the check needs of a field; asking a descriptor each time is slow."""

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
    """Checks messages of one kind."""

    def __init__(self, kind: Descriptor, repeated: Mapping[str, Limit]) -> None:
        """Prepare for a kind of message.

        Args:
            kind: of the message; none of those in it may have itself in it.
            repeated: limits of its repeated fields and of those of the messages in it, by the
                field's name.

        Raises:
            KeyError: a repeated field has no limit.
        """
        self._kind = _prepared(kind, repeated)

    def check(self, data: bytes) -> None:
        """Look through the bytes of a message.

        Raises:
            InvalidRequest: it contains too much of what `field` names. Bytes that
                are no message may pass: they do not parse.
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
                repeated[field.name] if field.is_repeated else None,
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
                    f"the {kind.name} has more than {MESSAGES.max_fields} fields: make it from the "
                    "contract's .proto files",
                    field=kind.name,
                    reason="TOO_MANY_FIELDS",
                )
        if field is not None:
            counts[number] += _values(data, start, place, wire, field)
            _check_count(field, counts[number])
            if field.message is not None and wire == _BYTES:
                _check(data, start, place, field.message)


def _values(data: bytes, start: int, end: int, wire: int, field: _Field) -> int:
    """Give how many values an occurrence of a field has."""
    if wire != _BYTES:
        return 1
    if field.is_text and end - start > MESSAGES.max_text_bytes:
        raise InvalidRequest(
            f"{field.name} has a text of {end - start} bytes; {MESSAGES.max_text_bytes} are the "
            "most",
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
            f"{field.name} has more than {limit.count} values, the most that this server "
            f"takes{hint}",
            field=field.name,
            reason=limit.reason,
        )
    if limit is None and count > 1 and field.message is not None:
        # they would be merged, and their repeated fields add up
        raise InvalidRequest(
            f"{field.name} is there more than once", field=field.name, reason="TOO_MANY_VALUES"
        )


def _after(data: bytes, place: int, end: int, wire: int) -> int:
    """Give where a value ends that is not of bytes."""
    if wire == _VARINT:
        return _varint(data, place, end)[1]
    if wire == _EIGHT_BYTES:
        return place + 8
    if wire == _FOUR_BYTES:
        return place + 4
    # a group: the contract has none, and they nest
    raise InvalidRequest(
        "the message has a group, which is no part of the contract: make it from the contract's "
        ".proto files",
        reason="UNPARSABLE_MESSAGE",
    )


def _varint(data: bytes, place: int, end: int) -> tuple[int, int]:
    """Read a number; give it and where it ends."""
    value = shift = 0
    if place < end and data[place] < 0x80:  # nearly always
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
    """Have a server answer the methods of the service.

    All are streams of requests for gRPC, so that it takes in no message before the method asks for
    it. A request that does not parse, or has too much in it, reaches the method as the error that
    it is: gRPC would end the call UNKNOWN before anything of the service runs.

    Args:
        server: not started yet.
        methods: by their names; they give the bytes of an answer, or write those of several
            themselves and give None.
        endings: when the calls of a connection end.
        max_batch: pictures of one request.
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
        # an answer that is given goes out together with the status, in half the time of two
        make = (
            grpc.stream_stream_rpc_method_handler
            if described.server_streaming
            else grpc.stream_unary_rpc_method_handler
        )
        handlers[name] = make(
            answering(method, endings),
            _reader(request, WireLimits(described.input_type, repeated)),
            None,  # of an answer that waits unread, only its bytes stay in memory
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
