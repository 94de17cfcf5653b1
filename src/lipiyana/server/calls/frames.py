"""Incoming frames of a stream: only the newest one waits, and dropped ones are reported."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass, field

from lipiyana.errors import LipiyanaError
from lipiyana.server.tuning import STREAMS
from lipiyana.stream.newest_frame import Mailbox
from lipiyana.types import RawImage, RecognitionConfig


@dataclass(frozen=True, slots=True)
class WaitingFrame:
    """One frame of a stream.

    Attributes:
        frame_id: the client's id of the frame.
        image: its picture, or the error of a picture that cannot be read.
        memory: the reservation for its bytes; closed when the frame no longer waits.
    """

    frame_id: int
    image: bytes | RawImage | LipiyanaError
    memory: ExitStack = field(default_factory=ExitStack, compare=False)


class IncomingFrames:
    """The config of a stream and its newest frame. Belongs to one event loop."""

    def __init__(self) -> None:
        self._config: RecognitionConfig | None = None
        self._newest: Mailbox[WaitingFrame] = Mailbox(lambda frame: frame.memory.close())
        self._is_read = False
        self._is_paused = False
        self._changed = asyncio.Event()
        self._reported = asyncio.Event()

    @property
    def is_busy(self) -> bool:
        """Whether a frame waits, or was taken and is not answered yet."""
        return self._is_read or self._newest.frame is not None

    def answered(self) -> None:
        """Note that the frame taken last was answered."""
        self._is_read = False

    def begin(self, config: RecognitionConfig) -> None:
        """Store the config, which comes before the frames."""
        self._config = config
        self._changed.set()

    async def config(self) -> RecognitionConfig:
        """Wait for the config. Raises the failure given to `end`, if that comes first."""
        while self._config is None:
            if self._newest.failure is not None:
                raise self._newest.failure
            self._changed.clear()
            await self._changed.wait()
        return self._config

    def put(self, frame: WaitingFrame) -> None:
        """Let a frame wait and drop the one that waited; after the end, drop it instead."""
        if self._newest.put(frame):
            if self._is_paused:
                self._newest.drop()
            self._changed.set()

    def pause(self) -> None:
        """Drop the waiting frame and new ones, while the client reads no results."""
        self._is_paused = True
        self._newest.drop()

    def resume(self) -> None:
        """Let frames wait again."""
        self._is_paused = False
        self._reported.set()

    async def wait_for_room(self) -> None:
        """Wait while too many ids of dropped frames are unreported, or the stream is paused."""
        while self._is_paused or len(self._newest.dropped) >= STREAMS.max_dropped:
            self._reported.clear()
            await self._reported.wait()

    def end(self, failure: Exception | None = None) -> None:
        """End the frames, perhaps with a failure. Only the first call counts."""
        self._newest.end(failure)
        self._changed.set()

    def close(self) -> None:
        """Drop the waiting frame."""
        self._newest.close()

    async def take(self) -> tuple[WaitingFrame, list[int]] | None:
        """Wait for a frame; return it and the ids of the frames dropped since the last one.

        After the last frame, return None or raise the failure given to `end`.
        """
        while (taken := self._newest.take()) is None:
            if self._newest.ended:
                return None
            self._changed.clear()
            await self._changed.wait()
        taken[0].memory.close()  # from now on the queue counts its bytes
        self._is_read = True
        self._reported.set()
        return taken
