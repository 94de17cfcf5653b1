"""Frames that show the same as an earlier frame of their stream are not computed again."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from lipiyana.arrays import RgbArray
from lipiyana.cache.frame_comparison import ReferencePicture, Region
from lipiyana.clock import Clock
from lipiyana.images.decoding_memory import DecodingMemory
from lipiyana.images.loading import ImageLimits, opened
from lipiyana.scene.original_size import in_original_pixels
from lipiyana.types import (
    CacheOutcome,
    ImageInput,
    PixelFormat,
    Point,
    Polygon,
    RawImage,
    Recognition,
    RecognitionConfig,
)

MAX_AGE = 10.0
"""Seconds after which a frame is computed though nothing has changed."""

_PADDING = 2


class RepeatedFrames:
    """Remembers the last frame of one stream that was computed, and its result.

    A result is given again for a frame that shows the same everywhere: then its vehicles are the
    same ones at the same places, and each reading is that of the same track. Frames are compared
    with one that was computed, never with one that was not, so that small changes cannot add up.
    Belongs to one stream with one config, and to one thread at a time.
    """

    def __init__(
        self, max_age: float = MAX_AGE, *, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_age = max_age
        self._timer = timer
        self._reference: ReferencePicture | None = None
        self._recognition: Recognition | None = None
        self._taken = 0.0

    def lookup(self, pixels: RgbArray) -> Recognition | None:
        """Give the result for a frame, (height, width, 3) RGB; None if it must be computed."""
        if self._reference is None or self._recognition is None:
            return None
        if self._timer() - self._taken > self._max_age:
            return None
        if not self._reference.shows_the_same(pixels):
            return None
        return dataclasses.replace(self._recognition, cache_outcome=CacheOutcome.HIT, timings={})

    def remember(self, pixels: RgbArray, recognition: Recognition) -> None:
        """Store the result of a frame, (height, width, 3) RGB, in place of the last one."""
        self._reference = ReferencePicture(pixels, text_regions(recognition))
        self._recognition = recognition
        self._taken = self._timer()


class _Recognizes(Protocol):
    def recognize(
        self, image: ImageInput, config: RecognitionConfig, *, timeout: float | None
    ) -> Recognition: ...


@runtime_checkable
class ReadsPixels(Protocol):
    """A recognizer that takes decoded pictures as they are; `LocalRecognizer` is one."""

    def recognize_pixels(
        self, pixels: RgbArray, config: RecognitionConfig, *, timeout: float | None
    ) -> Recognition:
        """Read (height, width, 3) RGB; see `Recognizer.recognize`."""
        ...


class RepeatedFrameReader:
    """Reads the frames of one stream; those that repeat are not computed.

    What it gives with `CacheOutcome.HIT` was computed for another picture: it is for this stream
    alone.
    """

    def __init__(
        self,
        recognizer: _Recognizes,
        limits: ImageLimits,
        decoding_memory: DecodingMemory | None = None,
    ) -> None:
        self._recognizer = recognizer
        self._limits = limits
        self._memory = decoding_memory
        self._frames = RepeatedFrames()

    def recognize(
        self, image: ImageInput, config: RecognitionConfig, *, timeout: float | None = None
    ) -> Recognition:
        """Read one frame; see `Recognizer.recognize`.

        Raises:
            LipiyanaError: as the recognizer says.
        """
        clock = Clock(timeout)
        with contextlib.ExitStack() as held:
            with clock.stage("decode"):
                picture = held.enter_context(
                    opened(image, self._limits, self._memory, clock.left())
                )
            found = self._read(picture.pixels, config, clock)
            return in_original_pixels(found, picture.width, picture.height)

    def _read(self, pixels: RgbArray, config: RecognitionConfig, clock: Clock) -> Recognition:
        with clock.stage("compare_frames"):
            earlier = self._frames.lookup(pixels)
        if earlier is not None:
            return dataclasses.replace(earlier, timings=clock.timings)
        value = self._recognize(pixels, config, clock.left())
        with clock.stage("remember_frame"):
            self._frames.remember(pixels, value)
        return dataclasses.replace(value, timings={**value.timings, **clock.timings})

    def _recognize(
        self, pixels: RgbArray, config: RecognitionConfig, timeout: float | None
    ) -> Recognition:
        if isinstance(self._recognizer, ReadsPixels):
            return self._recognizer.recognize_pixels(pixels, config, timeout=timeout)
        raw = RawImage.from_array(pixels, PixelFormat.RGB8)
        return self._recognizer.recognize(raw, config, timeout=timeout)


def text_regions(recognition: Recognition) -> list[Region]:
    """Give the places of all that was read, with the height of its lines."""
    regions = [_region(line.polygon, _height(line.polygon)) for line in recognition.text_lines]
    for plate in recognition.plates:
        box = plate.box
        corners = [(box.x_min, box.y_min), (box.x_max, box.y_max)]
        heights = [_height(line.polygon) for line in plate.lines] or [box.y_max - box.y_min]
        regions.append(_region(corners, min(heights)))
    return regions


def _region(points: Sequence[Point], text_height: float) -> Region:
    return Region(
        math.floor(min(x for x, _ in points)) - _PADDING,
        math.floor(min(y for _, y in points)) - _PADDING,
        math.ceil(max(x for x, _ in points)) + _PADDING,
        math.ceil(max(y for _, y in points)) + _PADDING,
        text_height,
    )


def _height(polygon: Polygon) -> float:
    """Length of the shorter side: the left or right one, except for a single letter."""
    a, b, c, d = polygon
    return min(math.dist(*side) for side in ((a, b), (b, c), (c, d), (d, a)))
