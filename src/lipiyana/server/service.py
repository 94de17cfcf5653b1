"""The RPCs of `lipiyana.v1.RecognitionService`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from lipiyana.convert import recognition_to_proto
from lipiyana.convert_request import config_from_proto, image_from_proto
from lipiyana.errors import InvalidRequest, LipiyanaError, Unavailable
from lipiyana.server.answers import Answers
from lipiyana.server.calls import Context, as_known, call, deadline_of
from lipiyana.server.frames import NewestFrame
from lipiyana.server.metrics import Metrics
from lipiyana.status import to_status
from lipiyana.types import RawImage, Recognition, RecognitionConfig
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.v1 import recognition_service_pb2 as service_pb
from lipiyana.v1 import recognition_service_pb2_grpc as service_grpc

Outcome = Recognition | LipiyanaError


class RecognitionService(service_grpc.RecognitionServiceServicer):
    """Answers the calls of one server, on its event loop."""

    def __init__(self, answers: Answers, metrics: Metrics, *, max_batch: int) -> None:
        self._answers = answers
        self._metrics = metrics
        self._max_batch = max_batch
        self._streams: set[NewestFrame] = set()
        self._draining = False

    def drain(self) -> None:
        """End the open streams after the frames that they have sent."""
        self._draining = True
        for waiting in self._streams:
            _end_for_drain(waiting)

    async def Recognize(  # noqa: N802
        self, request: service_pb.RecognizeRequest, context: Context
    ) -> service_pb.RecognizeResponse:
        """Read one picture."""
        async with call("Recognize", context, self._metrics):
            config = self._config(request.config)
            image = image_from_proto(request.image)
            key = self._answers.key(image, config)
            value = await self._answer(image, config, key, deadline_of(context))
            return service_pb.RecognizeResponse(recognition=recognition_to_proto(value))

    async def BatchRecognize(  # noqa: N802
        self, request: service_pb.BatchRecognizeRequest, context: Context
    ) -> service_pb.BatchRecognizeResponse:
        """Read several pictures; they fail one by one, but are queued all or none."""
        async with call("BatchRecognize", context, self._metrics) as request_id:
            self._check_count(len(request.images))
            config = self._config(request.config)
            images = [_image_or_error(message) for message in request.images]
            keys = {
                index: self._answers.key(image, config)
                for index, image in enumerate(images)
                if not isinstance(image, LipiyanaError)
            }
            self._answers.require_room(list(keys.values()))
            deadline = deadline_of(context)
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(
                        self._outcome(image, config, keys.get(index), deadline, request_id)
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
        async with call("StreamRecognize", context, self._metrics, is_stream=True) as request_id:
            config = self._config((await _setup(request_iterator)).config)
            deadline = deadline_of(context)
            waiting = NewestFrame()
            self._streams.add(waiting)
            if self._draining:
                _end_for_drain(waiting)
            reader = asyncio.create_task(_receive(request_iterator, waiting))
            try:
                while (taken := await waiting.take()) is not None:
                    frame, dropped = taken
                    image = _image_or_error(frame.image)
                    key = None
                    if not isinstance(image, LipiyanaError):
                        key = self._answers.key(image, config)
                    outcome = await self._outcome(image, config, key, deadline, request_id)
                    await context.write(_response(frame.frame_id, outcome, dropped))
            finally:
                self._streams.discard(waiting)
                reader.cancel()
                with suppress(asyncio.CancelledError):
                    await reader

    def _config(self, message: pb.RecognitionConfig) -> RecognitionConfig:
        config = config_from_proto(message)
        self._answers.check(config)
        return config

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
        deadline: float | None,
    ) -> Recognition:
        value = await self._answers.answer(image, config, key, deadline)
        self._metrics.answered(value.cache_outcome)
        return value

    async def _outcome(
        self,
        image: bytes | RawImage | LipiyanaError,
        config: RecognitionConfig,
        key: bytes | None,
        deadline: float | None,
        request_id: str,
    ) -> Outcome:
        if isinstance(image, LipiyanaError):
            return image
        try:
            return await self._answer(image, config, key, deadline)
        except Exception as error:
            return as_known(error, request_id)


def _end_for_drain(waiting: NewestFrame) -> None:
    waiting.end(Unavailable("the server is shutting down", reason="DRAINING"))


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


async def _setup(
    requests: AsyncIterator[service_pb.StreamRecognizeRequest],
) -> service_pb.StreamSetup:
    first = await anext(aiter(requests), None)
    if first is None or first.WhichOneof("message") != "setup":
        raise InvalidRequest(
            "the first message of a stream must be the setup",
            field="setup",
            reason="SETUP_MISSING",
        )
    return first.setup


async def _receive(
    requests: AsyncIterator[service_pb.StreamRecognizeRequest], waiting: NewestFrame
) -> None:
    try:
        async for request in requests:
            if request.WhichOneof("message") != "frame":
                waiting.end(
                    InvalidRequest(
                        "after the setup a stream has frames alone",
                        field="frame",
                        reason="FRAME_EXPECTED",
                    )
                )
                return
            waiting.put(request.frame)
    except Exception as error:  # what cannot be parsed ends the stream, after its last good frame
        waiting.end(error)
    else:
        waiting.end()
