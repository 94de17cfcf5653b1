"""The answers of batches become messages, picture by picture.

A picture full of text has a thousand lines, which take 5 ms to write, and a batch has many such
pictures, perhaps from the cache. Written in one go, or many batches side by side, they would keep
the event loop from all other calls for seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from lipiyana.errors import LipiyanaError, Overloaded
from lipiyana.server.queue.places import Places
from lipiyana.server.rpc.receiving import MAX_WAITING
from lipiyana.types import Recognition
from lipiyana.v1 import recognition_service_pb2 as service_pb
from lipiyana.wire.results import recognition_to_proto
from lipiyana.wire.status import to_status

AT_A_TIME = 3
"""Batches that are written in turns; one client has two of them at most."""

Outcome = Recognition | LipiyanaError


class BatchWriting:
    """Writes the answers of batches. Belongs to one event loop."""

    def __init__(self, seconds: float) -> None:
        """Let a batch wait for its turn for `seconds` at most."""
        self._seconds = seconds
        self._places = Places(AT_A_TIME, max_waiting=MAX_WAITING)

    async def written(self, outcomes: Sequence[Outcome], client: str) -> bytes:
        """Write an answer; other calls have their turn after each picture.

        Raises:
            Overloaded: too many answers wait to be written (TOO_MANY_CALLS).
        """
        refusal = Overloaded(
            "more batches than this server can answer at a time; try again in 1 s",
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
