"""The RPCs of `lipiyana.v1.RecognitionService`."""

from __future__ import annotations

from functools import partial
from typing import Any, TypeVar

import grpc

from lipiyana.errors import InvalidRequest, LipiyanaError
from lipiyana.server.calls.limits import Outcome
from lipiyana.server.calls.recognition import (
    Picture,
    Recognitions,
    empty_batch,
    frame_expected,
    setup_missing,
)
from lipiyana.server.rpc.grpc_calls import Context, GrpcCall, Method
from lipiyana.types import RecognitionConfig
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.v1 import recognition_service_pb2 as service_pb
from lipiyana.wire.requests import config_from_proto, image_from_proto
from lipiyana.wire.results import recognition_to_proto
from lipiyana.wire.status import to_status

M = TypeVar("M")


class RecognitionService:
    """Answers the calls of gRPC of one server, on its event loop."""

    def __init__(self, recognitions: Recognitions) -> None:
        self._recognitions = recognitions
        self._calls = recognitions.calls

    @property
    def methods(self) -> dict[str, Method]:
        """The methods of the contract by their names."""
        return {
            "Recognize": self._recognize,
            "BatchRecognize": self._batch_recognize,
            "StreamRecognize": self._stream_recognize,
        }

    async def _recognize(self, context: Context) -> bytes:
        """Read one picture."""
        async with self._calls.call("Recognize", GrpcCall(context)) as caller:
            message = await self._message(context, caller.client)
            config = self._recognitions.check(config_from_proto(message.config))
            image = image_from_proto(message.image)
            del message  # otherwise the picture would be in memory twice while it waits
            value = await self._recognitions.one(image, config, caller)
            answer = service_pb.RecognizeResponse(recognition=recognition_to_proto(value))
            return self._counted(answer.SerializeToString(), context, caller.client)

    async def _batch_recognize(self, context: Context) -> bytes:
        """Read several pictures."""
        async with self._calls.call("BatchRecognize", GrpcCall(context)) as caller:
            message = await self._message(context, caller.client)
            if not message.images:
                raise empty_batch()
            config = self._recognitions.check(config_from_proto(message.config))
            images = [_image_or_error(picture) for picture in message.images]
            size = message.ByteSize()
            del message
            outcomes = await self._recognitions.batch(images, size, config, caller)
            del images
            response = service_pb.BatchRecognizeResponse()
            write = partial(_append, response)
            await self._recognitions.batch_writing.written(outcomes, write, caller.client)
            return self._counted(response.SerializeToString(), context, caller.client)

    async def _stream_recognize(self, context: Context) -> None:
        """Read frames as they arrive."""
        async with self._calls.call("StreamRecognize", GrpcCall(context), is_stream=True) as caller:
            await self._recognitions.stream(_GrpcFrames(context), caller)

    async def _message(self, context: Context, client: str) -> Any:
        """Receive the only message of a call.

        Raises:
            InvalidRequest: there is none (MISSING_MESSAGE), or it cannot be parsed.
        """
        message = await self._recognitions.receiving.message(context.read, client)
        if message is grpc.aio.EOF:
            raise InvalidRequest("the call ended without a message", reason="MISSING_MESSAGE")
        return parsed(message)

    def _counted(self, answer: bytes, context: Context, client: str) -> bytes:
        call: Any = context  # grpc's type stubs do not accept a function as a callback
        return self._recognitions.unread.count(answer, client, call.add_done_callback)


class _GrpcFrames:
    """The frames of one call."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def config(self) -> RecognitionConfig:
        first = await self._context.read()
        if first is grpc.aio.EOF or parsed(first).WhichOneof("message") != "setup":
            raise setup_missing()
        return config_from_proto(first.setup.config)

    async def frame(self) -> tuple[int, Picture | LipiyanaError] | None:
        request = await self._context.read()
        if request is grpc.aio.EOF:
            return None
        if parsed(request).WhichOneof("message") != "frame":
            raise frame_expected()
        return request.frame.frame_id, _image_or_error(request.frame.image)

    async def send(self, frame_id: int, outcome: Outcome, dropped: list[int]) -> None:
        response = service_pb.StreamRecognizeResponse(frame_id=frame_id, dropped_frame_ids=dropped)
        if isinstance(outcome, LipiyanaError):
            response.error.CopyFrom(to_status(outcome))
        else:
            response.recognition.CopyFrom(recognition_to_proto(outcome))
        await self._context.write(response.SerializeToString())


def parsed(request: M | InvalidRequest) -> M:
    """Return a request that was parsed.

    Raises:
        InvalidRequest: it could not be parsed, or exceeds a limit.
    """
    if isinstance(request, InvalidRequest):
        raise request
    return request


def _image_or_error(message: pb.Image) -> Picture | LipiyanaError:
    try:
        return image_from_proto(message)
    except LipiyanaError as error:
        return error.with_traceback(None)


def _append(response: service_pb.BatchRecognizeResponse, outcome: Outcome) -> None:
    item = service_pb.BatchRecognizeResponse.Item
    response.items.append(
        item(error=to_status(outcome))
        if isinstance(outcome, LipiyanaError)
        else item(recognition=recognition_to_proto(outcome))
    )
