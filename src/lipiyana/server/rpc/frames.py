"""Incoming frames of a stream on the server: one waits, the newest wins, the drops are reported."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass, field

from lipiyana.errors import LipiyanaError
from lipiyana.server.tuning import STREAMS
from lipiyana.stream.newest_frame import Mailbox
from lipiyana.types import RawImage
from lipiyana.v1 import recognition_service_pb2 as service_pb


@dataclass(frozen=True, slots=True)
class WaitingFrame:
    """One frame of a stream.

    Attributes:
        frame_id: as the client named it.
        image: its picture, or why there is none to be read.
        room: closed when the frame waits no more; it holds the room for its bytes.
    """

    frame_id: int
    image: bytes | RawImage | LipiyanaError
    room: ExitStack = field(default_factory=ExitStack, compare=False)


class IncomingFrames:
    """The setup of a stream and its newest frame. Belongs to one event loop."""

    def __init__(self) -> None:
        self._setup: service_pb.StreamSetup | None = None
        self._newest: Mailbox[WaitingFrame] = Mailbox(lambda frame: frame.room.close())
        self._is_read = False
        self._is_paused = False
        self._changed = asyncio.Event()
        self._reported = asyncio.Event()

    @property
    def is_busy(self) -> bool:
        """Whether a frame waits, or was taken and has not been answered."""
        return self._is_read or self._newest.frame is not None

    def answered(self) -> None:
        """Note that the frame that was taken last has its answer."""
        self._is_read = False

    def begin(self, setup: service_pb.StreamSetup) -> None:
        """Take the setup, which comes before the frames."""
        self._setup = setup
        self._changed.set()

    async def setup(self) -> service_pb.StreamSetup:
        """Wait for the setup. Raises what `end` was given, if that is sooner."""
        while self._setup is None:
            if self._newest.failure is not None:
                raise self._newest.failure
            self._changed.clear()
            await self._changed.wait()
        return self._setup

    def put(self, frame: WaitingFrame) -> None:
        """Let a frame wait, in place of the one that waits now; after the end it is refused."""
        if self._newest.put(frame):
            if self._is_paused:
                self._newest.drop()
            self._changed.set()

    def pause(self) -> None:
        """Drop what waits and what comes, while nobody reads the results of earlier frames."""
        self._is_paused = True
        self._newest.drop()

    def resume(self) -> None:
        """Let frames wait again."""
        self._is_paused = False
        self._reported.set()

    async def room(self) -> None:
        """Wait while too many dropped ids are not reported yet, or the stream is paused."""
        while self._is_paused or len(self._newest.dropped) >= STREAMS.max_dropped:
            self._reported.clear()
            await self._reported.wait()

    def end(self, failure: Exception | None = None) -> None:
        """Say that no frame follows, and why if that is an error. The first call counts."""
        self._newest.end(failure)
        self._changed.set()

    def close(self) -> None:
        """Give up the frame that waits."""
        self._newest.close()

    async def take(self) -> tuple[WaitingFrame, list[int]] | None:
        """Wait for a frame; it comes with the ids of those dropped since the last one.

        None after the last frame. Raises what `end` was given, after the last frame.
        """
        while (taken := self._newest.take()) is None:
            if self._newest.ended:
                return None
            self._changed.clear()
            await self._changed.wait()
        taken[0].room.close()  # from here on it counts where it is queued
        self._is_read = True
        self._reported.set()
        return taken
