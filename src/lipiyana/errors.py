"""All errors that this package raises deliberately.

    LipiyanaError
    ├── InvalidRequest            INVALID_ARGUMENT      the caller must change the request
    │   └── InvalidImage          INVALID_ARGUMENT      the picture cannot be used
    ├── ModelUnavailable          FAILED_PRECONDITION   a model is not installed or is damaged
    ├── MissingExtra              FAILED_PRECONDITION   an optional dependency is not installed
    ├── Overloaded                RESOURCE_EXHAUSTED    try again after `retry_after` seconds
    ├── MessageTooLarge           RESOURCE_EXHAUSTED    over the message limit; do not retry
    ├── DeadlineExceeded          DEADLINE_EXCEEDED     no answer within the timeout
    ├── Unavailable               UNAVAILABLE           no server answers, or it is shutting down
    ├── Unauthenticated           UNAUTHENTICATED       the token is missing or unknown
    ├── PermissionDenied          PERMISSION_DENIED     the file may not be read
    ├── NotFound                  NOT_FOUND             the file does not exist
    ├── Cancelled                 CANCELLED             the call was cancelled
    └── InternalError             INTERNAL              a bug; please report it

`code` is the name of the gRPC status code. `reason` is a stable upper-case word for programs; a
server sends it as `google.rpc.ErrorInfo.reason`. The message is for people.
"""

from __future__ import annotations

from typing import ClassVar

ERROR_DOMAIN = "lipiyana"

# the build without CUDA: a thirtieth of what the package index gives by default
_CPU_TORCH = "pip install --index-url https://download.pytorch.org/whl/cpu torch"


class LipiyanaError(Exception):
    """Base class of all errors of this package.

    Examples:
        >>> from lipiyana import InvalidImage, LipiyanaError, LocalRecognizer
        >>> try:
        ...     LocalRecognizer().recognize(b"not a picture")
        ... except LipiyanaError as error:
        ...     print(type(error).__name__, error.code, error.reason)
        InvalidImage INVALID_ARGUMENT NOT_AN_IMAGE

    Attributes:
        code: name of the gRPC status code.
        reason: a stable upper-case word that a program can act on.
        message: what is wrong and what to do about it.
    """

    code: ClassVar[str] = "UNKNOWN"
    default_reason: ClassVar[str] = "UNKNOWN"

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or self.default_reason

    def __reduce__(self) -> tuple[object, ...]:
        # keyword arguments are lost by the default, and errors cross process borders
        return (_rebuild, (type(self), self.__dict__.copy()))


def _rebuild(kind: type[LipiyanaError], state: dict[str, object]) -> LipiyanaError:
    error = kind.__new__(kind)
    error.__dict__.update(state)
    error.args = (state["message"],)
    return error


class InvalidRequest(LipiyanaError):
    """The request is invalid. `field` names the wrong part."""

    code = "INVALID_ARGUMENT"
    default_reason = "INVALID_REQUEST"

    def __init__(self, message: str, *, field: str = "", reason: str | None = None) -> None:
        super().__init__(message, reason=reason)
        self.field = field


class InvalidImage(InvalidRequest):
    """The picture cannot be used.

    `reason` is one of EMPTY_IMAGE, NOT_AN_IMAGE, UNSUPPORTED_FORMAT, TRUNCATED_IMAGE,
    ANIMATED_IMAGE, IMAGE_TOO_LARGE, IMAGE_TOO_SMALL, IMAGE_TOO_COMPLEX,
    BAD_SHAPE, BAD_RAW_IMAGE.
    """

    default_reason = "NOT_AN_IMAGE"

    def __init__(self, message: str, *, reason: str | None = None, field: str = "image") -> None:
        super().__init__(message, field=field, reason=reason)


class ModelUnavailable(LipiyanaError):
    """A model is missing (MODEL_NOT_INSTALLED), or its file does not match the manifest
    (MODEL_CORRUPT).
    """

    code = "FAILED_PRECONDITION"
    default_reason = "MODEL_NOT_INSTALLED"


class MissingExtra(LipiyanaError):
    """An optional dependency is not installed; `extra` names the extra to install."""

    code = "FAILED_PRECONDITION"
    default_reason = "MISSING_EXTRA"

    def __init__(self, message: str, *, extra: str = "", reason: str | None = None) -> None:
        super().__init__(message, reason=reason)
        self.extra = extra

    @classmethod
    def for_extra(cls, extra: str, purpose: str) -> MissingExtra:
        """Create the error of a `purpose` that needs an extra, with the command to install it."""
        return cls(f"{purpose} needs the extra '{extra}': {how_to_install(extra)}", extra=extra)


def how_to_install(extra: str) -> str:
    """Return the commands that install an extra in a clone of the project or from a wheel."""
    first = f"{_CPU_TORCH}, then " if extra == "train" else ""
    return (
        f"{first}pip install --editable '.[{extra}]' in a clone of the project, or "
        f"pip install 'WHEEL[{extra}]' with the file of the wheel"
    )


class Overloaded(LipiyanaError):
    """The server is busy. Try again after `retry_after` seconds."""

    code = "RESOURCE_EXHAUSTED"
    default_reason = "QUEUE_FULL"

    def __init__(
        self, message: str, *, retry_after: float = 1.0, reason: str | None = None
    ) -> None:
        super().__init__(message, reason=reason)
        self.retry_after = retry_after


class MessageTooLarge(LipiyanaError):
    """The message is larger than the server or the client accepts."""

    code = "RESOURCE_EXHAUSTED"
    default_reason = "MESSAGE_TOO_LARGE"


class DeadlineExceeded(LipiyanaError):
    """There was no answer within the timeout."""

    code = "DEADLINE_EXCEEDED"
    default_reason = "DEADLINE_EXCEEDED"


class Unavailable(LipiyanaError):
    """No server answers at the target, or it is shutting down."""

    code = "UNAVAILABLE"
    default_reason = "UNAVAILABLE"


class Unauthenticated(LipiyanaError):
    """The token is missing or unknown."""

    code = "UNAUTHENTICATED"
    default_reason = "UNAUTHENTICATED"


class PermissionDenied(LipiyanaError):
    """The file exists but may not be read."""

    code = "PERMISSION_DENIED"
    default_reason = "PERMISSION_DENIED"


class NotFound(LipiyanaError):
    """The file does not exist."""

    code = "NOT_FOUND"
    default_reason = "NOT_FOUND"


class Cancelled(LipiyanaError):
    """The call was cancelled, or the client was closed."""

    code = "CANCELLED"
    default_reason = "CANCELLED"


class InternalError(LipiyanaError):
    """An unexpected error: a bug of this package."""

    code = "INTERNAL"
    default_reason = "INTERNAL"
