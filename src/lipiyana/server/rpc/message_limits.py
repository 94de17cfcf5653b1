"""Limits the memory and time of messages: of requests being received, and of unread answers.

gRPC buffers at most `window_bytes` of a message that the server has not asked for. Once the server
asks for it, the client may send all of it, and the bytes stay in memory until the message is
complete or the call ends. So the server asks for a message only while the call holds one of a few
places.

If a caller does not read its answer, the answer stays in the server's memory. The answer to a batch
has megabytes, and costs almost nothing if it comes from the cache. So the bytes of unread answers
are limited.

A picture full of text has a thousand lines, which take 5 ms to serialize, and a batch can contain
many such pictures, perhaps from the cache. A whole batch, or several at once, would block the event
loop for seconds. So the answers of batches are built in turns, picture by picture.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from lipiyana.errors import DeadlineExceeded, InvalidRequest, LipiyanaError, Overloaded
from lipiyana.server.queue.admission import Admission
from lipiyana.server.queue.places import Places
from lipiyana.server.rpc.calls import Context
from lipiyana.server.settings.model import ServerSettings
from lipiyana.server.tuning import MESSAGES
from lipiyana.types import Recognition
from lipiyana.v1 import recognition_service_pb2 as service_pb
from lipiyana.wire.results import recognition_to_proto
from lipiyana.wire.status import to_status

M = TypeVar("M", bound=Message)


class Receiving:
    """The places of one server. Belongs to one event loop."""

    def __init__(self, settings: ServerSettings) -> None:
        self._seconds = settings.receive_timeout
        count = settings.max_receiving_bytes // settings.max_message_bytes
        self._places = Places(count, max_waiting=MESSAGES.max_waiting)

    @property
    def places(self) -> Places:
        """The places, held by calls whose message is being received."""
        return self._places

    async def message(self, context: Context, client: str) -> Any:
        """Receive the only message of a call.

        Raises:
            Overloaded: too many calls wait to send theirs (TOO_MANY_CALLS).
            DeadlineExceeded: it did not arrive in time (MESSAGE_TIMEOUT).
            InvalidRequest: there is none (MISSING_MESSAGE), or it cannot be parsed.
        """
        refusal = Overloaded(
            "more calls send messages than this server receives at a time (its setting "
            "max_receiving_bytes); try again in 1 s",
            reason="TOO_MANY_CALLS",
        )
        async with self._places.soon(client, refusal, self._seconds):
            try:
                async with asyncio.timeout(self._seconds):
                    message = await context.read()
            except TimeoutError:
                raise DeadlineExceeded(
                    f"the message did not arrive within {self._seconds:g} s (the server's setting "
                    "receive_timeout)",
                    reason="MESSAGE_TIMEOUT",
                ) from None
        if message is grpc.aio.EOF:
            raise InvalidRequest("the call ended without a message", reason="MISSING_MESSAGE")
        return parsed(message)


def parsed(request: M | InvalidRequest) -> M:
    """Return a request that was parsed.

    Raises:
        InvalidRequest: it could not be parsed, or exceeds a limit.
    """
    if isinstance(request, InvalidRequest):
        raise request
    return request


class UnreadAnswers:
    """Limits the bytes of large answers from the time they are sent until their calls end.

    One client may use seven eighths of the limit. Belongs to one event loop.
    """

    def __init__(self, max_message_bytes: int) -> None:
        """Limit the answers to `MESSAGES.unread_messages` messages of the maximum size."""
        most = MESSAGES.unread_messages * max_message_bytes
        self._admission = Admission(most, most)  # an answer has at least one byte

    @property
    def size(self) -> int:
        """Bytes of the unread answers."""
        return self._admission.size

    def count(self, answer: bytes, context: Context, client: str) -> bytes:
        """Count an answer until its call has ended, and return it.

        Raises:
            Overloaded: there are too many bytes of unread answers (ANSWERS_NOT_TAKEN).
        """
        size = len(answer)
        if size <= MESSAGES.small_answer_bytes:
            return answer
        if self._admission.refusal(client, 1, size):
            raise Overloaded(
                f"{self._admission.size} bytes of answers wait until their callers read them; read "
                "your answers, and try again in 1 s",
                reason="ANSWERS_NOT_TAKEN",
            )
        self._admission.enter(client, size)
        call: Any = context  # grpc's type stubs do not accept a function as a callback
        call.add_done_callback(lambda _: self._admission.leave(client, size))
        return answer


Outcome = Recognition | LipiyanaError


class BatchWriting:
    """Serializes the answers of batches. Belongs to one event loop."""

    def __init__(self, seconds: float) -> None:
        """Let a batch wait for its turn for at most `seconds`."""
        self._seconds = seconds
        self._places = Places(MESSAGES.batches_written_at_once, max_waiting=MESSAGES.max_waiting)

    async def written(self, outcomes: Sequence[Outcome], client: str) -> bytes:
        """Serialize an answer; after each picture, other tasks may run.

        Raises:
            Overloaded: too many answers wait to be serialized (TOO_MANY_CALLS).
        """
        refusal = Overloaded(
            "too many batches at a time for this server; try again in 1 s",
            reason="TOO_MANY_CALLS",
        )
        response = service_pb.BatchRecognizeResponse()
        async with self._places.soon(client, refusal, self._seconds):
            for outcome in outcomes:
                response.items.append(_item(outcome))
                await asyncio.sleep(0)
        return response.SerializeToString()


def _item(outcome: Outcome) -> service_pb.BatchRecognizeResponse.Item:
    if isinstance(outcome, LipiyanaError):
        return service_pb.BatchRecognizeResponse.Item(error=to_status(outcome))
    return service_pb.BatchRecognizeResponse.Item(recognition=recognition_to_proto(outcome))
