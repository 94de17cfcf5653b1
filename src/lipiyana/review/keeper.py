"""A bounded folder of unsure pictures: the least sure ones, of different scenes, for some days.

Plates are personal data, so nothing is kept unless somebody asks for it, the folder is for its
owner alone, its size is bounded, and pictures leave it when their time is over.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.errors import PermissionDenied
from lipiyana.files import write_atomically
from lipiyana.review.kept import Kept, is_picture_name, note_of, read_kept
from lipiyana.review.private_folder import identity, remove_strays, take_folder
from lipiyana.review.unsureness import Unsureness

_HASH_SIDE = 16
_BETTER = 0.1
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KeepLimits:
    """Limits of the folder.

    Attributes:
        pictures: maximum number of pictures.
        max_bytes: maximum size of all pictures together.
        seconds: how long a picture is kept.
        least: minimum unsureness of a kept picture.
        same_scene: maximum number of bits, of 256, in which hashes of one scene differ.
    """

    pictures: int = 500
    max_bytes: int = 500_000_000
    seconds: float = 30 * 24 * 3600.0
    least: float = 0.3
    same_scene: int = 24


class UnsureKeeper:
    """The folder. Safe to share between threads; one process at a time should write to it."""

    def __init__(
        self, folder: Path, limits: KeepLimits | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        """Open or make the folder, and remove pictures that are too old.

        Raises:
            PermissionDenied: it cannot be made or read, is a link, or holds what is not this
                project's.
        """
        self.folder, self.limits, self._clock = folder, limits or KeepLimits(), clock
        self._lock = threading.Lock()
        self._broken = False
        try:
            take_folder(folder)
            self._identity = identity(folder)
            self._kept = {one.file: one for one in read_kept(folder)}
            remove_strays(folder, self._files(), self.limits.max_bytes)
            self._remove_old()
        except OSError as error:
            raise PermissionDenied(
                f"{folder} cannot keep pictures: {error.strerror}; name another folder"
            ) from None

    @property
    def kept(self) -> tuple[Kept, ...]:
        """The pictures in the folder, the least sure first."""
        return tuple(sorted(self._kept.values(), key=lambda one: (-one.score, one.file)))

    def offer(
        self,
        data: bytes,
        suffix: str,
        pixels: npt.NDArray[np.uint8],
        unsure: Unsureness,
        answer: dict[str, Any],
        stream: str = "",
    ) -> bool:
        """Keep a picture if it is unsure enough and shows something new.

        If the disk is full, nothing more is kept; reading goes on.

        Args:
            data: the picture's encoded bytes.
            suffix: suffix of its format: a dot, then letters and digits.
            pixels: (H, W, 3) RGB.
            unsure: see `unsureness.judge`.
            answer: what was read.
            stream: names the stream that `unsure.track` belongs to.

        Returns:
            Whether the picture was kept.

        Raises:
            ValueError: the suffix is invalid.
        """
        if self._broken or unsure.score < self.limits.least or len(data) > self.limits.max_bytes:
            return False
        now = self._clock()
        one = Kept(
            file=f"{hashlib.sha256(data).hexdigest()[:20]}{suffix}",
            score=round(unsure.score, 4),
            reasons=unsure.reasons,
            scene=f"{scene_hash(pixels):064x}",
            track="" if unsure.track is None else f"{stream}/{unsure.track}",
            kept_at=now,
            size=len(data),
            answer=answer,
        )
        if not is_picture_name(one.file):
            raise ValueError(f"{suffix!r} is not the suffix of a picture")
        with self._lock:
            try:
                return self._add(one, data)
            except OSError as error:
                self._broken = True
                _log.error("no more unsure pictures are kept: %s", error.strerror)
                return False

    def remove_old(self) -> None:
        """Remove pictures that are too old, as each new picture does too."""
        with self._lock:
            try:
                self._remove_old()
            except OSError as error:
                _log.error("unsure pictures cannot be removed: %s", error.strerror)

    def _require_own(self) -> None:
        """Refuse to write or delete if another folder or a link has replaced this one."""
        if identity(self.folder) != self._identity:
            raise OSError(errno.ESTALE, "another folder has come in its place")

    def _add(self, one: Kept, data: bytes) -> bool:
        self._require_own()
        self._remove_old()
        if one.file in self._kept:
            return True
        alike = [other for other in self._kept.values() if self._alike(one, other)]
        if any(one.score < other.score + _BETTER for other in alike):
            return False
        for other in alike:
            self._remove(other)
        path = self.folder / one.file
        # first the note: so whatever an end in the middle leaves is known to be this project's
        note = json.dumps(asdict(one), ensure_ascii=False).encode()
        write_atomically(note_of(path), note, mode=0o600)
        write_atomically(path, data, mode=0o600)
        self._kept[one.file] = one
        while self._over():
            self._remove(min(self._kept.values(), key=lambda kept: (kept.score, -kept.kept_at)))
        return one.file in self._kept

    def _alike(self, one: Kept, other: Kept) -> bool:
        if one.track and one.track == other.track:
            return True
        apart = (int(one.scene, 16) ^ int(other.scene, 16)).bit_count()
        return apart <= self.limits.same_scene

    def _over(self) -> bool:
        size = sum(one.size for one in self._kept.values())
        return len(self._kept) > self.limits.pictures or size > self.limits.max_bytes

    def _remove_old(self) -> None:
        self._require_own()
        oldest = self._clock() - self.limits.seconds
        for one in [one for one in self._kept.values() if one.kept_at < oldest]:
            self._remove(one)

    def _files(self) -> set[str]:
        return {name for file in self._kept for name in (file, note_of(Path(file)).name)}

    def _remove(self, one: Kept) -> None:
        (self.folder / one.file).unlink(missing_ok=True)
        note_of(self.folder / one.file).unlink(missing_ok=True)
        self._kept.pop(one.file, None)


def scene_hash(pixels: npt.NDArray[np.uint8]) -> int:
    """Hash (H, W, 3) RGB to 256 bits: where it gets brighter to the right (difference hash)."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    size = (_HASH_SIDE + 1, _HASH_SIDE)
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.int16)
    return int.from_bytes(np.packbits(small[:, 1:] > small[:, :-1]).tobytes(), "big")
