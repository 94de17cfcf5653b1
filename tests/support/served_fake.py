"""A fake recognizer for server tests: fast, records its calls, and can be held."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator, Sequence

from lipiyana.errors import InvalidImage, LipiyanaError
from lipiyana.recognizer import FrameResult
from lipiyana.types import (
    Box,
    FrameInput,
    ImageInput,
    RawImage,
    Recognition,
    RecognitionConfig,
    TextLine,
    Vehicle,
)

SECRET = "KL01CC50"
"""A text that must not appear in logs or messages."""

PATIENCE = 30.0


class FakeRecognizer:
    """Returns the bytes of a picture as its text; `bad...` is an invalid image, `bug` raises.

    `computed` lists the pictures in the order in which they were started. After `hold`, pictures
    are started (see `wait_for`) but not finished before `release`.
    """

    def __init__(self, digest: str = "plan") -> None:
        self.computed: list[bytes] = []
        self.timeouts: list[float | None] = []
        self._digest = digest
        self._began: queue.Queue[bytes] = queue.Queue()
        self._gate = threading.Event()
        self._gate.set()

    def hold(self) -> None:
        self._gate.clear()

    def release(self) -> None:
        self._gate.set()

    def wait_for(self, data: bytes) -> None:
        """Wait until the reading of this picture has started."""
        while self._began.get(timeout=PATIENCE) != data:
            pass

    def plan_digest(self) -> str:
        return self._digest

    def check_config(self, config: RecognitionConfig) -> None:
        pass

    def recognize(
        self,
        image: ImageInput,
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
    ) -> Recognition:
        if isinstance(image, RawImage):  # the warm-up
            return Recognition(image.width, image.height)
        assert isinstance(image, bytes)
        self.computed.append(image)
        self.timeouts.append(timeout)
        self._began.put(image)
        assert self._gate.wait(PATIENCE)
        if image.startswith(b"bad"):
            raise InvalidImage("this is not a picture", reason="TRUNCATED_IMAGE")
        if image == b"bug":
            raise KeyError(SECRET)
        return recognition(image.decode("latin-1"))

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
        raise AssertionError("servers do not call it")

    def close(self) -> None:
        pass


def recognition(text: str) -> Recognition:
    """Make a result whose numbers are exact in 32 bits."""
    corners = ((0.0, 0.0), (8.0, 0.0), (8.0, 4.5), (0.0, 4.5))
    return Recognition(
        64,
        48,
        vehicles=(Vehicle("auto_rickshaw", 0.75, Box(1.0, 2.0, 3.5, 4.0), track_id=7),),
        text_lines=(TextLine(text[:40], "Latn", 0.5, corners),),
        timings={"decode": 0.25},
    )
