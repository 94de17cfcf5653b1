"""`AsyncClient`: the asyncio client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

import grpc

from lipiyana.arguments import require_frames
from lipiyana.client import messages
from lipiyana.client.channel import DEFAULT_MAX_MESSAGE_BYTES, DEFAULT_TIMEOUT, Endpoint
from lipiyana.client.failures import closed, to_error
from lipiyana.client.outgoing import OutgoingFrames
from lipiyana.client.stream_end import Status, StreamEnd
from lipiyana.errors import LipiyanaError
from lipiyana.recognizer import FrameResult
from lipiyana.types import FrameInput, ImageInput, Recognition, RecognitionConfig
from lipiyana.v1 import recognition_service_pb2 as service_pb
from lipiyana.v1 import recognition_service_pb2_grpc as service_grpc
from lipiyana.wire.results import recognition_from_proto


class AsyncClient:
    """Reads pictures on a server. Create and use it on one running event loop.

    Examples:
        >>> import asyncio
        >>> from lipiyana import AsyncClient, LocalRecognizer, RecognitionConfig
        >>> from lipiyana.server import running_server
        >>> async def read(target: str, path: str) -> str:
        ...     async with AsyncClient(target) as client:
        ...         found = await client.recognize(path, RecognitionConfig(layout="plate"))
        ...         return found.plates[0].registration.canonical
        >>> with running_server(LocalRecognizer()) as server:  # or run `lipiyana serve`
        ...     asyncio.run(read(server.target, "samples/plates/02_standard_2row.jpg"))
        'TG75WFG1162'

    Files are read in threads. A call that ends UNAVAILABLE is retried, up to four times.
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
        """Create the channel; see `Client` for the arguments."""
        self._endpoint = Endpoint(target, timeout, max_message_bytes, tls, token)
        self._channel = (
            grpc.aio.insecure_channel(target, self._endpoint.options)
            if tls is None
            else grpc.aio.secure_channel(target, tls, self._endpoint.options)
        )
        self._stub = service_grpc.RecognitionServiceStub(self._channel)
        self._closed = False

    async def recognize(
        self,
        image: ImageInput,
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
        request_id: str | None = None,
    ) -> Recognition:
        """Read one picture; see `Client.recognize`."""
        config_message = messages.config_message(config)
        image_message = await asyncio.to_thread(messages.image_message, image)
        request = service_pb.RecognizeRequest(image=image_message, config=config_message)
        async with self._errors():
            response = await self._stub.Recognize(
                request,
                timeout=self._endpoint.timeout_of(timeout),
                metadata=self._endpoint.metadata(request_id),
            )
        return recognition_from_proto(messages.require_parsed(response).recognition)

    async def recognize_batch(
        self,
        images: Sequence[ImageInput],
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
        request_id: str | None = None,
    ) -> list[Recognition | LipiyanaError]:
        """Read several pictures in one call; see `Client.recognize_batch`."""
        config_message = messages.config_message(config)
        image_messages = await asyncio.to_thread(messages.image_messages, images)
        request = messages.batch_request(image_messages, config_message)
        if not request.images:
            return [outcome for outcome in image_messages if isinstance(outcome, LipiyanaError)]
        async with self._errors():
            response = await self._stub.BatchRecognize(
                request,
                timeout=self._endpoint.timeout_of(timeout),
                metadata=self._endpoint.metadata(request_id),
            )
        return messages.batch_outcomes(image_messages, messages.require_parsed(response))

    def recognize_stream(
        self,
        frames: AsyncIterable[FrameInput] | Iterable[FrameInput],
        config: RecognitionConfig | None = None,
        *,
        request_id: str | None = None,
    ) -> AsyncIterator[FrameResult]:
        """Read frames as they arrive; see `Client.recognize_stream`.

        A synchronous iterable is iterated in a thread, at most one frame ahead.
        """
        require_frames(frames, also_async=True)
        setup = messages.setup_request(config)
        return self._stream(OutgoingFrames(setup), frames, self._endpoint.metadata(request_id))

    async def _stream(
        self,
        outgoing: OutgoingFrames,
        frames: AsyncIterable[FrameInput] | Iterable[FrameInput],
        metadata: tuple[tuple[str, str], ...],
    ) -> AsyncIterator[FrameResult]:
        async with self._errors():
            call = self._stub.StreamRecognize(outgoing.requests_async(frames), metadata=metadata)
        end = StreamEnd(call)
        try:
            async with self._errors(end):
                async for response in call:
                    for unsent in outgoing.unsent():
                        yield unsent
                    yield messages.frame_result(messages.require_parsed(response))
        finally:
            call.cancel()
            outgoing.close()
        for unsent in outgoing.unsent():
            yield unsent
        if outgoing.failure is not None:
            raise outgoing.failure

    async def close(self) -> None:
        """Close the channel. Running and later calls raise `Cancelled`."""
        self._closed = True
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    @asynccontextmanager
    async def _errors(self, end: StreamEnd | None = None) -> AsyncIterator[None]:
        self._require_open()
        try:
            yield
        except grpc.aio.AioRpcError as error:
            status = Status.of(error) if end is None else await end.status(error)
            raise await asyncio.to_thread(
                to_error, status.code, status.details, status.trailers, self._endpoint
            ) from error
        except (asyncio.CancelledError, grpc.aio.UsageError) as error:
            # grpc.aio raises these if the channel is closed before or during a call
            task = asyncio.current_task()
            if not self._closed or (task is not None and task.cancelling()):
                raise
            raise closed() from error

    def _require_open(self) -> None:
        if self._closed:
            raise closed()
