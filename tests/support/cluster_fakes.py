"""Recognizers for the workers of a cluster, which get them pickled; the files say what happens."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from lipiyana.errors import InvalidImage, Unavailable
from lipiyana.types import ImageInput, Recognition, RecognitionConfig, TextLine

_POLYGON = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


class FaultyRecognizer:
    """Returns a file's bytes as its text.

    `kill` ends the process as a crash does; `kill once PATH` only if there is no file PATH yet;
    `wait PATH` waits until the pipe PATH is opened for writing; `down` is `Unavailable`.
    """

    def recognize(
        self,
        image: ImageInput,
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
    ) -> Recognition:
        assert isinstance(image, bytes)
        text = image.decode()
        what, _, path = text.rpartition(" ")
        if text == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "kill once" and not Path(path).exists():
            Path(path).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "wait":
            Path(path).read_bytes()
        if text == "bad":
            raise InvalidImage("this is not a picture")
        if text == "down":
            raise Unavailable("no server answers")
        return Recognition(4, 3, text_lines=(TextLine(text, "Latn", 0.5, _POLYGON),))

    def close(self) -> None:
        """Do nothing."""
