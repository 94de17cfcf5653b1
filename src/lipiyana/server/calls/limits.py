"""Limits the memory and time of messages: of requests being received, and of unread answers.

gRPC and HTTP buffer at most `window_bytes` of a message that the server has not asked for. Once the
server asks for it, the client may send all of it, and the bytes stay in memory until the message is
complete or the call ends. So the server asks for a message only while the call holds one of a few
places, which all transports share.

If a caller does not read its answer, the answer stays in the server's memory. The answer to a batch
has megabytes, and costs almost nothing if it comes from the cache. So the bytes of unread answers
are limited.

A picture full of text has a thousand lines, which take 5 ms to serialize, and a batch can contain
many such pictures, perhaps from the cache. A whole batch, or several at once, would block the event
loop for seconds. So the answers of batches are built in turns, picture by picture.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from lipiyana.errors import DeadlineExceeded, LipiyanaError, Overloaded
from lipiyana.server.queue.admission import Admission
from lipiyana.server.queue.places import Places
from lipiyana.server.settings.model import ServerSettings
from lipiyana.server.tuning import MESSAGES
from lipiyana.types import Recognition

T = TypeVar("T")


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

    async def message(self, read: Callable[[], Awaitable[T]], client: str) -> T:
        """Receive the only message of a call by `read`.

        Raises:
            Overloaded: too many calls wait to send theirs (TOO_MANY_CALLS).
            DeadlineExceeded: it did not arrive in time (MESSAGE_TIMEOUT).
        """
        refusal = Overloaded(
            "more calls send messages than this server receives at a time (its setting "
            "max_receiving_bytes); try again in 1 s",
            reason="TOO_MANY_CALLS",
        )
        async with self._places.soon(client, refusal, self._seconds):
            try:
                async with asyncio.timeout(self._seconds):
                    return await read()
            except TimeoutError:
                raise DeadlineExceeded(
                    f"the message did not arrive within {self._seconds:g} s (the server's setting "
                    "receive_timeout)",
                    reason="MESSAGE_TIMEOUT",
                ) from None


AtEnd = Callable[[Callable[[object], None]], object]


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

    def count(self, answer: bytes, client: str, at_end: AtEnd) -> bytes:
        """Count an answer until its call has ended, and return it.

        Args:
            answer: the bytes to send.
            client: who must read them.
            at_end: registers a function that the transport calls when the call has ended.

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
        at_end(lambda _: self._admission.leave(client, size))
        return answer


Outcome = Recognition | LipiyanaError


class BatchWriting:
    """Serializes the answers of batches. Belongs to one event loop."""

    def __init__(self, seconds: float) -> None:
        """Let a batch wait for its turn for at most `seconds`."""
        self._seconds = seconds
        self._places = Places(MESSAGES.batches_written_at_once, max_waiting=MESSAGES.max_waiting)

    async def written(
        self, outcomes: Sequence[Outcome], write: Callable[[Outcome], T], client: str
    ) -> list[T]:
        """Write each outcome by `write`; after each, other tasks may run.

        Raises:
            Overloaded: too many answers wait to be serialized (TOO_MANY_CALLS).
        """
        refusal = Overloaded(
            "too many batches at a time for this server; try again in 1 s",
            reason="TOO_MANY_CALLS",
        )
        items = []
        async with self._places.soon(client, refusal, self._seconds):
            for outcome in outcomes:
                items.append(write(outcome))
                await asyncio.sleep(0)
        return items
