"""Reads the pictures of calls, whichever transport brought them: one, a batch, or a stream."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Protocol

from lipiyana.cache import RepeatedFrameReader
from lipiyana.errors import DeadlineExceeded, InvalidRequest, LipiyanaError, Overloaded
from lipiyana.server.calls.answers import Answers
from lipiyana.server.calls.calls import Calls, as_known, shutting_down
from lipiyana.server.calls.current import CurrentAnswers, FrameReaders
from lipiyana.server.calls.frames import IncomingFrames, WaitingFrame
from lipiyana.server.calls.limits import BatchWriting, Outcome, Receiving, UnreadAnswers
from lipiyana.server.queue.places import Places
from lipiyana.server.queue.pool import Reservation
from lipiyana.server.queue.sources import Kind
from lipiyana.server.security.callers import Caller
from lipiyana.server.settings.model import ServerSettings
from lipiyana.server.telemetry.metrics import Metrics
from lipiyana.server.tuning import STREAMS
from lipiyana.stream.tracks import StreamTracks
from lipiyana.types import RawImage, Recognition, RecognitionConfig

Picture = bytes | RawImage
"""An undecoded picture of a request."""


class FrameLink(Protocol):
    """Both directions of a stream of frames."""

    async def config(self) -> RecognitionConfig:
        """Receive the setup. Raises `setup_missing()` if another message comes."""
        ...

    async def frame(self) -> tuple[int, Picture | LipiyanaError] | None:
        """Receive the id and the picture of the next frame; None after the last."""
        ...

    async def send(self, frame_id: int, outcome: Outcome, dropped: list[int]) -> None:
        """Send a result, and wait until there is room for the next."""
        ...


class Recognitions:
    """Reads the pictures of one server's calls, on its event loop."""

    def __init__(
        self, answers: CurrentAnswers, calls: Calls, metrics: Metrics, settings: ServerSettings
    ) -> None:
        self._answers = answers
        self._calls = calls
        self._metrics = metrics
        self.receiving = Receiving(settings)
        self.batch_writing = BatchWriting(settings.receive_timeout)
        self.unread = UnreadAnswers(settings.max_message_bytes)
        self._max_streams = settings.max_streams
        self._stream_places = Places(settings.max_streams)
        self._idle_seconds = settings.stream_idle_timeout
        self._streams: set[IncomingFrames] = set()
        self._draining = False

    @property
    def calls(self) -> Calls:
        """Wraps each call."""
        return self._calls

    def drain(self) -> None:
        """Reject new calls, and end the open streams after the frames that they have sent."""
        self._calls.drain()
        self._draining = True
        for waiting in self._streams:
            _end_for_drain(waiting)

    def check(self, config: RecognitionConfig) -> RecognitionConfig:
        """Return a config that the recognizer supports.

        Raises:
            LipiyanaError: it does not support it.
        """
        self._answers.now.check(config)
        return config

    async def one(self, image: Picture, config: RecognitionConfig, caller: Caller) -> Recognition:
        """Read one picture.

        Raises:
            LipiyanaError: the picture cannot be read, or not now.
        """
        caller.spend(1)
        with self._answers.use() as answers:
            key = answers.key(image, config)
            return await self._answer(answers, image, config, key, caller, Kind.CALL)

    async def batch(
        self,
        images: Sequence[Picture | LipiyanaError],
        size: int,
        config: RecognitionConfig,
        caller: Caller,
    ) -> list[Outcome]:
        """Read several pictures. Each may fail separately, but all are queued or none.

        Args:
            images: the pictures, or their errors.
            size: bytes of the request.
            config: a config that passed `check`.
            caller: who asks.

        Raises:
            LipiyanaError: there is no picture (EMPTY_BATCH), or no room for them now.
        """
        if not images:
            raise empty_batch()
        caller.spend(len(images))
        good = {i: image for i, image in enumerate(images) if not isinstance(image, LipiyanaError)}
        source = caller.source(Kind.BATCH)
        with self._answers.use() as answers:
            keys = {index: answers.key(image, config) for index, image in good.items()}
            with answers.reserve(list(keys.values()), size, source) as reservation:
                read = partial(
                    self._outcome,
                    answers,
                    config=config,
                    caller=caller,
                    kind=Kind.BATCH,
                    reservation=reservation,
                )
                async with asyncio.TaskGroup() as group:
                    tasks = [
                        group.create_task(read(image, key=keys.get(index)))
                        for index, image in enumerate(images)
                    ]
        return [task.result() for task in tasks]

    async def stream(self, link: FrameLink, caller: Caller) -> None:
        """Read frames as they arrive; only the newest one waits.

        Raises:
            LipiyanaError: there is no place for the stream, or a message of it is invalid.
        """
        with self._open_stream(caller.client) as waiting:
            reader = asyncio.create_task(self._receive(link, waiting, caller))
            try:
                config = self.check(await _config(waiting))
                tracks = StreamTracks(config.layout)
                frames = FrameReaders(self._answers, config)
                while (taken := await waiting.take()) is not None:
                    frame_id, dropped = taken[0].frame_id, taken[1]
                    outcome = await self._frame(taken[0].image, config, caller, frames)
                    del taken  # free the picture before the client reads the result
                    followed = tracks.update(outcome, len(dropped))
                    await _sent(link, waiting, frame_id, followed, dropped)
                    waiting.answered()
            finally:
                reader.cancel()
                with suppress(asyncio.CancelledError):
                    await reader

    async def _receive(self, link: FrameLink, waiting: IncomingFrames, caller: Caller) -> None:
        """Receive the frames of a stream one by one, until its end."""
        try:
            waiting.begin(await link.config())
            while (frame := await _next(link, waiting, self._idle_seconds)) is not None:
                waiting.put(self._with_memory(*frame, caller))
                del frame
                await waiting.wait_for_room()  # no more frames for clients that read no results
        except Exception as error:
            # a message that cannot be parsed ends the stream, after its last good frame
            waiting.end(as_known(error, caller.request_id))
        else:
            waiting.end()

    def _with_memory(
        self, frame_id: int, image: Picture | LipiyanaError, caller: Caller
    ) -> WaitingFrame:
        """Reserve memory for a frame while it waits; if there is none, its error waits."""
        with ExitStack() as memory:
            if not isinstance(image, LipiyanaError):
                try:
                    source = caller.source(Kind.STREAM)
                    memory.enter_context(self._answers.now.reserve_bytes(image, source))
                except Overloaded as error:
                    image = as_known(error, caller.request_id)
            return WaitingFrame(frame_id, image, memory.pop_all())

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
        answers: Answers,
        image: Picture,
        config: RecognitionConfig,
        key: bytes | None,
        caller: Caller,
        kind: Kind,
        frames: RepeatedFrameReader | None = None,
        reservation: Reservation | None = None,
    ) -> Recognition:
        value = await answers.answer(
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
        answers: Answers,
        image: Picture | LipiyanaError,
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
            return await self._answer(
                answers, image, config, key, caller, kind, frames, reservation
            )
        except Exception as error:
            return as_known(error, caller.request_id)

    async def _frame(
        self,
        image: Picture | LipiyanaError,
        config: RecognitionConfig,
        caller: Caller,
        frames: FrameReaders,
    ) -> Outcome:
        with self._answers.use() as answers:
            key = None if isinstance(image, LipiyanaError) else answers.key(image, config)
            try:
                caller.spend(1)
            except Overloaded as error:
                return as_known(error, caller.request_id)
            reader = frames.reader(answers)
            return await self._outcome(answers, image, config, key, caller, Kind.STREAM, reader)


def empty_batch() -> InvalidRequest:
    """Create the error of a batch without pictures."""
    return InvalidRequest("the batch is empty", field="images", reason="EMPTY_BATCH")


def setup_missing() -> InvalidRequest:
    """Create the error of a stream that does not begin with its setup."""
    return InvalidRequest(
        f"the first message of a stream must be the setup, within {STREAMS.setup_seconds} seconds",
        field="setup",
        reason="SETUP_MISSING",
    )


def frame_expected() -> InvalidRequest:
    """Create the error of a message of a stream that is neither the setup nor a frame."""
    return InvalidRequest(
        "after the setup, all messages of a stream must be frames",
        field="frame",
        reason="FRAME_EXPECTED",
    )


def _end_for_drain(waiting: IncomingFrames) -> None:
    waiting.end(shutting_down())


async def _sent(
    link: FrameLink, waiting: IncomingFrames, frame_id: int, outcome: Outcome, dropped: list[int]
) -> None:
    """Send a result. If the client does not read it in time, frames are dropped meanwhile."""
    sending = asyncio.ensure_future(link.send(frame_id, outcome, dropped))
    try:
        done, _ = await asyncio.wait({sending}, timeout=STREAMS.unread_seconds)
        if not done:
            waiting.pause()
        await sending
    finally:
        sending.cancel()
        waiting.resume()


async def _config(waiting: IncomingFrames) -> RecognitionConfig:
    try:
        async with asyncio.timeout(STREAMS.setup_seconds):
            return await waiting.config()
    except TimeoutError:
        raise setup_missing() from None


async def _next(
    link: FrameLink, waiting: IncomingFrames, idle_seconds: float
) -> tuple[int, Picture | LipiyanaError] | None:
    """Wait for the next frame of a stream; None after the last.

    Raises:
        DeadlineExceeded: no message arrived for too long, while no frame was being read
            (STREAM_IDLE).
    """
    coming = asyncio.ensure_future(link.frame())
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
