"""A fake recognizer whose answers are chosen by the contents of the files."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence

from lipiyana.errors import InvalidImage, LipiyanaError, Overloaded, Unavailable
from lipiyana.recognizer import FrameResult
from lipiyana.types import (
    Box,
    FrameInput,
    ImageInput,
    Plate,
    Recognition,
    RecognitionConfig,
    TextLine,
    Vehicle,
)

BOX = Box(1, 2, 30, 40)


class FakeRecognizer:
    """Returns a file's bytes as its text; `bad`, `bug`, `busy` and `down` raise errors."""

    def __init__(self) -> None:
        self.configs: list[RecognitionConfig | None] = []
        self.seen: list[str] = []
        self.closed = False
        self.server_is_up = True
        self.busy_answers = 3
        self.busy_reason = "QUEUE_FULL"
        self.finds_nothing = False
        self._lock = threading.Lock()

    def recognize(
        self,
        image: ImageInput,
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
    ) -> Recognition:
        assert isinstance(image, bytes)
        text = image.decode()
        with self._lock:
            self.configs.append(config)
            self.seen.append(text)
            if text == "busy" and self.busy_answers:
                self.busy_answers -= 1
                raise Overloaded("come later", retry_after=0.0, reason=self.busy_reason)
        if text == "bad":
            raise InvalidImage("this is not a picture")
        if text == "bug":
            raise ZeroDivisionError("division by zero")
        if text == "down" and not self.server_is_up:
            raise Unavailable("no server answers")
        if self.finds_nothing:
            return Recognition(1, 1)
        polygon = ((1.0, 2.0), (30.0, 2.0), (30.0, 40.0), (1.0, 40.0))
        line = TextLine(text, "Latn", 0.5, polygon)
        return Recognition(
            640,
            480,
            vehicles=(Vehicle("bus", 0.5, BOX), Vehicle("bus", 0.5, BOX), Vehicle("car", 0.5, BOX)),
            plates=(Plate("KA 01\nAB 1234", 0.5, BOX),),
            text_lines=(line, line),
        )

    def recognize_batch(
        self,
        images: Sequence[ImageInput],
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
    ) -> list[Recognition | LipiyanaError]:
        return [self.recognize(image, config) for image in images]

    def recognize_stream(
        self, frames: Iterable[FrameInput], config: RecognitionConfig | None = None
    ) -> Iterator[FrameResult]:
        return (FrameResult(frame.frame_id, self.recognize(frame.image)) for frame in frames)

    def close(self) -> None:
        self.closed = True
