"""The counts of a server on disk: a file a day and camera, so that few bytes are rewritten.

Several processes may share the folder: each takes a slot, whose number its files have.

No single reading of a clock decides what is removed, nor which counts are the newest: a clock may
jump by years and come back.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from lipiyana.drift.counting.sketch import Sketch
from lipiyana.drift.profile import (
    VERSION,
    Profile,
    dumped,
    faults_of,
    models_of,
    named,
    read_counts,
    table_of,
)
from lipiyana.drift.settings import DRIFT
from lipiyana.drift.watching.windows import HOUR, Hours, profile_of
from lipiyana.errors import InvalidRequest, LipiyanaError, PermissionDenied
from lipiyana.files import write_atomically

if sys.platform != "win32":
    import fcntl

FORMAT = "lipiyana drift state"
_DAY = 24
_SLOTS = 1024
_NAME = re.compile(r".+\.(?P<mark>[0-9a-f]{8})\.(?P<day>-?\d+)\.(?P<slot>\d+)\.json")
_LONGEST = 120  # characters of a camera's name in that of a file
_AHEAD = 3600.0  # seconds by which the clocks of servers that share a folder may differ


class StateFolder:
    """The files of this process in a folder."""

    def __init__(self, folder: Path, models: Mapping[str, str]) -> None:
        """Take a slot of the folder, which is made where it is missing.

        Raises:
            PermissionDenied: the folder cannot be used.
        """
        self._folder, self._models = folder, dict(models)
        # models have files of their own: those of the same day are written anew
        self._mark = hashlib.blake2b(dumped(self._models), digest_size=4).hexdigest()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._slot, self._lock = _free_slot(folder, self._own_slots())
        except OSError as error:
            raise PermissionDenied(
                f"{folder} cannot keep the counts of drift: {error.strerror}; name another folder"
            ) from None

    def load(self) -> dict[str, Hours]:
        """Read what this slot counted with the same models, by camera; other files are left."""
        cameras: dict[str, Hours] = {}
        for path in _files(self._folder, self._slot):
            with suppress(LipiyanaError):  # what cannot be read must not keep a server from running
                value = read_counts(path, FORMAT)
                if models_of(value) == self._models:
                    hours = cameras.setdefault(str(value.get("camera")), Hours())
                    hours.sketches |= _sketches(value)
        return cameras

    def save(self, camera: str, hours: Hours, day: int, now: float) -> None:
        """Write the hours of one day of a camera.

        Args:
            camera: its name.
            hours: all that it has.
            day: since 1970.
            now: seconds since 1970.

        Raises:
            OSError: the disk is full, or the folder is gone.
        """
        chosen = {
            str(hour): sketch.to_json()
            for hour, sketch in sorted(hours.sketches.items())
            if hour // _DAY == day
        }
        value = {
            "format": FORMAT,
            "version": VERSION,
            "models": self._models,
            "camera": camera,
            "written": round(now, 3),
            "hours": chosen,
        }
        name = f"{_file_part(camera)}.{self._mark}.{day}.{self._slot}.json"
        write_atomically(self._folder / name, dumped(value), mode=0o600)

    def _own_slots(self) -> list[int]:
        """The slots in which these models have counted, the newest first."""
        days: dict[int, int] = {}
        for path in _files(self._folder, None):
            found = _NAME.fullmatch(path.name)
            if found and found["mark"] == self._mark:
                slot = int(found["slot"])
                days[slot] = max(days.get(slot, int(found["day"])), int(found["day"]))
        return sorted(days, key=lambda slot: (-days[slot], slot))

    def remove_old(self, hour: int) -> None:
        """Remove the files of all but `DRIFT.kept_days` days of this slot.

        Days are counted, since ages would be as wrong as the clock: after a jump the days farthest
        from now go first, and only as many as there are too many.
        """
        files: dict[int, list[Path]] = {}
        for path in _files(self._folder, self._slot):
            if found := _NAME.fullmatch(path.name):
                files.setdefault(int(found["day"]), []).append(path)
        today = hour // _DAY
        nearest_first = sorted(files, key=lambda day: (abs(day - today), day))
        for day in nearest_first[DRIFT.kept_days :]:
            for path in files[day]:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Give the slot back."""
        self._lock.close()


