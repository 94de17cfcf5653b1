"""The counts of a server on disk: a file a day and camera, so that few bytes are rewritten.

Several processes may share the folder: each takes a slot, whose number its files have.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
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
    read_counts,
    table_of,
)
from lipiyana.drift.settings import DRIFT
from lipiyana.drift.watching.windows import Hours, profile_of
from lipiyana.errors import InvalidRequest, LipiyanaError, PermissionDenied
from lipiyana.files import write_atomically

if sys.platform != "win32":
    import fcntl

FORMAT = "lipiyana drift state"
_DAY = 24
_SLOTS = 1024
_NAME = re.compile(r".+\.(?P<mark>[0-9a-f]{8})\.(?P<day>-?\d+)\.(?P<slot>\d+)\.json")
_LONGEST = 120  # characters of a camera's name in that of a file


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

    def save(self, camera: str, hours: Hours, day: int) -> None:
        """Write the hours of one day of a camera.

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
        """Remove the files of this slot whose days are over."""
        oldest = (hour - DRIFT.kept_hours) // _DAY
        for path in _files(self._folder, self._slot):
            found = _NAME.fullmatch(path.name)
            if found and int(found["day"]) < oldest:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Give the slot back."""
        self._lock.close()


def read_state(folder: Path) -> Profile:
    """Add the counts of all processes and cameras in a folder; of the newest models alone.

    Raises:
        InvalidRequest: there are none, or none of this version.
    """
    newest, files = -sys.maxsize, []
    for path in _files(folder, None):
        value = read_counts(path, FORMAT)
        with faults_of(path):
            models, sketches = models_of(value), _sketches(value)
        files.append((models, str(value.get("camera")), sketches))
        newest = max([newest, *sketches])
    chosen = next((models for models, _, sketches in files if newest in sketches), None)
    if chosen is None:
        raise InvalidRequest(f"{folder} has no counts of a server", field="input")
    cameras: dict[str, Hours] = {}
    for models, camera, sketches in files:
        hours = cameras.setdefault(camera, Hours())
        for hour, sketch in sketches.items() if models == chosen else ():
            hours.sketches.setdefault(hour, Sketch()).merge(sketch)
    return profile_of(cameras.values(), chosen)


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
