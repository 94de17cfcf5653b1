"""The requests of a stream, made from frames when gRPC is ready to send them.

For the asyncio client, a thread reads a synchronous (blocking) iterator of frames.
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
    """Turns a blocking iterable into an asynchronous iterator; its exceptions are raised here.

    A thread reads the next item only after the previous one was consumed. Create and use it on one
    running event loop, and close it at the end.
    """

    def __init__(self, items: Iterable[T]) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[T | _End] = asyncio.Queue()
        self._consumed = threading.Semaphore(0)
        self._closed = False
        # a daemon thread, not one of the loop's executor, which `asyncio.run` joins: an iterator
        # that blocks forever must keep neither the loop nor the process alive
        threading.Thread(
            target=self._feed, args=(items,), name="lipiyana-frames", daemon=True
        ).start()

    async def __anext__(self) -> T:
        item = await self._queue.get()
        if isinstance(item, _End):
            if item.failure is not None:
                raise item.failure
            raise StopAsyncIteration
        self._consumed.release()
        return item

    def close(self) -> None:
        """End the iteration; the thread ends after the item that it waits for."""
        self._closed = True
        self._consumed.release()
        self._queue.put_nowait(_End())

    def _feed(self, items: Iterable[T]) -> None:
        failure: BaseException | None = None
        try:
            for item in items:
                self._loop.call_soon_threadsafe(self._queue.put_nowait, item)
                self._consumed.acquire()
                if self._closed:
                    return
        except BaseException as error:
            failure = error
        # nobody waits on a loop that was closed meanwhile
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._queue.put_nowait, _End(failure))


Request = service_pb.StreamRecognizeRequest


class OutgoingFrames:
    """Makes the requests; collects frames that cannot be sent, and the exception of the frames.

    gRPC would hide an exception that the frames raise. So the requests just end there, the server
    answers the frames before it, and then the client raises `failure`.
    """

    def __init__(self, setup: Request) -> None:
        self._setup = setup
        self._unsent: deque[FrameResult] = deque()
        self._feeder: Feeder[Request | FrameResult] | None = None
        self._closed = False
        self.failure: Exception | None = None

    def requests(self, frames: Iterable[FrameInput]) -> Iterator[Request]:
        """Yield the setup and the frames."""
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
        """Yield the setup and the frames; everything that may block runs on a thread."""
        yield self._setup
        if self._closed:
            return
        try:
            async for converted in self._converted(frames):
                request = self._sendable(converted)
                if request is not None:
                    yield request
        except Exception as error:
            self.failure = error

    def unsent(self) -> list[FrameResult]:
        """Pop the error results of frames that could not be sent, such as a missing file."""
        return [self._unsent.popleft() for _ in range(len(self._unsent))]

    def close(self) -> None:
        """End the requests; a thread that waits for a frame ends after that frame."""
        self._closed = True
        if self._feeder is not None:
            self._feeder.close()

    def _converted(
        self, frames: AsyncIterable[FrameInput] | Iterable[FrameInput]
    ) -> AsyncIterator[Request | FrameResult]:
        if isinstance(frames, AsyncIterable):
            return _convert_on_threads(frames)
        self._feeder = Feeder(map(frame_request, numbered(frames)))
        return self._feeder

    def _sendable(self, request: Request | FrameResult) -> Request | None:
        if isinstance(request, FrameResult):
            self._unsent.append(request)
            return None
        return request


async def _convert_on_threads(
    frames: AsyncIterable[FrameInput],
) -> AsyncIterator[Request | FrameResult]:
    async for frame in numbered_async(frames):
        yield await asyncio.to_thread(frame_request, frame)
