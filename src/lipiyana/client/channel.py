"""How a client reaches a server: options of the channel, retries, credentials."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass

import grpc

from lipiyana.addresses import host_of, is_loopback
from lipiyana.v1 import recognition_service_pb2 as service_pb

DEFAULT_TIMEOUT = 30.0
"""Seconds that a call may take where the caller says nothing else."""

REQUEST_ID_KEY = "x-request-id"
"""Metadata by which a call is named in the server's logs and errors."""

DEFAULT_MAX_MESSAGE_BYTES = 32 * 1024 * 1024

_SERVICE = service_pb.DESCRIPTOR.services_by_name["RecognitionService"]
_RETRIED = [{"service": _SERVICE.full_name, "method": m} for m in ("Recognize", "BatchRecognize")]
_SERVICE_CONFIG = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        "methodConfig": [
            {
                "name": _RETRIED,
                "retryPolicy": {
                    "maxAttempts": 4,
                    "initialBackoff": "0.1s",
                    "maxBackoff": "1s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ],
    }
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server and how to speak with it.

    Attributes:
        target: `host:port`, or another name that gRPC resolves (`dns:///name:port`).
        timeout: seconds of a call where the call itself has none; None waits for ever.
        max_message_bytes: of a request or a response.
        tls: credentials of the channel; None is plaintext.
        token: sent as `authorization: Bearer`; in plaintext it warns, unless to this machine.
    """

    target: str
    timeout: float | None
    max_message_bytes: int
    tls: grpc.ChannelCredentials | None
    token: str | None

    def __post_init__(self) -> None:
        if self.token is not None and self.tls is None and not is_loopback(host_of(self.target)):
            warnings.warn(
                "the token travels in plaintext: give `tls` as well", UserWarning, stacklevel=4
            )

    @property
    def options(self) -> list[tuple[str, str | int]]:
        """Options of the channel."""
        return [
            ("grpc.service_config", _SERVICE_CONFIG),
            # else all clients of a process would share one connection, and so one worker
            ("grpc.use_local_subchannel_pool", 1),
            # sooner than the last retry, which else would find the connection still in its pause
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 5_000),
            ("grpc.max_send_message_length", self.max_message_bytes),
            ("grpc.max_receive_message_length", self.max_message_bytes),
            # a request that does not fit this buffer is never retried, and pictures are large
            ("grpc.per_rpc_retry_buffer_size", self.max_message_bytes),
        ]

    def metadata(self, request_id: str | None) -> tuple[tuple[str, str], ...]:
        """Metadata of a call."""
        token = () if self.token is None else (("authorization", f"Bearer {self.token}"),)
        return token if request_id is None else (*token, (REQUEST_ID_KEY, request_id))

    def timeout_of(self, timeout: float | None) -> float | None:
        """Choose the timeout of a call."""
        return self.timeout if timeout is None else timeout
