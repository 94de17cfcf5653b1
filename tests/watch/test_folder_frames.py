"""Pictures that arrive in a folder."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from lipiyana.images.loading import DEFAULT_LIMITS
from lipiyana.watch.inputs.folder import FolderFrames
from lipiyana.watch.inputs.frames import CameraFrame
from lipiyana.watch.inputs.sources import parse_sources
from lipiyana.watch.settings import WatchSettings

OFTEN = WatchSettings(poll_seconds=0.001)


def encoded(grey: int) -> bytes:
    done, data = cv2.imencode(".jpg", np.full((40, 60, 3), grey, np.uint8))
    assert done
    return data.tobytes()


def put(path: Path, data: bytes, at: float) -> None:
    path.write_bytes(data)
    os.utime(path, (at, at))


def looks(frames: Iterator[CameraFrame | None], count: int) -> list[CameraFrame]:
    """What comes until nothing new has come for some looks."""
    found, nothing = [], 0
    while nothing < count:
        frame = next(frames)
        nothing = nothing + 1 if frame is None else 0
        if frame is not None:
            found.append(frame)
    return found


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


@pytest.fixture
def frames(tmp_path: Path, said: list[str], stop: threading.Event) -> FolderFrames:
    (source,) = parse_sources([str(tmp_path)])
    return FolderFrames(source, stop, DEFAULT_LIMITS, notify=said.append, settings=OFTEN)


def test_pictures_come_once_in_order_of_time(tmp_path: Path, frames: FolderFrames) -> None:
    put(tmp_path / "b.jpg", encoded(20), 1000.0)
    put(tmp_path / "a.jpg", encoded(30), 1002.5)
    put(tmp_path / "notes.txt", b"no picture", 1001.0)
    put(tmp_path / ".hidden.jpg", encoded(1), 1001.0)
    (tmp_path / "deep.jpg").mkdir()
    each = iter(frames)
    first = looks(each, 3)
    put(tmp_path / "c.JPG", encoded(40), 1003.0)
    # the same name with another picture is another picture
    put(tmp_path / "a.jpg", encoded(50), 1004.0)
    second = looks(each, 3)
    greys = [round(float(frame.picture.rgb(None).mean())) for frame in first + second]
    assert greys == [20, 30, 40, 50]
    assert [frame.at for frame in first + second] == [1000.0, 1002.5, 1003.0, 1004.0]
    assert [frame.elapsed for frame in first + second] == [0.0, 2.5, 3.0, 4.0]
    assert [frame.frame_id for frame in first + second] == [0, 1, 2, 3]


def test_a_picture_that_is_still_written_is_waited_for(
    tmp_path: Path, frames: FolderFrames, said: list[str]
) -> None:
    each = iter(frames)
    assert next(each) is None
    data = encoded(60)
    path = tmp_path / "slow.jpg"
    for end in range(100, len(data), 100):
        path.write_bytes(data[:end])  # grows between any two looks
        assert next(each) is None
    path.write_bytes(data)
    (frame,) = looks(each, 3)
    assert frame.picture.rgb(None).shape == (40, 60, 3)
    assert not said
    assert not frames.failed


def test_a_broken_picture_is_reported_and_the_next_one_comes(
    tmp_path: Path, frames: FolderFrames, said: list[str]
) -> None:
    put(tmp_path / "a.jpg", b"no picture", 1000.0)
    put(tmp_path / "b.jpg", encoded(70), 1001.0)
    (frame,) = looks(iter(frames), 3)
    assert frame.at == 1001.0
    assert len(said) == frames.failed == 1
    assert said[0].startswith("a.jpg: ")


def test_a_folder_that_goes_away_is_reported_once_each_time(
    tmp_path: Path, frames: FolderFrames, said: list[str]
) -> None:
    each = iter(frames)
    tmp_path.rename(tmp_path.with_name("gone"))
    told = ["the folder cannot be read: No such file or directory"]
    for _ in range(3):
        assert next(each) is None
        assert said == told
    tmp_path.mkdir()
    put(tmp_path / "a.jpg", encoded(80), 1000.0)
    assert len(looks(each, 3)) == 1
    (tmp_path / "a.jpg").unlink()
    tmp_path.rmdir()
    looks(each, 2)
    assert said == told * 2


def test_it_ends_when_it_is_stopped(
    tmp_path: Path, frames: FolderFrames, stop: threading.Event
) -> None:
    put(tmp_path / "a.jpg", encoded(20), 1000.0)
    each = iter(frames)
    looks(each, 2)
    stop.set()
    assert next(each, "ended") == "ended"
