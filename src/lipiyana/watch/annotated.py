"""A video with the results drawn on its frames."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from lipiyana.annotation import draw
from lipiyana.arrays import RgbArray
from lipiyana.errors import MissingExtra
from lipiyana.types import Recognition

try:
    import av
except ModuleNotFoundError as error:
    raise MissingExtra.for_extra("video", "an annotated video") from error

SUFFIXES = (".mkv", ".mp4", ".webm")
"""Of files that can be written. All of them are played by browsers, except .mkv."""

# VP9: players and browsers know it, and its encoder has a permissive licence
_CODEC: Final = "libvpx-vp9"
_FAST = {"deadline": "realtime", "cpu-used": "8", "row-mt": "1", "crf": "32", "b": "0"}
_TICKS = 1000
"""Units of time a second: frames of cameras come irregularly."""


class AnnotatedVideo:
    """Writes a file; belongs to one thread. The first frame decides the size."""

    def __init__(self, path: Path) -> None:
        """Create the file.

        Raises:
            OSError: it cannot be created.
        """
        # PyAV creates it with the first frame only
        with path.open("wb"):
            pass
        self._path = path
        self._container: av.container.OutputContainer | None = None
        self._stream: av.VideoStream | None = None
        self._first: float | None = None
        self._last = -1

    def write(self, elapsed: float, pixels: RgbArray, found: Recognition) -> None:
        """Add a frame.

        Args:
            elapsed: its time in seconds.
            pixels: (height, width, 3), RGB.
            found: what is drawn on it; other sizes are scaled.
        """
        stream, container = self._opened(pixels)
        drawn = draw(pixels, found)
        size = (stream.width, stream.height)
        if drawn.shape[1::-1] != size:
            drawn = np.asarray(cv2.resize(drawn, size, interpolation=cv2.INTER_AREA), np.uint8)
        frame = av.VideoFrame.from_ndarray(drawn, format="rgb24")
        self._first = elapsed if self._first is None else self._first
        # two frames must not have the same time
        self._last = max(self._last + 1, round((elapsed - self._first) * _TICKS))
        frame.pts, frame.time_base = self._last, Fraction(1, _TICKS)
        container.mux(stream.encode(frame))

    def close(self) -> None:
        """Complete the file."""
        if self._container is None or self._stream is None:
            return
        self._container.mux(self._stream.encode())
        self._container.close()
        self._container = None

    def _opened(self, pixels: RgbArray) -> tuple[av.VideoStream, av.container.OutputContainer]:
        if self._container is None or self._stream is None:
            height, width = pixels.shape[:2]
            self._container = av.open(f"file:{self._path}", "w")
            stream = self._container.add_stream(_CODEC, rate=25, options=_FAST)
            # with halved colours, sides are even
            stream.width, stream.height = width - width % 2, height - height % 2
            stream.pix_fmt = "yuv420p"
            stream.codec_context.time_base = Fraction(1, _TICKS)
            self._stream = stream
        return self._stream, self._container
