"""Delivers messages to a `RowReceiverService` of gRPC."""

from __future__ import annotations

import gzip
import os
import time
from collections.abc import Callable, Sequence

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # faults are told as those of other receivers

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from lipiyana.events.senders.message import Compression, Message, Outcome, SendError, lines_of
from lipiyana.events.senders.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from lipiyana.events.v1 import row_receiver_service_pb2 as pb
from lipiyana.events.v1.row_receiver_service_pb2_grpc import RowReceiverServiceStub

_ANSWER_SECONDS = 30.0
_TOO_LARGE = "larger than max"
"""What implementations of gRPC say of a message that is too long; the code alone may be a quota."""
_CONTENT = "application/grpc"
_GZIP_LEVEL = 6  # that of gRPC


class GrpcSender:
    """Calls `Deliver`; rows that the answer names are settled, from the first one on."""

    def __init__(
        self,
        target: str,
        *,
        tls: bool = False,
        ca: bytes | None = None,
        secret: bytes = b"",
        timeout: float = _ANSWER_SECONDS,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Connect at the first message.

        Args:
            target: `host:port`.
            tls: whether to use TLS.
            ca: PEM of the issuer of the receiver's certificate; None for gRPC's own list.
            secret: signs the messages; empty for no signature.
            timeout: seconds for an answer.
            wall: seconds since 1970.
        """
        self._target, self._tls, self._ca = target, tls, ca
        self._secret, self._timeout, self._wall = secret, timeout, wall
        self._channel: grpc.Channel | None = None

    def pack(
        self, rows: Sequence[tuple[str, bytes]], compression: Compression | None, *, single: bool
    ) -> Message:
        """Make a request; an event is a row, too. See `Sender`.

        gRPC compresses where nobody sees it, so the body is compressed here for its size alone.
        """
        del single
        body = _request(rows).SerializeToString()
        if compression is None:
            return Message(body, _CONTENT, rows=tuple(rows))
        packed = gzip.compress(body, _GZIP_LEVEL, mtime=0)
        return Message(packed, _CONTENT, Compression.GZIP, rows=tuple(rows))

    def send(self, message: Message) -> Outcome | None:
        """Deliver a message; see `Sender`."""
        if self._channel is None:
            self._channel = self._connected()
        deliver = RowReceiverServiceStub(self._channel).Deliver
        try:
            answer = deliver(
                _request(message.rows),
                timeout=self._timeout,
                metadata=self._signed(message),
                compression=grpc.Compression.Gzip if message.encoding else None,
            )
        except grpc.RpcError as error:
            # a new connection, so that only the caller's back-off decides when
            self.close()
            raise _why(error) from None
        return _outcome(message, set(answer.taken_ids), set(answer.refused_ids))

    def close(self) -> None:
        """End the connection."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _connected(self) -> grpc.Channel:
        options = [("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1)]
        if not self._tls:
            return grpc.insecure_channel(self._target, options)
        return grpc.secure_channel(self._target, grpc.ssl_channel_credentials(self._ca), options)

    def _signed(self, message: Message) -> tuple[tuple[str, str], ...]:
        if not self._secret:
            return ()
        timestamp = str(int(self._wall()))
        signature = sign(self._secret, timestamp, lines_of(message.rows))
        return (
            (TIMESTAMP_HEADER.lower(), timestamp),
            (SIGNATURE_HEADER.lower(), signature),
        )


def signed_text(request: pb.DeliverRequest) -> bytes:
    """Return what the signature of a request is made of, for a receiver in Python."""
    return lines_of([(row.id, row.json) for row in request.rows])


def _request(rows: Sequence[tuple[str, bytes]]) -> pb.DeliverRequest:
    return pb.DeliverRequest(rows=[pb.Row(id=name, json=row) for name, row in rows])


def _outcome(message: Message, taken: set[str], refused: set[str]) -> Outcome | None:
    """Count the first rows that are settled; the others keep their order and come again."""
    settled = 0
    for name, _ in message.rows:
        if name not in taken and name not in refused:
            break
        settled += 1
    if not settled:
        raise SendError("it has taken no row")
    names = [name for name, _ in message.rows[:settled]]
    never = tuple(name for name in names if name in refused and name not in taken)
    return None if settled == len(message.rows) and not never else Outcome(settled, never)


def _why(error: grpc.RpcError) -> SendError:
    code, details = error.code(), " ".join((error.details() or "").split())
    says, refused = f"it answers {code.name}: {details}", False
    match code:
        case grpc.StatusCode.INVALID_ARGUMENT:
            refused = True
        case grpc.StatusCode.RESOURCE_EXHAUSTED if _TOO_LARGE in details:
            says, refused = "it takes no message of this size", True
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            says = "it does not answer in time"
        case grpc.StatusCode.UNIMPLEMENTED:
            says = "it is no RowReceiverService"
        case grpc.StatusCode.UNAVAILABLE if "handshake" in details.lower():
            says = f"TLS failed: {details}"
        case grpc.StatusCode.UNAVAILABLE if "failed to connect" in details:
            says = "no connection"
    return SendError(says, refused=refused, retry_after=_retry_after(error))


def _retry_after(error: grpc.RpcError) -> float | None:
    try:
        status = rpc_status.from_call(error)
    except ValueError:  # its parts contradict each other
        return None
    for detail in () if status is None else status.details:
        asked = error_details_pb2.RetryInfo()
        if detail.Unpack(asked):
            return float(asked.retry_delay.seconds + asked.retry_delay.nanos / 1e9)
    return None
