"""The RPCs of `lipiyana.v1.RecognitionService`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress

from lipiyana.batching import Kind
from lipiyana.cache import RepeatedFrameReader
from lipiyana.convert import recognition_to_proto
from lipiyana.convert_request import config_from_proto, image_from_proto
from lipiyana.errors import InvalidRequest, LipiyanaError, Overloaded
from lipiyana.server.answers import Answers
from lipiyana.server.callers import Caller
from lipiyana.server.calls import Calls, Context, as_known, shutting_down
from lipiyana.server.frames import NewestFrame
from lipiyana.server.messages import parsed
from lipiyana.server.metrics import Metrics
from lipiyana.server.pool import Room
from lipiyana.status import to_status
from lipiyana.tracks import StreamTracks
from lipiyana.types import RawImage, Recognition, RecognitionConfig
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.v1 import recognition_service_pb2 as service_pb
from lipiyana.v1 import recognition_service_pb2_grpc as service_grpc

SETUP_SECONDS = 10
"""In which the setup of a stream must come."""

Outcome = Recognition | LipiyanaError


class RecognitionService(service_grpc.RecognitionServiceServicer):
    """Answers the calls of one server, on its event loop."""

    def __init__(
        self, answers: Answers, calls: Calls, metrics: Metrics, *, max_batch: int, max_streams: int
    ) -> None:
        self._answers = answers
        self._calls = calls
        self._metrics = metrics
        self._max_batch = max_batch
        self._max_streams = max_streams
        self._streams: set[NewestFrame] = set()
        self._draining = False

    def drain(self) -> None:
        """Refuse new calls, and end the open streams after the frames that they have sent."""
        self._calls.drain()
        self._draining = True
        for waiting in self._streams:
            _end_for_drain(waiting)

    async def Recognize(  # noqa: N802
        self, request: service_pb.RecognizeRequest, context: Context
    ) -> service_pb.RecognizeResponse:
        """Read one picture."""
        async with self._calls.call("Recognize", context) as caller:
            message = parsed(request)
            config = self._config(message.config)
            image = image_from_proto(message.image)
            caller.spend(1)
            key = self._answers.key(image, config)
            value = await self._answer(image, config, key, caller, Kind.CALL)
            return service_pb.RecognizeResponse(recognition=recognition_to_proto(value))

    async def BatchRecognize(  # noqa: N802
        self, request: service_pb.BatchRecognizeRequest, context: Context
    ) -> service_pb.BatchRecognizeResponse:
        """Read several pictures; they fail one by one, but are queued all or none."""
        async with self._calls.call("BatchRecognize", context) as caller:
            message = parsed(request)
            pictures = message.images
            self._check_count(len(pictures))
            config = self._config(message.config)
            caller.spend(len(pictures))
            images = [_image_or_error(picture) for picture in pictures]
            good = {
                i: image for i, image in enumerate(images) if not isinstance(image, LipiyanaError)
            }
            keys = {index: self._answers.key(image, config) for index, image in good.items()}
            source = caller.source(Kind.BATCH)
            with self._answers.room(list(keys.values()), message.ByteSize(), source) as room:
                async with asyncio.TaskGroup() as group:
                    tasks = [
                        group.create_task(
                            self._outcome(
                                image, config, keys.get(index), caller, Kind.BATCH, room=room
                            )
                        )
                        for index, image in enumerate(images)
                    ]
            return service_pb.BatchRecognizeResponse(items=[_item(t.result()) for t in tasks])

    async def StreamRecognize(  # type: ignore[override]  # noqa: N802
        self,
        request_iterator: AsyncIterator[service_pb.StreamRecognizeRequest],
        context: Context,
    ) -> None:
        """Read frames as they come; the newest wins."""
        async with self._calls.call("StreamRecognize", context, is_stream=True) as caller:
            with self._open_stream() as waiting:
                reader = asyncio.create_task(_receive(request_iterator, waiting))
                try:
                    config = self._config((await _setup(waiting)).config)
                    tracks = StreamTracks(config.layout)
                    frames = self._answers.frame_reader(config)
                    while (taken := await waiting.take()) is not None:
                        frame, dropped = taken
                        image = _image_or_error(frame.image)
                        key = None
                        if not isinstance(image, LipiyanaError):
                            key = self._answers.key(image, config)
                        outcome = await self._frame(image, config, key, caller, frames)
                        followed = tracks.update(outcome, len(dropped))
                        await context.write(_response(frame.frame_id, followed, dropped))
                finally:
                    reader.cancel()
                    with suppress(asyncio.CancelledError):
                        await reader

    def _config(self, message: pb.RecognitionConfig) -> RecognitionConfig:
        config = config_from_proto(message)
        self._answers.check(config)
        return config

    @contextmanager
    def _open_stream(self) -> Iterator[NewestFrame]:
        if len(self._streams) >= self._max_streams:
            raise Overloaded(
                f"{self._max_streams} streams are open, as many as this server takes (its setting "
                "max_streams)",
                reason="TOO_MANY_STREAMS",
            )
        waiting = NewestFrame()
        self._streams.add(waiting)
        if self._draining:
            _end_for_drain(waiting)
        try:
            yield waiting
        finally:
            self._streams.discard(waiting)

    def _check_count(self, count: int) -> None:
        if count == 0:
            raise InvalidRequest("the batch is empty", field="images", reason="EMPTY_BATCH")
        if count > self._max_batch:
            raise InvalidRequest(
                f"the batch has {count} pictures, this server takes {self._max_batch} "
                "(its setting max_batch)",
                field="images",
                reason="BATCH_TOO_LARGE",
            )

    async def _answer(
        self,
        image: bytes | RawImage,
        config: RecognitionConfig,
        key: bytes | None,
        caller: Caller,
        kind: Kind,
        frames: RepeatedFrameReader | None = None,
        room: Room | None = None,
    ) -> Recognition:
        value = await self._answers.answer(
            image,
            config,
            key,
            caller.deadline,
            source=caller.source(kind),
            frames=frames,
            room=room,
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
        room: Room | None = None,
    ) -> Outcome:
        if isinstance(image, LipiyanaError):
            return image
        try:
            return await self._answer(image, config, key, caller, kind, frames, room)
        except Exception as error:
            return as_known(error, caller.request_id)

    async def _frame(
        self,
        image: bytes | RawImage | LipiyanaError,
        config: RecognitionConfig,
        key: bytes | None,
        caller: Caller,
        frames: RepeatedFrameReader | None,
    ) -> Outcome:
        try:
            caller.spend(1)
        except Overloaded as error:
            return error
        return await self._outcome(image, config, key, caller, Kind.STREAM, frames)


def _end_for_drain(waiting: NewestFrame) -> None:
    waiting.end(shutting_down())


def _image_or_error(message: pb.Image) -> bytes | RawImage | LipiyanaError:
    try:
        return image_from_proto(message)
    except LipiyanaError as error:
        return error


def _item(outcome: Outcome) -> service_pb.BatchRecognizeResponse.Item:
    if isinstance(outcome, LipiyanaError):
        return service_pb.BatchRecognizeResponse.Item(error=to_status(outcome))
    return service_pb.BatchRecognizeResponse.Item(recognition=recognition_to_proto(outcome))


def _response(
    frame_id: int, outcome: Outcome, dropped: list[int]
) -> service_pb.StreamRecognizeResponse:
    response = service_pb.StreamRecognizeResponse(frame_id=frame_id, dropped_frame_ids=dropped)
    if isinstance(outcome, LipiyanaError):
        response.error.CopyFrom(to_status(outcome))
    else:
        response.recognition.CopyFrom(recognition_to_proto(outcome))
    return response


async def _setup(waiting: NewestFrame) -> service_pb.StreamSetup:
    try:
        async with asyncio.timeout(SETUP_SECONDS):
            return await waiting.setup()
    except TimeoutError:
        raise _setup_missing() from None


async def _receive(
    requests: AsyncIterator[service_pb.StreamRecognizeRequest], waiting: NewestFrame
) -> None:
    try:
        first = await anext(aiter(requests), None)
        if first is None or parsed(first).WhichOneof("message") != "setup":
            raise _setup_missing()
        waiting.begin(first.setup)
        async for request in requests:
            if parsed(request).WhichOneof("message") != "frame":
                raise InvalidRequest(
                    "after the setup a stream has frames alone",
                    field="frame",
                    reason="FRAME_EXPECTED",
                )
            waiting.put(request.frame)
            await waiting.room()  # who reads no results is not read any further
    except Exception as error:  # what cannot be parsed ends the stream, after its last good frame
        waiting.end(error)
    else:
        waiting.end()


def _setup_missing() -> InvalidRequest:
    return InvalidRequest(
        f"the first message of a stream must be the setup, within {SETUP_SECONDS} seconds",
        field="setup",
        reason="SETUP_MISSING",
    )
