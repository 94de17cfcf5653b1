"""One waiting place for what comes in a stream: the newest frame wins, the drops are told."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass, field

from lipiyana.errors import LipiyanaError
from lipiyana.types import RawImage
from lipiyana.v1 import recognition_service_pb2 as service_pb

MAX_DROPPED = 1000
"""Ids of dropped frames that may wait to be told."""


@dataclass(frozen=True, slots=True)
class WaitingFrame:
    """One frame of a stream.

    Attributes:
        frame_id: as the client named it.
        image: its picture, or why there is none to be read.
        room: closed when the frame waits no more; it holds what is kept for its bytes.
    """

    frame_id: int
    image: bytes | RawImage | LipiyanaError
    room: ExitStack = field(default_factory=ExitStack, compare=False)


class NewestFrame:
    """Holds the setup and at most one frame. Belongs to one event loop."""

    def __init__(self) -> None:
        self._setup: service_pb.StreamSetup | None = None
        self._frame: WaitingFrame | None = None
        self._dropped: list[int] = []
        self._is_read = False
        self._is_paused = False
        self._ended = False
        self._failure: Exception | None = None
        self._changed = asyncio.Event()
        self._told = asyncio.Event()

    @property
    def is_busy(self) -> bool:
        """Whether a frame waits, or was taken and has not been answered."""
        return self._is_read or self._frame is not None

    def answered(self) -> None:
        """Say that the frame that was taken last has its answer."""
        self._is_read = False

    def begin(self, setup: service_pb.StreamSetup) -> None:
        """Say what is asked; before the frames."""
        self._setup = setup
        self._changed.set()

    async def setup(self) -> service_pb.StreamSetup:
        """Wait for the setup. Raises what `end` was given, if that is sooner."""
        while self._setup is None:
            if self._failure is not None:
                raise self._failure
            self._changed.clear()
            await self._changed.wait()
        return self._setup

    def put(self, frame: WaitingFrame) -> None:
        """Let a frame wait, in place of the one that waits now; after the end it is refused."""
        if self._ended:
            frame.room.close()
            return
        self._drop()
        self._frame = frame
        if self._is_paused:
            self._drop()
        self._changed.set()

    def _drop(self) -> None:
        if self._frame is not None:
            self._frame.room.close()
            self._dropped.append(self._frame.frame_id)
            self._frame = None

    def pause(self) -> None:
        """Drop what waits and what comes, while nobody reads what came of earlier frames."""
        self._is_paused = True
        self._drop()

    def resume(self) -> None:
        """Let frames wait again."""
        self._is_paused = False
        self._told.set()

    async def room(self) -> None:
        """Wait while `MAX_DROPPED` ids or more wait to be told, or frames are not welcome."""
        while self._is_paused or len(self._dropped) >= MAX_DROPPED:
            self._told.clear()
            await self._told.wait()

    def end(self, failure: Exception | None = None) -> None:
        """Say that no frame follows, and why if that is an error. The first call counts."""
        if not self._ended:
            self._ended, self._failure = True, failure
            self._changed.set()

    def close(self) -> None:
        """Give up the frame that waits."""
        self._ended = True
        if self._frame is not None:
            self._frame.room.close()
            self._frame = None

    async def take(self) -> tuple[WaitingFrame, list[int]] | None:
        """Wait for a frame; it comes with the ids of those dropped since the last one.

        None after the last frame. Raises what `end` was given, after the last frame.
        """
        while self._frame is None:
            if self._ended:
                if self._failure is not None:
                    raise self._failure
                return None
            self._changed.clear()
            await self._changed.wait()
        frame, self._frame = self._frame, None
        frame.room.close()  # from here on it counts where it is queued
        self._is_read = True
        dropped, self._dropped = self._dropped, []
        self._told.set()
        return frame, dropped