@dataclass(frozen=True, slots=True)
class _Counted:
    """A file of counts; `written` and `changed` are when, by its content and by the disk."""

    models: dict[str, str]
    camera: str
    sketches: dict[int, Sketch]
    written: float
    changed: int


def read_state(
    folder: Path,
    warn: Callable[[str], None] = lambda _: None,
    clock: Callable[[], float] = time.time,
) -> Profile:
    """Add the counts of all processes and cameras in a folder, of the models that counted last.

    What was written while a clock was ahead does not decide which models these are.

    Args:
        folder: of counts.
        warn: told of the counts of other models, which are left out.
        clock: seconds since 1970.

    Raises:
        InvalidRequest: there are none, or none of this version.
    """
    files = [_counted(path) for path in _files(folder, None)]
    files = [one for one in files if one.sketches]
    if not files:
        raise InvalidRequest(f"{folder} has no counts of a server", field="input")
    latest = clock() + _AHEAD
    chosen = max(
        [one for one in files if one.written <= latest] or files,
        key=lambda one: (one.written, one.changed),
    ).models
    cameras: dict[str, Hours] = {}
    left_out: Counter[str] = Counter()
    for one in files:
        if one.models != chosen:
            pictures = sum(sketch.pictures for sketch in one.sketches.values())
            left_out[f"{named(one.models, chosen)} instead of {named(chosen, one.models)}"] += (
                pictures
            )
            continue
        hours = cameras.setdefault(one.camera, Hours())
        for hour, sketch in one.sketches.items():
            hours.sketches.setdefault(hour, Sketch()).merge(sketch)
    for names, pictures in sorted(left_out.items()):
        warn(f"{folder}: {pictures} pictures that other models read are left out: {names}")
    return profile_of(cameras.values(), chosen)


def _counted(path: Path) -> _Counted:
    value = read_counts(path, FORMAT)
    with faults_of(path):
        sketches = _sketches(value)
        # files of earlier versions do not say when they were written
        written = value.get("written", max(sketches, default=0) * HOUR)
        if isinstance(written, bool) or not isinstance(written, int | float):
            raise InvalidRequest("it does not say when it was written", field="input")
        camera = str(value.get("camera"))
        return _Counted(models_of(value), camera, sketches, written, path.stat().st_mtime_ns)


def is_state(folder: Path) -> bool:
    """Whether a folder has counts of a server."""
    return next(_files(folder, None), None) is not None


def _file_part(camera: str) -> str:
    """A camera's name in that of a file, which has few bytes and no slashes."""
    name = quote(camera, safe="")
    if len(name) <= _LONGEST:
        return name
    return f"{name[:_LONGEST]}-{hashlib.blake2b(camera.encode(), digest_size=8).hexdigest()}"


def _files(folder: Path, slot: int | None) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        found = _NAME.fullmatch(path.name)
        if found and slot in {None, int(found["slot"])}:
            yield path


def _sketches(value: Mapping[str, object]) -> dict[int, Sketch]:
    try:
        return {
            int(hour): Sketch.from_json(counts) for hour, counts in table_of(value, "hours").items()
        }
    except ValueError:
        raise InvalidRequest("an hour of the state is no number", field="input") from None


def _free_slot(folder: Path, preferred: Sequence[int]) -> tuple[int, BinaryIO]:
    for slot in dict.fromkeys((*preferred, *range(_SLOTS))):
        file = (folder / f".slot-{slot}").open("ab")
        if sys.platform == "win32":
            return os.getpid(), file
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            continue
        return slot, file
    raise OSError(0, "all its slots are taken")
