"""A folder that pictures arrive in."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator
from pathlib import Path

from lipiyana.conversions.visible_text import shown
from lipiyana.errors import LipiyanaError
from lipiyana.files import read_picture_file
from lipiyana.images.loading import ImageLimits, decode
from lipiyana.watch.inputs.frames import CameraFrame, StillPicture
from lipiyana.watch.inputs.sources import VideoSource
from lipiyana.watch.settings import WATCH, WatchSettings

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
"""Of pictures that cameras write; other files of the folder are passed over."""

_Key = tuple[str, int, int]


class FolderFrames:
    """The pictures of a folder, those that are there and those that arrive, in order of time.

    A picture is complete once its size and time stay the same between two looks, `poll_seconds`
    apart. Its time is that of its file. Subfolders are not looked into.
    """

    def __init__(
        self,
        source: VideoSource,
        stop: threading.Event,
        limits: ImageLimits,
        *,
        notify: Callable[[str], object] = lambda _: None,
        settings: WatchSettings = WATCH,
    ) -> None:
        """Prepare.

        Args:
            source: the folder.
            stop: set from elsewhere to end.
            limits: largest picture to accept.
            notify: is given a message for each picture that cannot be read.
            settings: tuned constants.
        """
        self._source, self._stop, self._limits = source, stop, limits
        self._notify, self._settings = notify, settings
        self.failed = 0
        self._fault = ""

    def __iter__(self) -> Generator[CameraFrame | None, None, None]:
        """Give each picture once, or None if none came for a while."""
        done: set[_Key] = set()
        before: set[_Key] = set()
        first: float | None = None
        number, elapsed = 0, 0.0
        while not self._stop.is_set():
            here = self._look()
            # of files that are gone nothing is kept
            done &= here
            arrived = sorted((here & before) - done, key=lambda key: (key[1], key[0]))
            before = here
            for key in arrived:
                if self._stop.is_set():
                    return
                done.add(key)
                picture = self._open(key[0])
                if picture is None:
                    continue
                at = key[1] / 1e9
                first = at if first is None else first
                elapsed = max(elapsed, at - first)
                yield CameraFrame(number, elapsed, at, picture)
                number += 1
            if not arrived:
                yield None
                self._stop.wait(self._settings.poll_seconds)

    def _look(self) -> set[_Key]:
        found: set[_Key] = set()
        try:
            with os.scandir(self._source.location) as entries:
                for entry in entries:
                    if entry.name.startswith(".") or not entry.name.lower().endswith(SUFFIXES):
                        continue
                    try:
                        about = entry.stat()
                    except OSError:  # it is gone
                        continue
                    found.add((entry.name, about.st_mtime_ns, about.st_size))
            self._fault = ""
        except OSError as error:
            fault = f"the folder cannot be read: {error.strerror}"
            if fault != self._fault:  # once, however often it is looked at
                self._notify(fault)
            self._fault = fault
        return found

    def _open(self, name: str) -> StillPicture | None:
        path = Path(self._source.location) / name
        try:
            data = read_picture_file(path)
            return StillPicture(decode(data, self._limits))
        except LipiyanaError as error:
            self.failed += 1
            self._notify(f"{shown(name)}: {error.message}")
            return None
