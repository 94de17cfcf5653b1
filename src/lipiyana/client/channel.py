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
"""Seconds that a call may take where the caller says nothing else."""

REQUEST_ID_KEY = "x-request-id"
"""Metadata by which a call is named in the server's logs and errors."""

DEFAULT_MAX_MESSAGE_BYTES = 32 * 1024 * 1024

KEEPALIVE_MS = 60_000
"""Milliseconds without data from the server after which a call pings it."""

KEEPALIVE_TIMEOUT_MS = 20_000
"""Milliseconds that it may take to give one."""

ATTEMPTS = 5
"""How often a call is sent at most, over about 3 seconds; gRPC allows no more attempts than 5."""

RECONNECT_MS = 1_000
"""Milliseconds between attempts to reach a server that is down, at most. All attempts of a call
together take longer, so that a call outlasts the pause of a server that has just come back."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""What the server takes for one; gRPC itself refuses a call for some others."""

_PRINTABLE = re.compile(r"[ -~]*")

_SERVICE = service_pb.DESCRIPTOR.services_by_name["RecognitionService"]
_RETRIED = [{"service": _SERVICE.full_name, "method": m} for m in ("Recognize", "BatchRecognize")]
_SERVICE_CONFIG = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        # the client watches the health of each server, and leaves out one that is about to end
        # before that one closes its connections
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
    """A server, and how to call it.

    Attributes:
        target: `host:port`, or another name that gRPC resolves (`dns:///name:port`).
        timeout: seconds of a call where the call itself has none; None waits for ever, and so
            does more than a year.
        max_message_bytes: of a request or a response.
        tls: credentials of the channel; None is plaintext.
        token: sent as `authorization: Bearer`, without the whitespace around it; in plaintext it
            warns, unless to this machine.

    Raises:
        InvalidRequest: one of them makes no sense, such as a target without a port.
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
                "the token travels in plaintext: give `tls` as well", UserWarning, stacklevel=4
            )

    @property
    def options(self) -> list[tuple[str, str | int]]:
        """Options of the channel."""
        return [
            ("grpc.service_config", _SERVICE_CONFIG),
            # otherwise all clients of a process would share one connection, and so one worker
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", RECONNECT_MS),
            # otherwise a stream would wait forever for a server that vanished
            ("grpc.keepalive_time_ms", KEEPALIVE_MS),
            ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
            # gRPC 1.85 waits this long for the answer to its ping, by default a minute
            ("grpc.http2.ping_timeout_ms", KEEPALIVE_TIMEOUT_MS),
            ("grpc.keepalive_permit_without_calls", 0),
            # of a stream whose source has paused, too
            ("grpc.http2.max_pings_without_data", 0),
            ("grpc.max_send_message_length", self.max_message_bytes),
            ("grpc.max_receive_message_length", self.max_message_bytes),
            # a request that does not fit this buffer is never retried, and pictures are large
            ("grpc.per_rpc_retry_buffer_size", self.max_message_bytes),
        ]

    def metadata(self, request_id: str | None) -> tuple[tuple[str, str], ...]:
        """Metadata of a call; an invalid request id is left out.

        Raises:
            InvalidRequest: it is no text at all.
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
        """Choose the timeout of a call.

        Raises:
            InvalidRequest: it is not a number.
            DeadlineExceeded: it is 0 or less, so that it has passed when the call begins; a quick
                server may answer before gRPC notices.
        """
        chosen = seconds_of(self.timeout if timeout is None else timeout)
        if chosen == 0:
            raise DeadlineExceeded("the time allowed was over before the call began")
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
            f"must be credentials of gRPC, not {type(tls).__name__}; write "
            'tls=grpc.ssl_channel_credentials(Path("ca.pem").read_bytes())',
        )


def _check_token(token: object) -> None:
    """Refuse a token that cannot be sent; the message does not quote it."""
    if token is None:
        return
    if not isinstance(token, str):
        decode = "; write token.decode()" if isinstance(token, bytes) else ""
        raise _bad_setting("token", f"must be a str, not {type(token).__name__}{decode}")
    if not _PRINTABLE.fullmatch(token.strip()):
        raise _bad_setting("token", "must be printable ASCII")
    if token.strip().lower().startswith("bearer "):
        raise _bad_setting("token", "is given alone, without the word Bearer")


def _bad_setting(field: str, what: str) -> InvalidRequest:
    return InvalidRequest(f"{field} {what}", field=field, reason="INVALID_SETTINGS")
