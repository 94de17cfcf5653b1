"""Watches one source: motion, models, tracks, rows."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from PIL import Image

from lipiyana.arrays import RgbArray
from lipiyana.errors import LipiyanaError, Overloaded, Unavailable
from lipiyana.events.crops import Crop, crops_of, with_crops
from lipiyana.recognizer import Recognizer
from lipiyana.rows.reader import STOPPING
from lipiyana.rows.retry import RETRY
from lipiyana.types import ImageInput, PixelFormat, RawImage, Recognition, RecognitionConfig
from lipiyana.watch.annotated import AnnotatedVideo
from lipiyana.watch.inputs.frames import CameraFrame
from lipiyana.watch.motion import MotionGate
from lipiyana.watch.passage import Row
from lipiyana.watch.power import PowerProfile
from lipiyana.watch.regions import RegionMap
from lipiyana.watch.settings import WATCH, WatchSettings
from lipiyana.watch.track_log import TrackLog

_JPEG_QUALITY = 90
_ROUNDING = 1e-6  # of times of frames
_SERVER_IS_AWAY = (Overloaded, Unavailable)


@dataclass(frozen=True, slots=True)
class Eyes:
    """What reads the frames of all sources.

    Attributes:
        recognizer: shared by them.
        config: what to look for.
        profile: what may be used.
        turns: how many frames may be read at the same time.
        encode: whether frames go to another machine, as JPEG.
    """

    recognizer: Recognizer
    config: RecognitionConfig
    profile: PowerProfile
    turns: threading.Semaphore
    encode: bool = False

    def read(self, pixels: RgbArray) -> Recognition:
        """Read a picture.

        Raises:
            LipiyanaError: see `Recognizer.recognize`.
        """
        with self.turns:
            image: ImageInput = RawImage.from_array(pixels, PixelFormat.RGB8)
            if self.encode:
                encoded = io.BytesIO()
                Image.fromarray(pixels).save(encoded, "JPEG", quality=_JPEG_QUALITY)
                image = encoded.getvalue()
            return RETRY.call(partial(self.recognizer.recognize, image, self.config))


@dataclass(slots=True)
class Counts:
    """What happened to the frames of one source so far.

    Attributes:
        frames: that were decoded and not dropped.
        looked_at: of these, at the chosen rate.
        read: of these, those with motion.
        failed: of these, those that could not be read.
        tracks: that have ended.
        elapsed: seconds of the source.
    """

    frames: int = 0
    looked_at: int = 0
    read: int = 0
    failed: int = 0
    tracks: int = 0
    elapsed: float = 0.0


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How one source is watched.

    Attributes:
        frames_per_second: that are looked at; None for all.
        frame_rows: whether each frame that is read has a row.
        every_frame: whether frames without motion are read as well.
        regions: what is counted, and what is not looked at.
        is_endless: whether it goes on when a server of models is away for a while.
        annotated: gets the frames with the results drawn on them.
        mark: a part of the ids of rows. A file that is watched with other options has other tracks
            at the same times: their ids must differ, and those of the same run again must not.
        crops: quality in WebP of crops of plates and text that rows have; None for no crops.
    """

    frames_per_second: float | None = None
    frame_rows: bool = False
    every_frame: bool = False
    is_endless: bool = False
    regions: RegionMap = field(default_factory=RegionMap)
    annotated: AnnotatedVideo | None = None
    mark: str = ""
    crops: int | None = None


