from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from lipiyana.stream.newest_frame import Mailbox, newest_frames
from lipiyana.types import Frame


def test_a_newer_frame_replaces_the_one_that_waits() -> None:
    dropped: list[Frame] = []
    mailbox = Mailbox[Frame](dropped.append)
    first, second, third = (Frame(number, b"") for number in (1, 2, 3))
    assert mailbox.take() is None
    assert all(mailbox.put(frame) for frame in (first, second, third))
    assert mailbox.take() == (third, [1, 2])
    assert dropped == [first, second]
    assert mailbox.take() is None


def test_a_frame_after_the_end_is_dropped_and_the_failure_comes_last() -> None:
    dropped: list[Frame] = []
    mailbox = Mailbox[Frame](dropped.append)
    last, late = Frame(1, b""), Frame(2, b"")
    mailbox.put(last)
    mailbox.end(OSError("the camera is gone"))
    mailbox.end()  # the first call counts
    assert not mailbox.put(late)
    assert mailbox.take() == (last, [])
    with pytest.raises(OSError, match="camera"):
        mailbox.take()
    assert dropped == [late]


def test_a_reader_that_is_slow_gets_the_newest_frame() -> None:
    taken, sent = threading.Event(), threading.Event()

    def frames() -> Iterator[Frame]:
        yield Frame(0, b"")
        assert taken.wait(30)
        yield from (Frame(number, b"") for number in (1, 2, 3))
        sent.set()
        raise OSError("the camera is gone")

    newest = newest_frames(frames())
    assert next(newest) == (Frame(0, b""), ())
    taken.set()
    assert sent.wait(30)
    assert next(newest) == (Frame(3, b""), (1, 2))
    with pytest.raises(OSError, match="camera"):
        next(newest)
