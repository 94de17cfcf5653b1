"""Reads exports of Label Studio (JSON): regions, their transcriptions and their pictures.

Both of its ways to transcribe are read: a rectangle or polygon with a text area of the same id, as
its template for optical character recognition has it, and a text area for the whole picture.
Coordinates are per cent of the picture; a rectangle turns about its top left corner.
"""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from lipiyana.errors import InvalidRequest

Corners = tuple[tuple[float, float], ...]

_PICTURE_KEYS = ("image", "ocr", "captioning", "img", "picture")
_PLACE = {"points", "x", "y", "width", "height"}
_FURTHEST = 10.0
"""Sides of the picture that a corner may lie away from it: a turned rectangle sticks out."""
_SHOWN = 200  # characters of an address, in messages
# uploads get eight hexadecimal digits before their name
_UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-")


@dataclass(frozen=True, slots=True)
class Transcription:
    """One text of an export; fields as in `lipiyana.learning.finetune.reader.labels.Label`."""

    where: str
    picture: Path | None
    text: str = ""
    corners: Corners | None = None
    problem: str = ""


def read_export(path: Path, content: str, *, follow_links: bool = True) -> Iterator[Transcription]:
    """Read the tasks of an export. Pictures are looked for beside it, and in the folders below.

    Args:
        path: of the export.
        content: of it.
        follow_links: whether pictures may be symbolic links.

    Raises:
        InvalidRequest: it is not Label Studio's JSON.
    """
    try:
        tasks = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"{path} is not JSON: {error}", field="data") from None
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise _not_an_export(path)
    if tasks and not any("annotations" in task or "completions" in task for task in tasks):
        raise _not_an_export(path)
    pictures = PictureFinder(path.parent, follow_links=follow_links)
    for number, task in enumerate(tasks, 1):
        identity = task.get("id")
        where = f"{path.name}, task {identity if isinstance(identity, int) else number}"
        yield from _transcriptions(where, task, pictures)


def _not_an_export(path: Path) -> InvalidRequest:
    return InvalidRequest(
        f"{path} is not an export of Label Studio in its format JSON (a list of tasks with their "
        "annotations); JSON-MIN and CSV leave out what is needed",
        field="data",
    )


class PictureFinder:
    """Finds the file that an export names, on whatever machine it was made."""

    def __init__(self, root: Path, *, follow_links: bool = True) -> None:
        """Look below this folder; a link that leads out of it counts if links are followed."""
        self._root = root
        self._inside = None if follow_links else root.resolve()

    @cached_property
    def _by_name(self) -> Mapping[str, list[Path]]:
        found: defaultdict[str, list[Path]] = defaultdict(list)
        for path in sorted(self._root.rglob("*")):
            if self._is_file(path):
                found[path.name].append(path)
        return found

    def _is_file(self, path: Path) -> bool:
        try:
            if not path.is_file():
                return False
            return self._inside is None or path.resolve().is_relative_to(self._inside)
        except (OSError, RuntimeError):  # a name that is too long, a loop of links
            return False

    def ending_in(self, name: PurePosixPath) -> Path | None:
        """Find the only file whose path ends in all of a name."""
        ends = [
            path
            for path in self._by_name.get(name.name, ())
            if path.parts[-len(name.parts) :] == name.parts
        ]
        return ends[0] if len(ends) == 1 else None

    def find(self, address: str) -> Path | None:
        """Find by as much of the address as fits below the folder, then by the name alone."""
        try:
            parts = urlsplit(address)
            inner = parse_qs(parts.query).get("d", [unquote(parts.path)])[0]
        except ValueError:  # it looks like an address and is none
            return None
        steps = [step for step in PurePosixPath(inner).parts if step not in {"/", ".."}]
        for start in range(len(steps)):
            candidate = self._root.joinpath(*steps[start:])
            if self._is_file(candidate):
                return candidate
        if not steps:
            return None
        for name in (steps[-1], _UPLOAD_PREFIX.sub("", steps[-1])):
            if len(self._by_name.get(name, ())) == 1:
                return self._by_name[name][0]
        return None


