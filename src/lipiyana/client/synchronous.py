"""`Client`: the synchronous client, a `lipiyana.recognizer.Recognizer`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import grpc

from lipiyana.arguments import require_frames
from lipiyana.client import messages
from lipiyana.client.channel import DEFAULT_MAX_MESSAGE_BYTES, DEFAULT_TIMEOUT, Endpoint
from lipiyana.client.failures import closed, to_error
from lipiyana.client.outgoing import OutgoingFrames
from lipiyana.errors import LipiyanaError
from lipiyana.recognizer import FrameResult
from lipiyana.types import FrameInput, ImageInput, Recognition, RecognitionConfig
from lipiyana.v1 import recognition_service_pb2 as service_pb
from lipiyana.v1 import recognition_service_pb2_grpc as service_grpc
from lipiyana.wire.results import recognition_from_proto

Metadata = tuple[tuple[str, str], ...]


class Client:
    """Reads pictures on a server; a `Recognizer`.

    Examples:
        >>> from lipiyana import Client, LocalRecognizer, RecognitionConfig
        >>> from lipiyana.server import running_server
        >>> plate = "samples/plates/02_standard_2row.jpg"
        >>> with running_server(LocalRecognizer()) as server:  # or run `lipiyana serve`
        ...     with Client(server.target) as client:
        ...         found = client.recognize(plate, RecognitionConfig(layout="plate"))
        >>> found.plates[0].registration.canonical
        'TG75WFG1162'

    A client may be shared between threads, and must not be used after a fork. A call that ends
    UNAVAILABLE is retried, up to four times; other errors are not retried.
    """

    def __init__(
        self,
        target: str,
        *,
        timeout: float | None = DEFAULT_TIMEOUT,
        max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES,
        tls: grpc.ChannelCredentials | None = None,
        token: str | None = None,
    ) -> None:
        """Create the channel; it connects at the first call.

        Args:
            target: `host:port`. If the host has several addresses, calls are spread over them.
            timeout: default timeout of a call in seconds; streams have none. None disables the
                default timeout; per call, pass `math.inf`.
            max_message_bytes: largest request or response; the server has its own limit.
            tls: for example `grpc.ssl_channel_credentials(root_certificates)`; with the client's
                key and certificate if the server requires one.
            token: sent with each call as `authorization: Bearer`.

        Raises:
            InvalidRequest: an argument is invalid, such as a target without a port.
        """
        self._endpoint = Endpoint(target, timeout, max_message_bytes, tls, token)
        self._channel = (
            grpc.insecure_channel(target, self._endpoint.options)
            if tls is None
            else grpc.secure_channel(target, tls, self._endpoint.options)
        )
        self._stub = service_grpc.RecognitionServiceStub(self._channel)
        self._closed = False

    def recognize(
        self,
        image: ImageInput,
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
        request_id: str | None = None,
    ) -> Recognition:
        """Read one picture; see `Recognizer.recognize`.

        `request_id` names the call in the logs and errors of the server: at most 64 letters,
        digits, `.`, `_` and `-`. Without a valid one the server chooses an id.
        """
        config_message = messages.config_message(config)
        request = service_pb.RecognizeRequest(
            image=messages.image_message(image), config=config_message
        )
        with self._errors():
            response = self._stub.Recognize(
                request,
                timeout=self._endpoint.timeout_of(timeout),
                metadata=self._endpoint.metadata(request_id),
            )
        return recognition_from_proto(response.recognition)

    def recognize_batch(
        self,
        images: Sequence[ImageInput],
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
        request_id: str | None = None,
    ) -> list[Recognition | LipiyanaError]:
        """Read several pictures in one call; see `Recognizer.recognize_batch`.

        Raises:
            LipiyanaError: the whole call failed, for example because the batch is too large.
        """
        config_message = messages.config_message(config)
        image_messages = messages.image_messages(images)
        request = messages.batch_request(image_messages, config_message)
        if not request.images:
            return [outcome for outcome in image_messages if isinstance(outcome, LipiyanaError)]
        with self._errors():
            response = self._stub.BatchRecognize(
                request,
                timeout=self._endpoint.timeout_of(timeout),
                metadata=self._endpoint.metadata(request_id),
            )
        return messages.batch_outcomes(image_messages, response)

    def recognize_stream(
        self,
        frames: Iterable[FrameInput],
        config: RecognitionConfig | None = None,
        *,
        request_id: str | None = None,
    ) -> Iterator[FrameResult]:
        """Read frames as they arrive; see `Recognizer.recognize_stream`.

        A separate thread iterates over `frames`. An exception of `frames` is raised here, after
        the results of earlier frames. Closing the iterator ends the stream. If the connection is
        lost, `Unavailable` is raised within 80 seconds.
        """
        require_frames(frames)
        setup = messages.setup_request(config)
        return self._stream(OutgoingFrames(setup), frames, self._endpoint.metadata(request_id))

    def _stream(
        self, outgoing: OutgoingFrames, frames: Iterable[FrameInput], metadata: Metadata
    ) -> Iterator[FrameResult]:
        with self._errors():
            call = self._stub.StreamRecognize(outgoing.requests(frames), metadata=metadata)
        try:
            with self._errors():
                for response in call:
                    yield from outgoing.unsent()
                    yield messages.frame_result(response)
        finally:
            call.cancel()
        yield from outgoing.unsent()
        if outgoing.failure is not None:
            raise outgoing.failure

    def close(self) -> None:
        """Close the channel. Running and later calls raise `Cancelled`."""
        self._closed = True
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        self._require_open()
        try:
            yield
        except ValueError as error:  # gRPC raises this if the channel was closed meanwhile
            if not self._closed:
                raise
            raise closed() from error
        except grpc.RpcError as error:
            raise to_error(
                error.code(), error.details(), error.trailing_metadata(), self._endpoint
            ) from error

    def _require_open(self) -> None:
        if self._closed:
            raise closed()
