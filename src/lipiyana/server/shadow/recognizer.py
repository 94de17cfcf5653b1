"""A recognizer that lets another one read a share of its pictures, in spare time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Protocol

from lipiyana.arrays import RgbArray
from lipiyana.batching import current_work
from lipiyana.errors import LipiyanaError
from lipiyana.recognizer import FrameResult, Recognizer
from lipiyana.server.calls.answers import ServedRecognizer
from lipiyana.server.shadow.differences import differences
from lipiyana.types import (
    FrameInput,
    ImageInput,
    PixelFormat,
    RawImage,
    Recognition,
    RecognitionConfig,
)

SECONDS = 30.0
"""For which the challenger may read one picture; it is checked between the stages."""

_log = logging.getLogger("lipiyana.server")


class ShadowObserver(Protocol):
    """Counts what the challenger did."""

    def shadowed(self, outcome: str, kinds: Sequence[str] = ()) -> None:
        """Take `same`, `different` with the kinds, `dropped` or `failed`."""
        ...


class ShadowedRecognizer:
    """Passes all calls to the champion, whose answers it gives, and shows some to the challenger.

    The challenger reads on another thread, after the answer, and only while no picture waits: a
    call is never later for it. Pictures that it has no time for are dropped.
    """

    def __init__(
        self,
        champion: ServedRecognizer,
        challenger: Recognizer,
        share: float,
        observer: ShadowObserver,
        *,
        offer: Callable[[Callable[[], None]], bool],
        busy: Callable[[], bool],
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        """Wrap the champion.

        Args:
            champion: gives the answers.
            challenger: gives none.
            share: of the pictures, above 0 and 1 at most.
            observer: counts.
            offer: takes a job to do later; False if it does not.
            busy: whether pictures wait; then nothing is offered.
            on_close: ends what `offer` takes jobs for.
        """
        self._champion, self._challenger = champion, challenger
        self._share, self._observer = share, observer
        self._offer, self._busy, self._on_close = offer, busy, on_close
        self._due = 0.0
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        """Give attributes that only the champion has."""
        return getattr(self._champion, name)

    def plan_digest(self) -> str:
        """Hash what an answer depends on: the challenger is not of it."""
        return self._champion.plan_digest()

    def check_config(self, config: RecognitionConfig) -> None:
        """Refuse a config; see `ServedRecognizer.check_config`."""
        self._champion.check_config(config)

    def recognize(
        self,
        image: ImageInput,
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
    ) -> Recognition:
        """Read one picture; see `Recognizer.recognize`."""
        found = self._champion.recognize(image, config, timeout=timeout)
        if isinstance(image, bytes | RawImage):
            self._show(image, config, found)
        return found

    def recognize_pixels(
        self, pixels: RgbArray, config: RecognitionConfig, *, timeout: float | None = None
    ) -> Recognition:
        """Read a picture that is decoded already; see `LocalRecognizer.recognize_pixels`."""
        champion: Any = self._champion
        found: Recognition = champion.recognize_pixels(pixels, config, timeout=timeout)
        self._show(RawImage.from_array(pixels, PixelFormat.RGB8), config, found)
        return found

    def recognize_batch(
        self,
        images: Sequence[ImageInput],
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
    ) -> list[Recognition | LipiyanaError]:
        """Read several pictures, unseen by the challenger: a server reads them one by one."""
        return self._champion.recognize_batch(images, config, timeout=timeout)

    def recognize_stream(
        self, frames: Iterable[FrameInput], config: RecognitionConfig | None = None
    ) -> Iterator[FrameResult]:
        """Read frames, unseen by the challenger: a server reads them one by one."""
        return self._champion.recognize_stream(frames, config)

    def close(self) -> None:
        """Drop what waits, and close both."""
        self._on_close()
        self._challenger.close()
        self._champion.close()

    def _show(
        self, image: bytes | RawImage, config: RecognitionConfig | None, found: Recognition
    ) -> None:
        if not current_work().counted or not self._is_due():
            return
        job = partial(self._compare, image, config, found)
        if self._busy() or not self._offer(job):
            self._observer.shadowed("dropped")

    def _is_due(self) -> bool:
        """Choose every tenth picture for a share of 0.1, and so on."""
        with self._lock:
            self._due += self._share
            if self._due < 1 - 1e-9:  # a tenth has no exact value
                return False
            self._due -= 1
            return True

    def _compare(
        self, image: bytes | RawImage, config: RecognitionConfig | None, found: Recognition
    ) -> None:
        try:
            kinds = differences(found, self._challenger.recognize(image, config, timeout=SECONDS))
        except Exception as error:
            # the message of an error may quote a plate
            _log.warning("%s in the shadow", type(error).__name__)
            self._observer.shadowed("failed")
        else:
            self._observer.shadowed("different" if kinds else "same", kinds)
