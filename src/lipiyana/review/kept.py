"""The content of a folder of unsure pictures: each picture has a note beside it.

A folder may have been written by somebody else, so nothing in it is believed: a note speaks of the
picture that its own name names, links are not followed, and what is of another form is passed over.
"""

from __future__ import annotations

import math
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lipiyana.errors import InvalidRequest
from lipiyana.files import MAX_FILE_BYTES, parse_json, read_file

NOTE = ".note.json"
"""What a picture's name is followed by in the name of its note."""

NOTE_BEGINNING = '{{"file": "{}"'
"""Of a note, with its picture's name."""

_PICTURE = re.compile(r"[0-9a-f]{20}\.[a-z0-9]{1,8}")
_SCENE = re.compile(r"[0-9a-f]{64}")
_REASON = re.compile(r"[a-z]{1,20}")
_LONGEST_NOTE = 16 * 1024 * 1024
_LONGEST_TRACK = 200
_LAST_DAY = 253_402_214_400  # of the year 9999, in seconds since 1970


@dataclass(frozen=True, slots=True)
class Kept:
    """One picture of the folder.

    Attributes:
        file: its name there.
        score: how unsure the models were.
        reasons: each reason's own score.
        scene: hash of the whole picture, hexadecimal.
        track: of a stream's vehicle, "" for none.
        kept_at: seconds since 1970.
        size: in bytes.
        answer: what was read, as the JSON rows of `lipiyana read` have it.
    """

    file: str
    score: float
    reasons: dict[str, float]
    scene: str
    track: str
    kept_at: float
    size: int
    answer: dict[str, Any]


def note_of(picture: Path) -> Path:
    """Name the note of a picture."""
    return picture.with_name(picture.name + NOTE)


def is_picture_name(name: str) -> bool:
    """Say whether a name has the form of kept pictures."""
    return _PICTURE.fullmatch(name) is not None


def picture_name(name: str) -> str | None:
    """Give the picture's name of a picture or its note; None for other files."""
    picture = name.removesuffix(NOTE)
    return picture if is_picture_name(picture) else None


def says_of(note: Path, picture: str) -> bool:
    """Say whether a file is this project's note of a picture of that name."""
    try:
        return _kept(picture, 0, parse_json(read_without_links(note, _LONGEST_NOTE))) is not None
    except (OSError, ValueError):
        return False


def read_kept(folder: Path) -> list[Kept]:
    """Read the kept pictures of a folder.

    Passed over are notes without a picture, broken ones, those that speak of another file than
    their own picture, and links.
    """
    found = []
    for path in sorted(folder.glob(f"*{NOTE}")):
        file = path.name.removesuffix(NOTE)
        if not is_picture_name(file):
            continue
        try:
            size = _regular_size(folder / file)
            note = parse_json(read_without_links(path, _LONGEST_NOTE))
        except (OSError, ValueError):
            continue
        one = _kept(file, size, note)
        if one is not None:
            found.append(one)
    return found


def require_kept(folder: Path) -> list[Kept]:
    """Read what a folder keeps, the least sure first.

    Raises:
        InvalidRequest: it keeps nothing.
    """
    kept = sorted(read_kept(folder), key=lambda one: (-one.score, one.file))
    if not kept:
        raise InvalidRequest(
            f"{folder} keeps no unsure pictures; `lipiyana read INPUT --keep-unsure {folder}` "
            "keeps some there",
            field="folder",
        )
    return kept


def read_without_links(path: Path, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """Read a regular file that is not a link.

    Raises:
        OSError: it is not one, it cannot be read, or it has more than `max_bytes`.
    """
    return read_file(path, max_bytes, follow_links=False)


def _regular_size(path: Path) -> int:
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError(f"{path} is not a regular file")
    return found.st_size


def _kept(file: str, size: int, note: object) -> Kept | None:
    """Make a `Kept` from a note; None if the note has another form."""
    if not isinstance(note, Mapping) or note.get("file") != file:
        return None
    reasons, answer = note.get("reasons"), note.get("answer")
    scene, track = note.get("scene"), note.get("track")
    score, kept_at = _number(note.get("score"), 1), _number(note.get("kept_at"), _LAST_DAY)
    if not isinstance(reasons, Mapping) or not isinstance(answer, dict):
        return None
    if not isinstance(scene, str) or not isinstance(track, str):
        return None
    scores = {name: _number(value, 1) for name, value in reasons.items() if _REASON.fullmatch(name)}
    known = {name: value for name, value in scores.items() if value is not None}
    if score is None or kept_at is None or len(known) < len(reasons):
        return None
    if not _SCENE.fullmatch(scene) or len(track) > _LONGEST_TRACK:
        return None
    return Kept(file, score, known, scene, track, kept_at, size, answer)


def _number(value: object, most: float) -> float | None:
    """Give a number from 0 to `most`; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and 0 <= value <= most else None
