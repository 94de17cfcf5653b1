"""COCO's JSON: `images`, `annotations` with `bbox` in pixels, `categories`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from lipiyana.errors import InvalidRequest
from lipiyana.files import MAX_MODEL_BYTES, parse_json, read_text
from lipiyana.learning.finetune.detector.picture_boxes import (
    BoxedPicture,
    UserBox,
    UserBoxes,
    part_of,
)
from lipiyana.review.label_studio_export import PictureFinder


def read_coco(path: Path) -> UserBoxes:
    """Read a file; its pictures are looked for beside it, and in the folders below.

    Raises:
        InvalidRequest: it is not of this form.
    """
    try:
        found = parse_json(read_text(path, "utf-8-sig", max_bytes=MAX_MODEL_BYTES))
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror}", field="data") from None
    except ValueError as error:
        raise InvalidRequest(f"{path} is not JSON: {error}", field="data") from None
    try:
        names = {row["id"]: str(row["name"]) for row in found["categories"]}
        numbers = {identity: number for number, identity in enumerate(names)}
        boxes: defaultdict[object, list[Mapping[str, Any]]] = defaultdict(list)
        for row in found["annotations"]:
            boxes[row["image_id"]].append(row)
        files = _Files(path.parent)
        pictures = tuple(_picture(row, boxes[row["id"]], numbers, files) for row in found["images"])
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidRequest(
            f"{path} is not COCO's JSON (images, annotations, categories): {error!r}", field="data"
        ) from None
    return UserBoxes(tuple(names.values()), pictures)


class _Files:
    """The files that entries name, each once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._finder = PictureFinder(root)
        self._taken: set[Path] = set()

    def take(self, name: str) -> Path:
        """Find a file that no other entry named.

        Raises:
            LookupError: there is none; the message says why.
        """
        found = self._find(PurePosixPath(name.replace("\\", "/")))
        if found is None:
            raise LookupError("the file is not beside the JSON")
        if found in self._taken:
            raise LookupError("another entry has the same file")
        self._taken.add(found)
        return found

    def _find(self, name: PurePosixPath) -> Path | None:
        """By the whole name below the folder; what was made elsewhere, by what fits of it."""
        literal = self._root / name
        if not name.is_absolute() and ".." not in name.parts:
            if literal.is_file():
                return literal
            if len(name.parts) > 1 and ":" not in name.parts[0]:
                return self._finder.ending_in(name)
        return self._finder.find(str(name))


def _picture(
    row: Mapping[str, Any],
    annotations: list[Mapping[str, Any]],
    numbers: Mapping[object, int],
    files: _Files,
) -> BoxedPicture:
    name = str(row["file_name"])
    try:
        picture = files.take(name)
    except LookupError as error:
        return BoxedPicture(name, None, problem=str(error))
    try:
        width, height = float(row["width"]), float(row["height"])
    except (KeyError, TypeError, ValueError):
        return BoxedPicture(name, picture, problem="its width and height are not given")
    if not (width > 0 and height > 0):
        return BoxedPicture(name, picture, problem=f"its size is given as {width} x {height}")
    boxes = tuple(
        _box(
            f"{name}, annotation {annotation.get('id', number)}", annotation, numbers, width, height
        )
        for number, annotation in enumerate(annotations, 1)
    )
    part = part_of(PurePosixPath(name.replace("\\", "/")).parts[:-1])
    return BoxedPicture(name, picture, boxes, part, size=(width, height))


def _box(
    where: str,
    annotation: Mapping[str, Any],
    numbers: Mapping[object, int],
    width: float,
    height: float,
) -> UserBox:
    number = numbers.get(annotation.get("category_id"), -1)
    if annotation.get("iscrowd"):
        return UserBox(where, number, problem="it is a crowd, not one object")
    try:
        if annotation.get("bbox"):
            left, top, wide, high = map(float, annotation["bbox"])
            right, bottom = left + wide, top + high
        else:
            outlines = [float(value) for outline in annotation["segmentation"] for value in outline]
            left, right = min(outlines[::2]), max(outlines[::2])
            top, bottom = min(outlines[1::2]), max(outlines[1::2])
    except (KeyError, TypeError, ValueError):
        return UserBox(where, number, problem="it has no bbox of four numbers, and no outline")
    return UserBox(where, number, (left / width, top / height, right / width, bottom / height))
