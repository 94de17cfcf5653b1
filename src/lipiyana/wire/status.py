"""Converts errors to `google.rpc.Status` with details, and back to the same class."""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2
from google.rpc.code_pb2 import Code
from google.rpc.status_pb2 import Status

from lipiyana import errors
from lipiyana.errors import ERROR_DOMAIN, InvalidRequest, LipiyanaError, MissingExtra, Overloaded

Detail = TypeVar("Detail", bound=Message)

DETAILS_KEY = "grpc-status-details-bin"
"""The trailing metadata that gRPC reserves for a serialized `google.rpc.Status`."""

LONGEST_RETRY = 3600.0
"""Maximum seconds of a retry delay; longer ones that a server asks for are shortened to it."""

MAX_MESSAGE_BYTES = 1_000
"""Of an error's text. It travels three times (percent-encoded, twice in base64), and gRPC takes
8 KB of metadata."""

_CLASS = "error"
_EXTRA = "extra"
_BY_NAME = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, LipiyanaError)
}
# several classes share a code: these are what a status without the class's name becomes
_BY_CODE = {kind.code: kind for kind in _BY_NAME.values()} | {
    kind.code: kind for kind in (errors.InvalidRequest, errors.ModelUnavailable, errors.Overloaded)
}


def to_status(error: LipiyanaError, *, request_id: str = "") -> Status:
    """Write an error: ErrorInfo always, BadRequest for a field, RetryInfo for `Overloaded`."""
    message = _shortened(error.message)
    info = error_details_pb2.ErrorInfo(
        reason=error.reason, domain=ERROR_DOMAIN, metadata={_CLASS: type(error).__name__}
    )
    if request_id:
        info.metadata["request_id"] = request_id
    details: list[Message] = [info]
    if isinstance(error, MissingExtra):
        info.metadata[_EXTRA] = error.extra
    elif isinstance(error, InvalidRequest) and error.field:
        bad = error_details_pb2.BadRequest()
        bad.field_violations.add(field=error.field, description=message)
        details.append(bad)
    elif isinstance(error, Overloaded):
        delay = Duration()
        delay.FromNanoseconds(round(error.retry_after * 1e9))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    status = Status(code=Code.Value(error.code), message=message)
    for detail in details:
        status.details.add().Pack(detail)
    return status


def from_status(status: Status) -> LipiyanaError:
    """Read an error; an error of another origin gets the class of its code."""
    info = _detail(status, error_details_pb2.ErrorInfo)
    if info.domain != ERROR_DOMAIN:
        info = error_details_pb2.ErrorInfo()
    code = Code.Name(status.code) if status.code in Code.values() else "UNKNOWN"
    kind = _BY_NAME.get(info.metadata.get(_CLASS, ""), LipiyanaError)
    if kind.code != code:
        kind = _BY_CODE.get(code, LipiyanaError)
    reason = info.reason or (code if kind is LipiyanaError else kind.default_reason)
    if issubclass(kind, InvalidRequest):
        violations = _detail(status, error_details_pb2.BadRequest).field_violations
        field = violations[0].field if violations else ""
        return kind(status.message, field=field, reason=reason)
    if issubclass(kind, MissingExtra):
        return kind(status.message, extra=info.metadata.get(_EXTRA, ""), reason=reason)
    if issubclass(kind, Overloaded):
        retry = _detail(status, error_details_pb2.RetryInfo)
        if retry.HasField("retry_delay"):
            # a peer may send an invalid delay
            delay = min(max(0.0, retry.retry_delay.ToNanoseconds() / 1e9), LONGEST_RETRY)
            return kind(status.message, retry_after=delay, reason=reason)
    return kind(status.message, reason=reason)


def _detail(status: Status, kind: type[Detail]) -> Detail:
    """Find the detail of a kind, or an empty one."""
    found = kind()
    for packed in status.details:
        try:
            if packed.Is(kind.DESCRIPTOR) and packed.Unpack(found):
                return found
        except DecodeError:  # what a peer sent need not parse
            continue
    return kind()


def _shortened(message: str) -> str:
    """Make a message fit the trailers, and valid UTF-8 (a path may bring lone surrogates)."""
    encoded = message.encode("utf-8", "backslashreplace")
    if len(encoded) <= MAX_MESSAGE_BYTES:
        return encoded.decode()
    return encoded[: MAX_MESSAGE_BYTES - 3].decode("utf-8", "ignore") + "..."