def _transcriptions(
    where: str, task: Mapping[str, Any], pictures: PictureFinder
) -> Iterator[Transcription]:
    address = _address(task.get("data"))
    if address is None:
        yield Transcription(where, None, problem="the task names no picture")
        return
    picture = pictures.find(address)
    if picture is None:
        shown = address.encode("utf-8", "backslashreplace").decode()[:_SHOWN]
        problem = f"the picture {shown} is not beside the export; put the pictures there"
        yield Transcription(where, None, problem=problem)
        return
    annotations = task.get("annotations", task.get("completions"))
    done = [a for a in _tables(annotations) if not a.get("was_cancelled") and not a.get("skipped")]
    if not done:
        yield Transcription(where, picture, problem="nobody has annotated the task")
        return
    # the last annotation is the one that a reviewer left
    regions: dict[str, dict[str, Any]] = {}
    for result in _tables(done[-1].get("result")):
        if isinstance(value := result.get("value"), Mapping):
            regions.setdefault(json.dumps(result.get("id", "")), {}).update(_region(result, value))
    if not regions:
        yield Transcription(where, picture, problem="the annotation is empty")
    for number, region in enumerate(regions.values(), 1):
        here, text, corners = f"{where}, region {number}", region.get("text"), region.get("corners")
        problem = "" if corners else region.get("problem", "")
        if text is None:
            yield Transcription(here, picture, problem="a region has no text")
        elif not _is_unicode(text):
            yield Transcription(here, picture, problem="the text of a region is not valid Unicode")
        else:
            yield Transcription(here, picture, text, corners, problem)


def _tables(value: object) -> list[Mapping[str, Any]]:
    """Give the objects of a list; none if it is not a list."""
    rows = value if isinstance(value, list) else []
    return [row for row in rows if isinstance(row, Mapping)]


def _is_unicode(text: str) -> bool:
    """Say whether a text is valid Unicode; JSON can contain lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _address(data: object) -> str | None:
    if not isinstance(data, Mapping):
        return None
    for key in (*_PICTURE_KEYS, *data):
        if isinstance(value := data.get(key), str) and PurePosixPath(value).suffix:
            return value
    return None


def _region(result: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    text = value.get("text")
    if isinstance(text, list):
        found["text"] = "\n".join(row for row in text if isinstance(row, str))
    elif isinstance(text, str):
        found["text"] = text
    if not _PLACE.isdisjoint(value):
        corners = _corners(result, value)
        if corners is None or not all(abs(c) <= _FURTHEST for point in corners for c in point):
            found["problem"] = "a region has an invalid position"
        else:
            found["corners"] = corners
    return found


def _corners(result: Mapping[str, Any], value: Mapping[str, Any]) -> Corners | None:
    try:
        if "points" in value:
            points = [(_share(x), _share(y)) for x, y in value["points"]]
            return tuple(points) if len(points) == 4 else _around(points)
        x, y = _share(value["x"]), _share(value["y"])
        width, height = _share(value["width"]), _share(value["height"])
        angle = math.radians(float(value.get("rotation", 0)))
        # an angle is of the picture's pixels, and these are shares of sides that differ
        aspect = float(result.get("original_width", 1)) / float(result.get("original_height", 1))
        along = (math.cos(angle) * width, math.sin(angle) * width * aspect)
        down = (-math.sin(angle) * height / aspect, math.cos(angle) * height)
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return None
    return (
        (x, y),
        (x + along[0], y + along[1]),
        (x + along[0] + down[0], y + along[1] + down[1]),
        (x + down[0], y + down[1]),
    )


def _share(percent: Any) -> float:
    """Read a percentage of a side; True and False are not numbers."""
    if isinstance(percent, bool):
        raise TypeError("a bool is not a percentage")
    return float(percent) / 100


def _around(points: list[tuple[float, float]]) -> Corners | None:
    if len(points) < 3:
        return None
    xs, ys = zip(*points, strict=True)
    left, right, top, bottom = min(xs), max(xs), min(ys), max(ys)
    return (left, top), (right, top), (right, bottom), (left, bottom)
