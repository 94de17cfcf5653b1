"""Streams of frames in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from lipiyana.errors import InvalidImage
from lipiyana.pipeline import LocalRecognizer
from lipiyana.types import Frame, Layout, RawImage, Recognition, RecognitionConfig

Draw = Callable[..., np.ndarray]


LINE = RecognitionConfig(layout=Layout.LINE)


def raw(picture: np.ndarray) -> RawImage:
    return RawImage.from_array(picture, "rgb8")


def test_a_stream_tells_every_frame(recognizer: LocalRecognizer, draw_text: Draw) -> None:
    frames = [Frame(number, raw(draw_text(f"NO {number}"))) for number in range(20)]
    results = list(recognizer.recognize_stream(frames, LINE))
    reported = [i for result in results for i in (*result.dropped_frame_ids, result.frame_id)]
    assert reported == list(range(20))
    last = results[-1].outcome
    assert isinstance(last, Recognition)
    assert last.text_lines[0].text == "NO 19"


def test_a_slow_stream_drops_nothing(recognizer: LocalRecognizer, draw_text: Draw) -> None:
    asked = threading.Semaphore(1)

    def frames() -> Iterator[Frame]:
        for number in range(4):
            asked.acquire()
            yield Frame(number, raw(draw_text("SLOW")) if number != 2 else b"")

    seen = []
    for result in recognizer.recognize_stream(frames(), LINE):
        seen.append((result.frame_id, result.dropped_frame_ids, type(result.outcome)))
        asked.release()
    assert [(number, dropped) for number, dropped, _ in seen] == [(n, ()) for n in range(4)]
    assert [kind for *_, kind in seen] == [Recognition, Recognition, InvalidImage, Recognition]


def test_a_source_that_fails_says_so(recognizer: LocalRecognizer, draw_text: Draw) -> None:
    def frames() -> Iterator[Frame]:
        yield Frame(7, raw(draw_text("LAST")))
        raise OSError("the camera is gone")

    stream = recognizer.recognize_stream(frames(), LINE)
    assert next(stream).frame_id == 7
    with pytest.raises(OSError, match="camera"):
        next(stream)


def test_closing_a_stream_ends_its_thread(recognizer: LocalRecognizer, draw_text: Draw) -> None:
    picture = raw(draw_text("CLOSE"))
    closed, ended = threading.Event(), threading.Event()

    def frames() -> Iterator[Frame]:
        try:
            yield Frame(0, picture)
            closed.wait(60)
            yield Frame(1, picture)
            yield Frame(2, picture)
        finally:
            ended.set()

    stream = recognizer.recognize_stream(frames(), LINE)
    assert next(stream).frame_id == 0
    stream.close()  # type: ignore[attr-defined]
    closed.set()
    assert ended.wait(60)
