"""A recognizer that keeps the pictures it was unsure of, at once or in spare time."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Protocol

import cv2

from lipiyana.arguments import pictures_of
from lipiyana.arrays import RgbArray
from lipiyana.conversions.pictures import picture_bytes
from lipiyana.errors import LipiyanaError
from lipiyana.images.loading import opened
from lipiyana.ocr.recognition.text_reader import installed_reader
from lipiyana.pipeline import LocalRecognizer
from lipiyana.recognizer import FrameResult
from lipiyana.review.keeper import UnsureKeeper
from lipiyana.review.unsureness import UNSURENESS, first_look, judge
from lipiyana.types import (
    CachePolicy,
    FrameInput,
    ImageInput,
    PixelFormat,
    RawImage,
    Recognition,
    RecognitionConfig,
)
from lipiyana.wire.results import recognition_to_json

Job = Callable[[], None]
_log = logging.getLogger(__name__)
_SUFFIXES = ((b"\xff\xd8\xff", ".jpg"), (b"\x89PNG", ".png"), (b"RIFF", ".webp"), (b"BM", ".bmp"))


class Novelty(Protocol):
    """Knows whether pictures have changed, and which are of the new kind."""

    @property
    def camera(self) -> str:
        """The camera whose picture is being read on this thread."""
        ...

    def is_drifting(self, camera: str) -> bool:
        """Whether the pictures of a camera have changed."""
        ...

    def strangeness(self, camera: str, pixels: RgbArray, found: Recognition) -> float:
        """How much a picture, (H, W, 3) RGB, is of the new kind, from 0 to 1."""
        ...


class KeepingRecognizer:
    """Passes all calls to another recognizer, and checks the answers.

    It implements `lipiyana.recognizer.Recognizer`. Frames of `recognize_stream`, and
    pictures with `CachePolicy.BYPASS`, are passed on and never kept.
    """

    def __init__(
        self,
        recognizer: LocalRecognizer,
        keeper: UnsureKeeper,
        *,
        defer: Callable[[Job], object] | None = None,
        on_close: Job | None = None,
        novelty: Novelty | None = None,
    ) -> None:
        """Wrap a recognizer.

        Args:
            recognizer: reads the pictures.
            keeper: keeps the unsure pictures.
            defer: does a job when there is time for it, or never; by default each picture is
                judged before its answer is given.
            on_close: called before the other recognizer is closed.
            novelty: knows the pictures of a kind that is new.
        """
        self._recognizer, self._keeper = recognizer, keeper
        self._defer, self._on_close, self._novelty = defer, on_close, novelty
        self._reader = installed_reader(recognizer.store)

    def __getattr__(self, name: str) -> Any:
        """Give attributes that only the other recognizer has."""
        return getattr(self._recognizer, name)

    def plan_digest(self) -> str:
        """Hash what an answer depends on; see `LocalRecognizer.plan_digest`."""
        return self._recognizer.plan_digest()

    def check_config(self, config: RecognitionConfig) -> None:
        """Refuse a config; see `LocalRecognizer.check_config`."""
        self._recognizer.check_config(config)

    def recognize(
        self,
        image: ImageInput,
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
    ) -> Recognition:
        """Read one picture; see `Recognizer.recognize`."""
        image = picture_bytes(image, self._recognizer.limits.max_bytes)
        found = self._recognizer.recognize(image, config, timeout=timeout)
        self._consider(image, config, found)
        return found

    def recognize_pixels(
        self, pixels: RgbArray, config: RecognitionConfig, *, timeout: float | None = None
    ) -> Recognition:
        """Read a picture that is decoded already; see `LocalRecognizer.recognize_pixels`."""
        found = self._recognizer.recognize_pixels(pixels, config, timeout=timeout)
        if self._is_to_judge(config, found):
            self._consider(RawImage.from_array(pixels, PixelFormat.RGB8), config, found)
        return found

    def recognize_batch(
        self,
        images: Sequence[ImageInput],
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
    ) -> list[Recognition | LipiyanaError]:
        """Read several pictures; see `Recognizer.recognize_batch`."""
        # a file object can be read but once
        given = [self._taken(image) for image in pictures_of(images)]
        readable = [image for image in given if not isinstance(image, LipiyanaError)]
        found = iter(self._recognizer.recognize_batch(readable, config, timeout=timeout))
        outcomes: list[Recognition | LipiyanaError] = []
        for image in given:
            outcome = image if isinstance(image, LipiyanaError) else next(found)
            if isinstance(outcome, Recognition) and isinstance(image, bytes | RawImage):
                self._consider(image, config, outcome)
            outcomes.append(outcome)
        return outcomes

    def recognize_stream(
        self, frames: Iterable[FrameInput], config: RecognitionConfig | None = None
    ) -> Iterator[FrameResult]:
        """Read frames as they come; see `Recognizer.recognize_stream`."""
        return self._recognizer.recognize_stream(frames, config)

    def close(self) -> None:
        """Close the other recognizer."""
        if self._on_close is not None:
            self._on_close()
        self._recognizer.close()

    def _taken(self, image: ImageInput) -> bytes | RawImage | LipiyanaError:
        try:
            return picture_bytes(image, self._recognizer.limits.max_bytes)
        except LipiyanaError as error:
            return error

    def _consider(
        self, image: bytes | RawImage, config: RecognitionConfig | None, found: Recognition
    ) -> None:
        if not self._is_to_judge(config, found):
            return
        camera = "" if self._novelty is None else self._novelty.camera
        job = partial(self._judge, image, found, camera)
        if self._defer is None:
            job()
        else:
            self._defer(job)

    def _is_to_judge(self, config: RecognitionConfig | None, found: Recognition) -> bool:
        if config is not None and config.cache_policy is CachePolicy.BYPASS:
            return False
        novelty = self._novelty
        is_new = novelty is not None and novelty.is_drifting(novelty.camera)
        return is_new or first_look(found) >= UNSURENESS.least_doubt

    def _judge(self, image: bytes | RawImage, found: Recognition, camera: str) -> None:
        """Keep the picture if it is unsure enough; an error here never changes the answer."""
        try:
            recognizer = self._recognizer
            with opened(
                image, recognizer.limits, recognizer.decoding_memory, shrunk=False
            ) as picture:
                unsure = judge(found, picture.pixels, self._reader)
                if self._novelty is not None:
                    unsure = unsure.with_reason(
                        "drift", self._novelty.strangeness(camera, picture.pixels, found)
                    )
                data, suffix = _encoded(image, picture.pixels)
                self._keeper.offer(data, suffix, picture.pixels, unsure, recognition_to_json(found))
        except Exception as error:
            # the message of an error may quote a plate
            _log.error("%s while keeping an unsure picture", type(error).__name__)


class SpareTime:
    """Does small jobs beside the real work, and drops them under load.

    One thread does them one after another, and rests after each so that they take `share` of one
    CPU. Jobs must not raise. Safe to share between threads.
    """

    def __init__(self, regular: Job, every: float, *, share: float = 0.1, bound: int = 4) -> None:
        """Start the thread.

        Args:
            regular: a job that is done again and again, whatever else comes.
            every: seconds from one time to the next.
            share: of the time, above 0 and 1 at most.
            bound: jobs that may wait.
        """
        self._regular, self._every = regular, every
        self._share, self._bound = share, bound
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._closed = False
        # a daemon: remaining jobs must not keep the process alive
        self._thread = threading.Thread(target=self._work, name="lipiyana-spare-time", daemon=True)
        self._thread.start()

    def offer(self, job: Job) -> bool:
        """Queue a job; False if too many wait already, or this is closed."""
        with self._changed:
            if self._closed or len(self._jobs) >= self._bound:
                return False
            self._jobs.append(job)
            self._changed.notify_all()
            return True

    def close(self) -> None:
        """Finish the job under way and drop those that wait. Blocks."""
        with self._changed:
            self._closed = True
            self._jobs.clear()
            self._changed.notify_all()
        self._thread.join()

    def _work(self) -> None:
        due = time.monotonic() + self._every
        while True:
            with self._changed:
                while not self._closed and not self._jobs and time.monotonic() < due:
                    self._changed.wait(due - time.monotonic())
                if self._closed:
                    return
                is_due = time.monotonic() >= due
                job = self._regular if is_due else self._jobs.popleft()
            began = time.monotonic()
            job()
            del job  # its picture is not to stay while this thread waits
            if is_due:
                due = began + self._every
            rest = (time.monotonic() - began) * (1 / self._share - 1)
            with self._changed:
                self._changed.wait_for(lambda: self._closed, rest)


def _encoded(image: bytes | RawImage, pixels: RgbArray) -> tuple[bytes, str]:
    if isinstance(image, bytes):
        known = (suffix for magic, suffix in _SUFFIXES if image.startswith(magic))
        return image, next(known, ".picture")
    _, data = cv2.imencode(".png", pixels[..., ::-1])
    return data.tobytes(), ".png"
