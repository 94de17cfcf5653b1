"""Errors as `application/problem+json` (RFC 9457), with the code and the reason that gRPC has."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from lipiyana.errors import (
    InvalidRequest,
    LipiyanaError,
    MessageTooLarge,
    Overloaded,
    Unauthenticated,
    Unavailable,
)
from lipiyana.wire.status import to_status

PROBLEM = "application/problem+json"

STATUS: Mapping[str, int] = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""The HTTP status of each gRPC code; `status_of` has the exceptions."""

_BY_REASON = {"UNSUPPORTED_MEDIA_TYPE": 415, "METHOD_NOT_ALLOWED": 405}


class Problem(Exception):
    """An error that is the answer to a request."""

    def __init__(
        self, error: LipiyanaError, request_id: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(error.code)
        self.error = error
        self.request_id = request_id
        self.headers = dict(headers or {})


def unsupported_media_type(given: str) -> InvalidRequest:
    """Create the error of a body that is of no known kind."""
    return InvalidRequest(
        f"a body of Content-Type {given[:100]!r} is not read: send a picture as image/jpeg (or "
        "another image/*, or application/octet-stream), multipart/form-data, or application/json",
        field="content-type",
        reason="UNSUPPORTED_MEDIA_TYPE",
    )


def status_of(error: LipiyanaError) -> int:
    """The HTTP status of an error."""
    if isinstance(error, MessageTooLarge):
        return int(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return _BY_REASON.get(error.reason) or STATUS.get(error.code, 500)


def problem_of(error: LipiyanaError, request_id: str = "") -> dict[str, Any]:
    """The JSON of an error."""
    number = status_of(error)
    title = "Client Closed Request" if number == 499 else HTTPStatus(number).phrase
    problem: dict[str, Any] = {
        "type": "about:blank",
        "title": title,
        "status": number,
        "detail": to_status(error).message,
        "code": error.code,
        "reason": error.reason,
    }
    if isinstance(error, InvalidRequest) and error.field:
        problem["field"] = error.field
    if isinstance(error, Overloaded):
        problem["retry_after"] = error.retry_after
    if request_id:
        problem["request_id"] = request_id
    return problem


def headers_of(error: LipiyanaError) -> dict[str, str]:
    """The headers that tell clients what to do about an error."""
    if isinstance(error, Overloaded):
        return {"retry-after": str(max(1, math.ceil(error.retry_after)))}
    if isinstance(error, Unavailable):
        return {"retry-after": "1"}
    if isinstance(error, Unauthenticated):
        return {"www-authenticate": "Bearer"}
    return {}


def body_of(error: LipiyanaError, request_id: str = "") -> bytes:
    """The body of the answer with an error."""
    return json.dumps(problem_of(error, request_id), ensure_ascii=False).encode()
