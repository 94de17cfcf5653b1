"""Frames that come faster than they are read: the newest wins, the drops are told."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field

from lipiyana.types import Frame


@dataclass(slots=True)
class _Mailbox:
    """One slot. `dropped` are frames that were replaced before anyone took them."""

    frame: Frame | None = None
    dropped: list[int] = field(default_factory=list)
    failure: BaseException | None = None
    ended: bool = False
    closed: bool = False


def newest_frames(frames: Iterable[Frame]) -> Generator[tuple[Frame, tuple[int, ...]], None, None]:
    """Take frames as they come, and hand out the newest whenever the caller asks.

    A thread of its own takes them, so that `frames` may be a live source. The last frame is
    always handed out. What `frames` raises is raised here, after the frame before it.

    Yields:
        The newest frame, and the ids of older ones that nobody will see.
    """
    box = _Mailbox()
    changed = threading.Condition()
    # a daemon: a source that never yields again must not keep the process alive
    feeder = threading.Thread(
        target=_feed, args=(frames, box, changed), name="lipiyana-frames", daemon=True
    )
    feeder.start()
    try:
        while True:
            with changed:
                changed.wait_for(lambda: box.frame is not None or box.ended)
                frame, box.frame = box.frame, None
                dropped, box.dropped = tuple(box.dropped), []
                failure = box.failure
            if frame is None:
                if failure is not None:
                    raise failure
                return
            yield frame, dropped
    finally:
        with changed:
            box.closed = True


def _feed(frames: Iterable[Frame], box: _Mailbox, changed: threading.Condition) -> None:
    failure: BaseException | None = None
    try:
        for frame in frames:
            with changed:
                if box.closed:
                    return
                if box.frame is not None:
                    box.dropped.append(box.frame.frame_id)
                box.frame = frame
                changed.notify()
    except BaseException as error:
        failure = error
    finally:
        with changed:
            box.failure, box.ended = failure, True
            changed.notify()
