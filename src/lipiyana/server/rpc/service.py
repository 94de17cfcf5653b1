"""The RPCs of `lipiyana.v1.RecognitionService`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import grpc

from lipiyana.cache import RepeatedFrameReader
from lipiyana.errors import DeadlineExceeded, InvalidRequest, LipiyanaError, Overloaded
from lipiyana.server.queue.places import Places
from lipiyana.server.queue.pool import Reservation
from lipiyana.server.queue.sources import Kind
from lipiyana.server.rpc.answers import Answers
from lipiyana.server.rpc.calls import Calls, Context, Method, as_known, shutting_down
from lipiyana.server.rpc.frames import IncomingFrames, WaitingFrame
from lipiyana.server.rpc.message_limits import (
    BatchWriting,
    Outcome,
    Receiving,
    UnreadAnswers,
    parsed,
)
from lipiyana.server.security.callers import Caller
from lipiyana.server.settings.model import ServerSettings
from lipiyana.server.telemetry.metrics import Metrics
from lipiyana.server.tuning import STREAMS
from lipiyana.stream.tracks import StreamTracks
from lipiyana.types import RawImage, Recognition, RecognitionConfig
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.v1 import recognition_service_pb2 as service_pb
from lipiyana.wire.requests import config_from_proto, image_from_proto
from lipiyana.wire.results import recognition_to_proto
from lipiyana.wire.status import to_status


class RecognitionService:
    """Answers the calls of one server, on its event loop."""

    def __init__(
        self, answers: Answers, calls: Calls, metrics: Metrics, settings: ServerSettings
    ) -> None:
        self._answers = answers
        self._calls = calls
        self._metrics = metrics
        self._receiving = Receiving(settings)
        self._batch_writing = BatchWriting(settings.receive_timeout)
        self._unread = UnreadAnswers(settings.max_message_bytes)
        self._max_streams = settings.max_streams
        self._stream_places = Places(settings.max_streams)
        self._idle_seconds = settings.stream_idle_timeout
        self._streams: set[IncomingFrames] = set()
        self._draining = False

    @property
    def methods(self) -> dict[str, Method]:
        """The methods of the contract by their names."""
        return {
            "Recognize": self._recognize,
            "BatchRecognize": self._batch_recognize,
            "StreamRecognize": self._stream_recognize,
        }

    def drain(self) -> None:
        """Reject new calls, and end the open streams after the frames that they have sent."""
        self._calls.drain()
        self._draining = True
        for waiting in self._streams:
            _end_for_drain(waiting)

    async def _recognize(self, context: Context) -> bytes:
        """Read one picture."""
        async with self._calls.call("Recognize", context) as caller:
            message = await self._receiving.message(context, caller.client)
            config = self._config(message.config)
            image = image_from_proto(message.image)
            del message  # otherwise the picture would be in memory twice while it waits
            caller.spend(1)
            key = self._answers.key(image, config)
            value = await self._answer(image, config, key, caller, Kind.CALL)
            answer = service_pb.RecognizeResponse(recognition=recognition_to_proto(value))
            return self._unread.count(answer.SerializeToString(), context, caller.client)

    async def _batch_recognize(self, context: Context) -> bytes:
        """Read several pictures. Each may fail separately, but all are queued or none."""
        async with self._calls.call("BatchRecognize", context) as caller:
            message = await self._receiving.message(context, caller.client)
            if not message.images:
                raise InvalidRequest("the batch is empty", field="images", reason="EMPTY_BATCH")
            config = self._config(message.config)
            images = [_image_or_error(picture) for picture in message.images]
            size = message.ByteSize()
            del message
            caller.spend(len(images))
            good = {
                i: image for i, image in enumerate(images) if not isinstance(image, LipiyanaError)
            }
            keys = {index: self._answers.key(image, config) for index, image in good.items()}
            source = caller.source(Kind.BATCH)
            with self._answers.reserve(list(keys.values()), size, source) as reservation:
                async with asyncio.TaskGroup() as group:
                    tasks = [
                        group.create_task(
                            self._outcome(
                                image,
                                config,
                                keys.get(index),
                                caller,
                                Kind.BATCH,
                                reservation=reservation,
                            )
                        )
                        for index, image in enumerate(images)
                    ]
            written = await self._batch_writing.written([t.result() for t in tasks], caller.client)
            return self._unread.count(written, context, caller.client)

    async def _stream_recognize(self, context: Context) -> None:
        """Read frames as they arrive; only the newest one waits."""
        async with self._calls.call("StreamRecognize", context, is_stream=True) as caller:
            with self._open_stream(caller.client) as waiting:
                reader = asyncio.create_task(self._receive(context, waiting, caller))
                try:
                    config = self._config((await _setup(waiting)).config)
                    tracks = StreamTracks(config.layout)
                    frames = self._answers.frame_reader(config)
                    while (taken := await waiting.take()) is not None:
                        frame_id, dropped = taken[0].frame_id, taken[1]
                        outcome = await self._frame(taken[0].image, config, caller, frames)
                        del taken  # free the picture before the client reads the result
                        followed = tracks.update(outcome, len(dropped))
                        response = _response(frame_id, followed, dropped).SerializeToString()
                        await _sent(response, context, waiting)
                        waiting.answered()
                finally:
                    reader.cancel()
                    with suppress(asyncio.CancelledError):
                        await reader

    async def _receive(self, context: Context, waiting: IncomingFrames, caller: Caller) -> None:
        """Receive the frames of a stream one by one, until its end."""
        try:
            first = await context.read()
            if first is grpc.aio.EOF or parsed(first).WhichOneof("message") != "setup":
                raise _setup_missing()
            waiting.begin(first.setup)
            while True:
                request = await _next(context, waiting, self._idle_seconds)
                if request is grpc.aio.EOF:
                    break
                if parsed(request).WhichOneof("message") != "frame":
                    raise InvalidRequest(
                        "after the setup, all messages of a stream must be frames",
                        field="frame",
                        reason="FRAME_EXPECTED",
                    )
                waiting.put(self._with_memory(request.frame, caller))
                del request
                await waiting.wait_for_room()  # no more frames for clients that read no results
        except Exception as error:
            # a message that cannot be parsed ends the stream, after its last good frame
            waiting.end(as_known(error, caller.request_id))
        else:
            waiting.end()

    def _with_memory(self, frame: service_pb.StreamFrame, caller: Caller) -> WaitingFrame:
        """Reserve memory for a frame while it waits; if there is none, its error waits."""
        image = _image_or_error(frame.image)
        with ExitStack() as memory:
            if not isinstance(image, LipiyanaError):
                try:
                    source = caller.source(Kind.STREAM)
                    memory.enter_context(self._answers.reserve_bytes(image, source))
                except Overloaded as error:
                    image = as_known(error, caller.request_id)
            return WaitingFrame(frame.frame_id, image, memory.pop_all())

    def _config(self, message: pb.RecognitionConfig) -> RecognitionConfig:
        config = config_from_proto(message)
        self._answers.check(config)
        return config

    @contextmanager
    def _open_stream(self, client: str) -> Iterator[IncomingFrames]:
        refusal = Overloaded(
            f"{len(self._streams)} of at most {self._max_streams} streams are open (the server's "
            "setting max_streams); the last eighth is reserved for clients that have few",
            reason="TOO_MANY_STREAMS",
        )
        with self._stream_places.now(client, refusal), self._registered() as waiting:
            yield waiting

    @contextmanager
    def _registered(self) -> Iterator[IncomingFrames]:
        waiting = IncomingFrames()
        self._streams.add(waiting)
        if self._draining:
            _end_for_drain(waiting)
        try:
            yield waiting
        finally:
            self._streams.discard(waiting)
            waiting.close()

    async def _answer(
        self,
        image: bytes | RawImage,
        config: RecognitionConfig,
        key: bytes | None,
        caller: Caller,
        kind: Kind,
        frames: RepeatedFrameReader | None = None,
        reservation: Reservation | None = None,
    ) -> Recognition:
        value = await self._answers.answer(
            image,
            config,
            key,
            caller.deadline,
            source=caller.source(kind),
            frames=frames,
            reservation=reservation,
        )
        self._metrics.answered(value)
        caller.span.picture(value)
        return value

    async def _outcome(
        self,
        image: bytes | RawImage | LipiyanaError,
        config: RecognitionConfig,
        key: bytes | None,
        caller: Caller,
        kind: Kind,
        frames: RepeatedFrameReader | None = None,
        reservation: Reservation | None = None,
    ) -> Outcome:
        if isinstance(image, LipiyanaError):
            return image
        try:
            return await self._answer(image, config, key, caller, kind, frames, reservation)
        except Exception as error:
            return as_known(error, caller.request_id)

    async def _frame(
        self,
        image: bytes | RawImage | LipiyanaError,
        config: RecognitionConfig,
        caller: Caller,
        frames: RepeatedFrameReader | None,
    ) -> Outcome:
        key = None if isinstance(image, LipiyanaError) else self._answers.key(image, config)
        try:
            caller.spend(1)
        except Overloaded as error:
            return as_known(error, caller.request_id)
        return await self._outcome(image, config, key, caller, Kind.STREAM, frames)


def _end_for_drain(waiting: IncomingFrames) -> None:
    waiting.end(shutting_down())


def _image_or_error(message: pb.Image) -> bytes | RawImage | LipiyanaError:
    try:
        return image_from_proto(message)
    except LipiyanaError as error:
        return error.with_traceback(None)


def _response(
    frame_id: int, outcome: Outcome, dropped: list[int]
) -> service_pb.StreamRecognizeResponse:
    response = service_pb.StreamRecognizeResponse(frame_id=frame_id, dropped_frame_ids=dropped)
    if isinstance(outcome, LipiyanaError):
        response.error.CopyFrom(to_status(outcome))
    else:
        response.recognition.CopyFrom(recognition_to_proto(outcome))
    return response


async def _sent(response: bytes, context: Context, waiting: IncomingFrames) -> None:
    """Send a result. If the client does not read it in time, frames are dropped meanwhile."""
    sending = asyncio.ensure_future(context.write(response))
    try:
        done, _ = await asyncio.wait({sending}, timeout=STREAMS.unread_seconds)
        if not done:
            waiting.pause()
        await sending
    finally:
        sending.cancel()
        waiting.resume()


async def _setup(waiting: IncomingFrames) -> service_pb.StreamSetup:
    try:
        async with asyncio.timeout(STREAMS.setup_seconds):
            return await waiting.setup()
    except TimeoutError:
        raise _setup_missing() from None


async def _next(context: Context, waiting: IncomingFrames, idle_seconds: float) -> Any:
    """Wait for the next message of a stream; `grpc.aio.EOF` after the last.

    Raises:
        DeadlineExceeded: no message arrived for too long, while no frame was being read
            (STREAM_IDLE).
    """
    coming = asyncio.ensure_future(context.read())
    try:
        while True:
            done, _ = await asyncio.wait({coming}, timeout=idle_seconds)
            if done:
                return coming.result()
            if not waiting.is_busy:
                raise DeadlineExceeded(
                    f"no frame arrived for {idle_seconds:g} s (the server's setting "
                    "stream_idle_timeout); open a new stream when there is a frame",
                    reason="STREAM_IDLE",
                )
    finally:
        coming.cancel()


def _setup_missing() -> InvalidRequest:
    return InvalidRequest(
        f"the first message of a stream must be the setup, within {STREAMS.setup_seconds} seconds",
        field="setup",
        reason="SETUP_MISSING",
    )