class Watcher:
    """Watches one source, on one thread."""

    def __init__(
        self,
        name: str,
        eyes: Eyes,
        options: WatchOptions,
        *,
        emit: Callable[[Row], object],
        notify: Callable[[str], object] = lambda _: None,
        settings: WatchSettings = WATCH,
    ) -> None:
        """Prepare.

        Args:
            name: of the source.
            eyes: what reads.
            options: how it is watched.
            emit: is given each row.
            notify: is given a message where frames begin to fail, and where that ends.
            settings: tuned constants.
        """
        self._eyes, self._options = eyes, options
        self._emit, self._notify, self._settings = emit, notify, settings
        rate = options.frames_per_second
        gap = settings.lost_seconds if rate is None else settings.lost_frames / rate
        self._longest_gap = max(settings.lost_seconds, gap)
        self._log = TrackLog(
            name,
            options.regions,
            longest_gap=self._longest_gap,
            mark=options.mark,
            has_crops=options.crops is not None,
            settings=settings,
        )
        self._gate = MotionGate(settings)
        self._next = 0.0
        self._found: Recognition | None = None
        self._failing = False
        self.counts = Counts()

    def run(self, frames: Iterable[CameraFrame | None], stop: threading.Event) -> None:
        """Watch until the frames end or `stop` is set; at last all tracks end.

        Raises:
            LipiyanaError: what the next frame would meet too, or what the source raises.
        """
        came = time.monotonic()
        first: float | None = None
        try:
            for frame in frames:
                if stop.is_set():
                    break
                if frame is None:
                    if time.monotonic() - came > self._longest_gap:
                        self._end_tracks()
                    continue
                came = time.monotonic()
                first = frame.elapsed if first is None else first
                self.counts.frames += 1
                self.counts.elapsed = frame.elapsed - first
                if self._is_due(frame.elapsed):
                    self._look(frame)
        finally:
            self._end_tracks()

    def _is_due(self, elapsed: float) -> bool:
        rate = self._options.frames_per_second
        if rate is None:
            return True
        step, late = 1 / rate, elapsed - self._next
        if late < -_ROUNDING:
            return False
        # on a grid, so that frames that are a little late do not lower the rate
        self._next = self._next + step if late < step else elapsed + step
        return True

    def _look(self, frame: CameraFrame) -> None:
        self.counts.looked_at += 1
        moved = self._options.every_frame or self._moved(frame)
        pixels: RgbArray | None = None
        if moved or self._found is None or self._options.annotated is not None:
            pixels = self._pixels(frame)
        if (moved or self._found is None) and pixels is not None:
            moved = True
            self._found = self._read(pixels)
        if self._found is None:
            return
        cut: Callable[[Recognition], list[Crop]] | None = None
        if self._options.crops is not None and pixels is not None:
            cut = partial(crops_of, pixels, quality=self._options.crops)
        self._give(self._log.see(frame, self._found, read=moved, cut=cut))
        if moved and self._options.frame_rows:
            row = self._log.frame_row(frame)
            self._emit(row if cut is None else with_crops(row, cut(self._log.found)))
        if self._options.annotated is not None and pixels is not None:
            self._options.annotated.write(frame.elapsed, pixels, self._log.found)

    def _moved(self, frame: CameraFrame) -> bool:
        grey = self._options.regions.hide(frame.picture.grey(self._settings.motion_width))
        return self._gate.passes(grey, frame.elapsed)

    def _pixels(self, frame: CameraFrame) -> RgbArray:
        longest = self._eyes.profile.longest_side
        return self._options.regions.hide(frame.picture.rgb(longest))

    def _read(self, pixels: RgbArray) -> Recognition | None:
        self.counts.read += 1
        try:
            found = self._eyes.read(pixels)
        except LipiyanaError as error:
            if isinstance(error, STOPPING) and not (
                self._options.is_endless and isinstance(error, _SERVER_IS_AWAY)
            ):
                raise
            self.counts.failed += 1
            if not self._failing:
                self._notify(f"frames cannot be read: {error.message}")
            self._failing = True
            self._gate.forget()
            return None
        if self._failing:
            self._notify("frames are read again")
        self._failing = False
        return found

    def _end_tracks(self) -> None:
        self._give(self._log.end_all())

    def _give(self, rows: list[Row]) -> None:
        self.counts.tracks += len(rows)
        for row in rows:
            self._emit(row)
