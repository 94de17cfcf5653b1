"""The interface that `LocalRecognizer` (in process) and `Client` (on a server) implement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from lipiyana.errors import LipiyanaError
from lipiyana.types import FrameInput, ImageInput, Recognition, RecognitionConfig

if TYPE_CHECKING:
    from lipiyana.arrays import Features, RgbArray


@dataclass(frozen=True, slots=True)
class FrameResult:
    """The result of one frame of a stream.

    Examples:
        >>> from lipiyana import Frame, LocalRecognizer
        >>> frames = [Frame(7, "samples/scenes/02_highway_bengaluru.jpg")]
        >>> for result in LocalRecognizer().recognize_stream(frames):
        ...     print(result.frame_id, sorted(v.label for v in result.outcome.vehicles))
        7 ['car', 'truck']

    Attributes:
        frame_id: number of the frame.
        outcome: what was found, or the error.
        dropped_frame_ids: older frames that were skipped because a newer one had arrived.
    """

    frame_id: int
    outcome: Recognition | LipiyanaError
    dropped_frame_ids: tuple[int, ...] = ()


class PictureObserver(Protocol):
    """Sees the pictures that a `LocalRecognizer` reads, on the threads that read them."""

    def observe(
        self,
        pixels: RgbArray,
        config: RecognitionConfig,
        found: Recognition,
        features: Sequence[Features] = (),
    ) -> None:
        """Take a picture; it must be fast.

        Args:
            pixels: (H, W, 3) RGB.
            config: what was asked.
            found: what was found.
            features: (lines, 32) each, of the lines that were read; empty if the reader has none.
        """
        ...

    def close(self) -> None:
        """End; no more pictures come."""
        ...


@runtime_checkable
class Recognizer(Protocol):
    """Reads pictures. Both implementations may be shared between threads.

    Examples:
        >>> from lipiyana import LocalRecognizer, RecognitionConfig
        >>> recognizer: Recognizer = LocalRecognizer()
        >>> pictures = ["samples/plates/01_standard_1row.jpg", "missing.jpg"]
        >>> for outcome in recognizer.recognize_batch(pictures, RecognitionConfig(layout="plate")):
        ...     if isinstance(outcome, LipiyanaError):
        ...         print(outcome.reason)
        ...     else:
        ...         print(len(outcome.plates))
        1
        NOT_FOUND
    """

    def recognize(
        self,
        image: ImageInput,
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
    ) -> Recognition:
        """Read one picture.

        Args:
            image: a path (str or pathlib.Path), the bytes of a file, a file that is open in
                binary mode, a grey numpy array, a picture of Pillow, or a `RawImage`; see
                `ImageInput`.
            config: what to look for. By default the picture is a scene, and everything whose
                models are installed is looked for.
            timeout: in seconds.

        Raises:
            LipiyanaError: one of the errors of `lipiyana.errors`.
        """
        ...

    def recognize_batch(
        self,
        images: Sequence[ImageInput],
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
    ) -> list[Recognition | LipiyanaError]:
        """Read several pictures. The result of a picture that fails is its error."""
        ...

    def recognize_stream(
        self, frames: Iterable[FrameInput], config: RecognitionConfig | None = None
    ) -> Iterator[FrameResult]:
        """Read frames as they arrive. When a frame is finished, the newest one is read next.

        A picture that is not a `Frame` gets its position as `frame_id`, counted from 0.
        """
        ...

    def close(self) -> None:
        """Release threads and connections; the recognizer must not be used afterwards."""
        ...
