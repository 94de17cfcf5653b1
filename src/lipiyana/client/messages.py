"""Requests and responses of the RPCs, for both clients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from lipiyana.arguments import config_of, pictures_of
from lipiyana.conversions.pictures import picture_bytes
from lipiyana.errors import InternalError, LipiyanaError
from lipiyana.recognizer import FrameResult
from lipiyana.types import Frame, ImageInput, Recognition, RecognitionConfig
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.v1 import recognition_service_pb2 as service_pb
from lipiyana.wire.requests import config_to_proto, image_to_proto
from lipiyana.wire.results import recognition_from_proto
from lipiyana.wire.status import from_status

Outcome = Recognition | LipiyanaError
R = TypeVar("R")

MOST_DROPPED = 100_000
"""Maximum number of dropped frames in one result: 100 times what this project's server reports."""


def config_message(config: RecognitionConfig | None) -> pb.RecognitionConfig:
    """Convert a config, or the default one, to its message.

    Raises:
        InvalidRequest: `config` has another type.
    """
    return config_to_proto(config_of(config))


def image_message(image: ImageInput) -> pb.Image:
    """Convert a picture to its message. The file of a path is read here.

    Raises:
        LipiyanaError: the picture cannot be sent; see `picture_bytes`.
    """
    return image_to_proto(picture_bytes(image))


def image_messages(images: Sequence[ImageInput]) -> list[pb.Image | LipiyanaError]:
    """Convert pictures to messages; a picture that cannot be sent becomes an error.

    Raises:
        InvalidRequest: `images` is a single picture, or no sequence of pictures.
    """
    return [_try_image(image) for image in pictures_of(images)]


def require_parsed(response: R | None) -> R:
    """Return a response that was parsed; grpc.aio gives None for one that it cannot parse.

    Raises:
        InternalError: it is None.
    """
    if response is None:
        raise InternalError("the server's answer is not a message of the contract")
    return response


def batch_request(
    messages: Sequence[pb.Image | LipiyanaError], config: pb.RecognitionConfig
) -> service_pb.BatchRecognizeRequest:
    """Build the request from the pictures that can be sent."""
    sendable = [message for message in messages if isinstance(message, pb.Image)]
    return service_pb.BatchRecognizeRequest(images=sendable, config=config)


def batch_outcomes(
    messages: Sequence[pb.Image | LipiyanaError],
    response: service_pb.BatchRecognizeResponse,
) -> list[Outcome]:
    """Merge the items of the response with the errors of pictures that were not sent, in order.

    Raises:
        InternalError: the number of items differs from the number of pictures sent.
    """
    sent = sum(isinstance(message, pb.Image) for message in messages)
    if len(response.items) != sent:
        raise InternalError(f"sent {sent} pictures, but the server answered {len(response.items)}")
    items = iter(response.items)
    return [
        message if isinstance(message, LipiyanaError) else _outcome(next(items))
        for message in messages
    ]


def setup_request(config: RecognitionConfig | None) -> service_pb.StreamRecognizeRequest:
    """Build the first message of a stream."""
    return service_pb.StreamRecognizeRequest(
        setup=service_pb.StreamSetup(config=config_message(config))
    )


def frame_request(frame: Frame) -> service_pb.StreamRecognizeRequest | FrameResult:
    """Convert a frame to its message, or to an error result if it cannot be sent."""
    try:
        image = image_message(frame.image)
    except LipiyanaError as error:
        return FrameResult(frame.frame_id, error)
    return service_pb.StreamRecognizeRequest(
        frame=service_pb.StreamFrame(frame_id=frame.frame_id, image=image)
    )


def frame_result(response: service_pb.StreamRecognizeResponse) -> FrameResult:
    """Convert the message of a frame's result.

    Raises:
        InternalError: it reports more dropped frames than a server remembers.
    """
    if len(response.dropped_frame_ids) > MOST_DROPPED:
        raise InternalError(f"a result reports more than {MOST_DROPPED} dropped frames")
    return FrameResult(response.frame_id, _outcome(response), tuple(response.dropped_frame_ids))


def _outcome(
    message: service_pb.BatchRecognizeResponse.Item | service_pb.StreamRecognizeResponse,
) -> Outcome:
    if message.WhichOneof("outcome") == "error":
        return from_status(message.error)
    return recognition_from_proto(message.recognition)


def _try_image(image: ImageInput) -> pb.Image | LipiyanaError:
    try:
        return image_message(image)
    except LipiyanaError as error:
        return error
