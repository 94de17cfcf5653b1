"""The requests of a stream, made from frames as gRPC asks for them.

An ordinary (blocking) iterator of frames is read on a thread of its own for the asyncio client.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from lipiyana.arguments import numbered, numbered_async
from lipiyana.client.messages import frame_request
from lipiyana.recognizer import FrameResult
from lipiyana.types import FrameInput
from lipiyana.v1 import recognition_service_pb2 as service_pb

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _End:
    failure: BaseException | None = None


class Feeder(AsyncIterator[T]):
    """Gives the items of an iterator as they come, and then raises what the iterator raised.

    At most one item waits here: the next one is read when that one was taken. Make and use it on
    one running event loop, and close it in the end.
    """

    def __init__(self, items: Iterable[T]) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[T | _End] = asyncio.Queue()
        self._taken = threading.Semaphore(0)
        self._closed = False
        # a daemon, and no thread of the loop's, whose end `asyncio.run` awaits: a source that
        # never yields again must keep neither alive
        threading.Thread(
            target=self._feed, args=(items,), name="lipiyana-frames", daemon=True
        ).start()

    async def __anext__(self) -> T:
        item = await self._queue.get()
        if isinstance(item, _End):
            if item.failure is not None:
                raise item.failure
            raise StopAsyncIteration
        self._taken.release()
        return item

    def close(self) -> None:
        """End the items; the thread ends after the item that it waits for."""
        self._closed = True
        self._taken.release()
        self._queue.put_nowait(_End())

    def _feed(self, items: Iterable[T]) -> None:
        failure: BaseException | None = None
        try:
            for item in items:
                self._loop.call_soon_threadsafe(self._queue.put_nowait, item)
                self._taken.acquire()
                if self._closed:
                    return
        except BaseException as error:
            failure = error
        # a loop that is closed by now has nobody who waits
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._queue.put_nowait, _End(failure))


Request = service_pb.StreamRecognizeRequest


class OutgoingFrames:
    """Makes the requests; collects frames that cannot be sent, and what the frames raise.

    gRPC would hide an exception of the frames. So the requests end where the frames raise, the
    server answers what it has, and then `failure` can be raised.
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
        """Give the setup and the frames; everything that may block runs on a thread."""
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
        """End the requests; a thread that waits for a frame ends after that frame."""
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
