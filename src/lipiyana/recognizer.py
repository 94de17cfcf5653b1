"""The one interface of the project: in process (`LocalRecognizer`) or over the wire (`Client`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from lipiyana.errors import LipiyanaError
from lipiyana.types import FrameInput, ImageInput, Recognition, RecognitionConfig


@dataclass(frozen=True, slots=True)
class FrameResult:
    """What became of one frame of a stream.

    Attributes:
        frame_id: the id that the frame came with.
        outcome: what was found, or why it could not be.
        dropped_frame_ids: older frames that were never computed, because newer ones had come.
    """

    frame_id: int
    outcome: Recognition | LipiyanaError
    dropped_frame_ids: tuple[int, ...] = ()


@runtime_checkable
class Recognizer(Protocol):
    """Reads pictures. Both implementations are safe to share between threads."""

    def recognize(
        self,
        image: ImageInput,
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
    ) -> Recognition:
        """Read one picture.

        Args:
            image: the bytes of a file, its path (str or pathlib.Path), or `RawImage`.
            config: what is asked; by default all that has its models, of a whole scene.
            timeout: in seconds.

        Raises:
            LipiyanaError: of the kinds that `lipiyana.errors` lists.
        """
        ...

    def recognize_batch(
        self,
        images: Sequence[ImageInput],
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
    ) -> list[Recognition | LipiyanaError]:
        """Read several pictures; a bad one leaves its error in its place, the others go on."""
        ...

    def recognize_stream(
        self, frames: Iterable[FrameInput], config: RecognitionConfig | None = None
    ) -> Iterator[FrameResult]:
        """Read frames as they come; the newest wins where they come faster than they are read.

        A picture that is no `Frame` gets its place as `frame_id`, counted from 0.
        """
        ...

    def close(self) -> None:
        """Give threads and connections back; the object is not used after that."""
        ...
