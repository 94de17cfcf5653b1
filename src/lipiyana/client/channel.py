"""How a client reaches a server: channel options, retries, credentials."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import dataclass

import grpc

from lipiyana.addresses import check_target, host_of, is_loopback
from lipiyana.arguments import seconds_of
from lipiyana.errors import DeadlineExceeded, InvalidRequest
from lipiyana.v1 import recognition_service_pb2 as service_pb
from lipiyana.words import shown

DEFAULT_TIMEOUT = 30.0
"""Default timeout of a call in seconds."""

REQUEST_ID_KEY = "x-request-id"
"""Metadata key of the id that names a call in the server's logs and errors."""

DEFAULT_MAX_MESSAGE_BYTES = 32 * 1024 * 1024

KEEPALIVE_MS = 60_000
"""After this many milliseconds without data, the client pings the server of a running call."""

KEEPALIVE_TIMEOUT_MS = 20_000
"""Milliseconds within which the server must answer a ping."""

ATTEMPTS = 5
"""Maximum number of attempts of a call, over about 3 seconds; gRPC allows at most 5."""

RECONNECT_MS = 1_000
"""Maximum back-off in milliseconds between attempts to connect. It is shorter than all attempts of
a call together, so a call that began while the server was down reaches it after its restart."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""Request ids that the server accepts. gRPC itself rejects calls with some other ones."""

_PRINTABLE = re.compile(r"[ -~]*")

_SERVICE = service_pb.DESCRIPTOR.services_by_name["RecognitionService"]
_RETRIED = [{"service": _SERVICE.full_name, "method": m} for m in ("Recognize", "BatchRecognize")]
_SERVICE_CONFIG = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        # the client watches the health of each server, and so stops using a server that shuts down
        # before it closes its connections
        "healthCheckConfig": {"serviceName": _SERVICE.full_name},
        "methodConfig": [
            {
                "name": _RETRIED,
                "retryPolicy": {
                    "maxAttempts": ATTEMPTS,
                    "initialBackoff": "0.1s",
                    "maxBackoff": "2s",
                    "backoffMultiplier": 3,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ],
    }
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server and the settings of its calls.

    A token without TLS causes a warning, except for servers on this machine.

    Attributes:
        target: `host:port`, or another name that gRPC resolves (`dns:///name:port`).
        timeout: default timeout of a call in seconds; None, or more than a year, means no limit.
        max_message_bytes: maximum size of a request or a response.
        tls: credentials of the channel; None means plaintext.
        token: sent as `authorization: Bearer`, without surrounding whitespace.

    Raises:
        InvalidRequest: an argument is invalid, such as a target without a port.
    """

    target: str
    timeout: float | None
    max_message_bytes: int
    tls: grpc.ChannelCredentials | None
    token: str | None

    def __post_init__(self) -> None:
        check_target(self.target)
        _check_timeout(self.timeout)
        _check_message_bytes(self.max_message_bytes)
        _check_tls(self.tls)
        _check_token(self.token)
        if self.token is not None and self.tls is None and not is_loopback(host_of(self.target)):
            warnings.warn(
                "the token is sent in plaintext: pass `tls` as well", UserWarning, stacklevel=4
            )

    @property
    def options(self) -> list[tuple[str, str | int]]:
        """Options of the channel."""
        return [
            ("grpc.service_config", _SERVICE_CONFIG),
            # otherwise all clients of a process would share one connection, hence one worker
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", RECONNECT_MS),
            # otherwise a stream would wait forever for a server that disappeared
            ("grpc.keepalive_time_ms", KEEPALIVE_MS),
            ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
            # gRPC 1.85 uses this timeout for the answer to its ping; its default is a minute
            ("grpc.http2.ping_timeout_ms", KEEPALIVE_TIMEOUT_MS),
            ("grpc.keepalive_permit_without_calls", 0),
            # also ping during a stream whose frames have paused
            ("grpc.http2.max_pings_without_data", 0),
            ("grpc.max_send_message_length", self.max_message_bytes),
            ("grpc.max_receive_message_length", self.max_message_bytes),
            # a request that does not fit this buffer is never retried, and pictures are large
            ("grpc.per_rpc_retry_buffer_size", self.max_message_bytes),
        ]

    def metadata(self, request_id: str | None) -> tuple[tuple[str, str], ...]:
        """Metadata of a call; a request id that the server would not accept is left out.

        Raises:
            InvalidRequest: the request id is not a string.
        """
        if request_id is not None and not isinstance(request_id, str):
            raise InvalidRequest(
                f"request_id must be a str, not {shown(request_id)}", field="request_id"
            )
        token = () if self.token is None else (("authorization", f"Bearer {self.token.strip()}"),)
        if request_id is None or not _REQUEST_ID.fullmatch(request_id):
            return token
        return (*token, (REQUEST_ID_KEY, request_id))

    def timeout_of(self, timeout: float | None) -> float | None:
        """The timeout of a call: `timeout`, or the default one if that is None.

        Raises:
            InvalidRequest: it is not a number.
            DeadlineExceeded: it is 0 or less. This is checked here because a fast server may answer
                before gRPC notices that the deadline has passed.
        """
        chosen = seconds_of(self.timeout if timeout is None else timeout)
        if chosen == 0:
            raise DeadlineExceeded("the timeout expired before the call began")
        return chosen


def _check_timeout(timeout: object) -> None:
    if seconds_of(timeout) == 0:
        raise _bad_setting("timeout", f"must be above 0 seconds, not {shown(timeout)}")


def _check_message_bytes(size: object) -> None:
    if not isinstance(size, int) or isinstance(size, bool) or not 0 < size < 2**31:
        raise _bad_setting(
            "max_message_bytes", f"must be a whole number from 1 to 2**31 - 1, not {shown(size)}"
        )


def _check_tls(tls: object) -> None:
    if tls is not None and not isinstance(tls, grpc.ChannelCredentials):
        raise _bad_setting(
            "tls",
            f"must be gRPC credentials, not {type(tls).__name__}; write "
            'tls=grpc.ssl_channel_credentials(Path("ca.pem").read_bytes())',
        )


def _check_token(token: object) -> None:
    """Reject a token that cannot be sent; the error message does not quote it."""
    if token is None:
        return
    if not isinstance(token, str):
        decode = "; write token.decode()" if isinstance(token, bytes) else ""
        raise _bad_setting("token", f"must be a str, not {type(token).__name__}{decode}")
    if not _PRINTABLE.fullmatch(token.strip()):
        raise _bad_setting("token", "must be printable ASCII")
    if token.strip().lower().startswith("bearer "):
        raise _bad_setting("token", "must be given without the word Bearer")


def _bad_setting(field: str, what: str) -> InvalidRequest:
    return InvalidRequest(f"{field} {what}", field=field, reason="INVALID_SETTINGS")
