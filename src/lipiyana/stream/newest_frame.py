"""Frames that come faster than they are read: the newest wins, and dropped ones are reported."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
from typing import Generic, Protocol, TypeVar

from lipiyana.types import Frame


class Numbered(Protocol):
    """Anything with the id of a frame."""

    @property
    def frame_id(self) -> int:
        """The id that the frame came with."""
        ...


F = TypeVar("F", bound=Numbered)


class Mailbox(Generic[F]):
    """One waiting place: a newer frame replaces the one that waits, whose id is then reported.

    It neither waits nor locks. `newest_frames` guards it with a condition between two threads; the
    server uses it on one event loop.

    Attributes:
        frame: the one that waits.
        dropped: ids of frames that were replaced and have not been reported yet.
        ended: whether no frame follows.
        failure: why, if the source failed.

    Example:
        >>> mailbox = Mailbox[Frame]()
        >>> for frame_id in (7, 8, 9):
        ...     _ = mailbox.put(Frame(frame_id, b"..."))
        >>> frame, dropped = mailbox.take()
        >>> frame.frame_id, dropped
        (9, [7, 8])
    """

    def __init__(self, on_drop: Callable[[F], object] = lambda _: None) -> None:
        """Hold nothing; `on_drop` is given each frame that nobody will take."""
        self.frame: F | None = None
        self.dropped: list[int] = []
        self.ended = False
        self.failure: BaseException | None = None
        self._on_drop = on_drop

    def put(self, frame: F) -> bool:
        """Let a frame wait in place of the one that waits now; False after the end."""
        if self.ended:
            self._on_drop(frame)
            return False
        self.drop()
        self.frame = frame
        return True

    def drop(self) -> None:
        """Drop the frame that waits, if any."""
        if self.frame is not None:
            self._on_drop(self.frame)
            self.dropped.append(self.frame.frame_id)
            self.frame = None

    def end(self, failure: BaseException | None = None) -> None:
        """Say that no frame follows, and why if that is an error. The first call counts."""
        if not self.ended:
            self.ended, self.failure = True, failure

    def close(self) -> None:
        """Take no more frames, and drop the one that waits."""
        self.end()
        self.drop()

    def take(self) -> tuple[F, list[int]] | None:
        """Take the frame that waits, with the ids dropped since the last one.

        None if no frame waits. Raises what `end` was given, after the last frame.
        """
        if self.frame is None:
            if self.failure is not None:
                raise self.failure
            return None
        frame, self.frame = self.frame, None
        dropped, self.dropped = self.dropped, []
        return frame, dropped


def newest_frames(frames: Iterable[Frame]) -> Generator[tuple[Frame, tuple[int, ...]], None, None]:
    """Take frames as they come, and hand out the newest whenever the caller asks.

    A thread of its own takes them, so `frames` may be a live source. The last frame is always
    handed out. What `frames` raises is raised here, after the frame before it.

    Yields:
        The newest frame, and the ids of older ones that nobody will see.
    """
    mailbox: Mailbox[Frame] = Mailbox()
    changed = threading.Condition()
    # a daemon: a source that never yields again must not keep the process alive
    feeder = threading.Thread(
        target=_feed, args=(frames, mailbox, changed), name="lipiyana-frames", daemon=True
    )
    feeder.start()
    try:
        while True:
            with changed:
                changed.wait_for(lambda: mailbox.frame is not None or mailbox.ended)
                taken = mailbox.take()
            if taken is None:
                return
            yield taken[0], tuple(taken[1])
    finally:
        with changed:
            mailbox.close()


def _feed(frames: Iterable[Frame], mailbox: Mailbox[Frame], changed: threading.Condition) -> None:
    failure: BaseException | None = None
    try:
        for frame in frames:
            with changed:
                if not mailbox.put(frame):
                    return
                changed.notify()
    except BaseException as error:
        failure = error
    finally:
        with changed:
            mailbox.end(failure)
            changed.notify()
