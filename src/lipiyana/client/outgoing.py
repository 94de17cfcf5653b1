"""The requests of a stream, made from frames while gRPC takes them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator

from lipiyana.arguments import numbered, numbered_async
from lipiyana.client.feeder import Feeder
from lipiyana.client.messages import frame_request
from lipiyana.recognizer import FrameResult
from lipiyana.types import FrameInput
from lipiyana.v1 import recognition_service_pb2 as service_pb

Request = service_pb.StreamRecognizeRequest


class OutgoingFrames:
    """Makes the requests; keeps aside what cannot be sent, and what the frames raise.

    gRPC would say of an exception no more than that there was one. So the requests end where
    the frames raise, the server answers what it has, and then `failure` can be raised.
    """

    def __init__(self, setup: Request) -> None:
        self._setup = setup
        self._unsent: deque[FrameResult] = deque()
        self._feeder: Feeder[Request | FrameResult] | None = None
        self._closed = False
        self.failure: Exception | None = None

    def requests(self, frames: Iterable[FrameInput]) -> Iterator[Request]:
        """Give the setup and the frames."""
        yield self._setup
        try:
            for frame in numbered(frames):
                request = self._sendable(frame_request(frame))
                if request is not None:
                    yield request
        except Exception as error:
            self.failure = error

    async def requests_async(
        self, frames: AsyncIterable[FrameInput] | Iterable[FrameInput]
    ) -> AsyncIterator[Request]:
        """Give the setup and the frames; whatever may wait does so on a thread."""
        yield self._setup
        if self._closed:
            return
        try:
            async for made in self._made(frames):
                request = self._sendable(made)
                if request is not None:
                    yield request
        except Exception as error:
            self.failure = error

    def unsent(self) -> list[FrameResult]:
        """Take the results of frames that could not be sent, such as a missing file."""
        return [self._unsent.popleft() for _ in range(len(self._unsent))]

    def close(self) -> None:
        """End what `requests_async` gives; a thread that waits for a frame ends when it has it."""
        self._closed = True
        if self._feeder is not None:
            self._feeder.close()

    def _made(
        self, frames: AsyncIterable[FrameInput] | Iterable[FrameInput]
    ) -> AsyncIterator[Request | FrameResult]:
        if isinstance(frames, AsyncIterable):
            return _made_on_threads(frames)
        self._feeder = Feeder(map(frame_request, numbered(frames)))
        return self._feeder

    def _sendable(self, request: Request | FrameResult) -> Request | None:
        if isinstance(request, FrameResult):
            self._unsent.append(request)
            return None
        return request


async def _made_on_threads(
    frames: AsyncIterable[FrameInput],
) -> AsyncIterator[Request | FrameResult]:
    async for frame in numbered_async(frames):
        yield await asyncio.to_thread(frame_request, frame)
