"""Answers that wait until their callers take them: the bytes of all of them are bounded.

A caller who does not read keeps its answer in the server's memory for as long as it likes. The
answer of a batch has megabytes, and costs next to nothing where the cache has it.
"""

from __future__ import annotations

from typing import Any

from lipiyana.errors import Overloaded
from lipiyana.server.queue.admission import Admission
from lipiyana.server.rpc.calls import Context

SMALL = 16 * 1024
"""Bytes of an answer that are not counted: each call has them in what it may take itself."""

MESSAGES = 2
"""Answers of `max_message_bytes` that may wait, or smaller ones of as many bytes."""

COPIES = 2
"""Of an answer that waits: Python's bytes, and gRPC's."""


class UntakenAnswers:
    """Counts large answers from the moment they are given until their calls have ended.

    One client may have seven eighths. Belongs to one event loop.
    """

    def __init__(self, max_message_bytes: int) -> None:
        """Bound them by the size of the largest."""
        most = MESSAGES * max_message_bytes
        self._admission = Admission(most, most)  # an answer has one byte at least

    @property
    def size(self) -> int:
        """Bytes of the answers that wait."""
        return self._admission.size

    def kept(self, answer: bytes, context: Context, client: str) -> bytes:
        """Count an answer, which is then given to gRPC, until its call has ended.

        Raises:
            Overloaded: too much waits already (ANSWERS_NOT_TAKEN).
        """
        size = len(answer)
        if size <= SMALL:
            return answer
        if self._admission.refusal(client, 1, size):
            raise Overloaded(
                f"{self._admission.size} bytes of answers wait until their callers read them; read "
                "those that are there, and try again in 1 s",
                reason="ANSWERS_NOT_TAKEN",
            )
        self._admission.enter(client, size)
        call: Any = context  # grpc's stubs take no function for a callback
        call.add_done_callback(lambda _: self._admission.leave(client, size))
        return answer
