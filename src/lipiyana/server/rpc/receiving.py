"""Receives the message of a call; how much may be under way at a time is bounded.

gRPC buffers at most `window_bytes` of a message that the server has not asked for. Once the server
asks for it, the client may send all of it, and the bytes stay in memory until the message is
complete or the call ends. So a message is asked for only while its call holds one of a few places.
"""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from lipiyana.errors import DeadlineExceeded, InvalidRequest, Overloaded
from lipiyana.server.queue.places import Places
from lipiyana.server.rpc.calls import Context
from lipiyana.server.settings.model import ServerSettings
from lipiyana.server.tuning import MESSAGES

M = TypeVar("M", bound=Message)


class Receiving:
    """The places of one server. Belongs to one event loop."""

    def __init__(self, settings: ServerSettings) -> None:
        self._seconds = settings.receive_timeout
        count = settings.max_receiving_bytes // settings.max_message_bytes
        self._places = Places(count, max_waiting=MESSAGES.max_waiting)

    @property
    def places(self) -> Places:
        """Held by the calls whose message is under way."""
        return self._places

    async def message(self, context: Context, client: str) -> Any:
        """Take in the only message of a call.

        Raises:
            Overloaded: too many calls wait to send theirs (TOO_MANY_CALLS).
            DeadlineExceeded: it did not come in time (MESSAGE_TIMEOUT).
            InvalidRequest: there is none (MISSING_MESSAGE), or it is no such message.
        """
        refusal = Overloaded(
            "more calls send their messages than this server takes in at a time (its setting "
            "max_receiving_bytes); try again in 1 s",
            reason="TOO_MANY_CALLS",
        )
        async with self._places.soon(client, refusal, self._seconds):
            try:
                async with asyncio.timeout(self._seconds):
                    message = await context.read()
            except TimeoutError:
                raise DeadlineExceeded(
                    f"the message did not come within {self._seconds:g} s (the server's setting "
                    "receive_timeout)",
                    reason="MESSAGE_TIMEOUT",
                ) from None
        if message is grpc.aio.EOF:
            raise InvalidRequest("the call ended without a message", reason="MISSING_MESSAGE")
        return parsed(message)


def parsed(request: M | InvalidRequest) -> M:
    """Give a request.

    Raises:
        InvalidRequest: it did not parse, or has too much in it.
    """
    if isinstance(request, InvalidRequest):
        raise request
    return request
