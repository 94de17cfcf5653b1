"""A user's pictures with boxes, read from YOLO folders or COCO JSON; Label Studio exports both.

YOLO: `images/`, `labels/` with one text file a picture (class, centre x and y, width, height, as
shares of the picture), and the classes in `classes.txt` (one a line), `notes.json` or `data.yaml`.
A picture without a text file is not labelled; an empty file means that it shows no objects.

COCO JSON: `images`, `annotations` with `bbox` in pixels, `categories`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from lipiyana.errors import InvalidRequest, NotFound
from lipiyana.files import MAX_MODEL_BYTES, parse_json, read_text
from lipiyana.learning.finetune.common.parts import Part
from lipiyana.review.label_studio_export import PictureFinder

_PARTS: dict[str, Part] = {
    "train": "train", "val": "validation", "valid": "validation", "validation": "validation",
    "test": "validation",
}  # fmt: skip

Corners = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class UserBox:
    """One box.

    Attributes:
        where: source of the box, for messages, such as `labels/0001.txt:3`.
        number: class number; -1 if invalid.
        corners: x_min, y_min, x_max, y_max as shares of the picture's sides.
        problem: why the box cannot be used; "" if no problem is known.
    """

    where: str
    number: int = -1
    corners: Corners = (0.0, 0.0, 0.0, 0.0)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class BoxedPicture:
    """One picture with its boxes.

    Attributes:
        where: its name, for messages.
        picture: the file; None if `problem` says why there is none.
        boxes: the boxes of all objects of the labelled classes.
        part: the user's assignment to training or validation; None for an automatic one.
        problem: why the picture cannot be used; "" if no problem is known.
        size: width and height that the labels state; None if they state none.
    """

    where: str
    picture: Path | None
    boxes: tuple[UserBox, ...] = ()
    part: Part | None = None
    problem: str = ""
    size: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class UserBoxes:
    """All pictures, and the class names by number."""

    classes: tuple[str, ...]
    pictures: tuple[BoxedPicture, ...]


def part_of(folders: Iterable[str]) -> Part | None:
    """Training or validation, by the names of a picture's folders; None if none of them says."""
    return next((_PARTS[name.lower()] for name in folders if name.lower() in _PARTS), None)


def read_coco(path: Path) -> UserBoxes:
    """Read a COCO file; its pictures are searched for beside it and in subfolders.

    Raises:
        InvalidRequest: the file is not COCO JSON.
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
            f"{path} is not COCO JSON (images, annotations, categories): {error!r}", field="data"
        ) from None
    return UserBoxes(tuple(names.values()), pictures)


class _Files:
    """Finds the picture files that entries name; each file can be taken once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._finder = PictureFinder(root)
        self._taken: set[Path] = set()

    def take(self, name: str) -> Path:
        """Find the file of an entry.

        Raises:
            LookupError: there is none, or another entry has it; the message says which.
        """
        found = self._find(PurePosixPath(name.replace("\\", "/")))
        if found is None:
            raise LookupError("its file was not found beside the JSON")
        if found in self._taken:
            raise LookupError("another entry has the same file")
        self._taken.add(found)
        return found

    def _find(self, name: PurePosixPath) -> Path | None:
        """Search by the whole relative name; for foreign paths, by the part of it that matches."""
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
        return BoxedPicture(name, picture, problem="its width and height are missing")
    if not (width > 0 and height > 0):
        return BoxedPicture(name, picture, problem=f"its stated size is {width} x {height}")
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
        return UserBox(
            where, number, problem="it has neither a bbox of four numbers nor an outline"
        )
    return UserBox(where, number, (left / width, top / height, right / width, bottom / height))


_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}


def read_boxes(data: Path) -> UserBoxes:
    """Read the boxes of a YOLO folder, or of COCO JSON beside its pictures.

    Args:
        data: the folder, or the JSON file.

    Raises:
        NotFound: the path does not exist.
        InvalidRequest: it is neither, or is invalid as a whole; the message names the expected
            files.
    """
    if not data.exists():
        raise NotFound(f"{data} does not exist")
    if data.is_file():
        return read_coco(data)
    classes = _class_names(data)
    if (data / "images").is_dir() and classes:
        return UserBoxes(classes, tuple(_yolo_pictures(data)))
    files = [path for path in sorted(data.glob("*.json")) if path.name != "notes.json"]
    if len(files) == 1:
        return read_coco(files[0])
    raise InvalidRequest(
        f"{data} needs images/ with labels/ and classes.txt or data.yaml (YOLO), or a single "
        f"COCO JSON file, but has {len(files)} .json files",
        field="data",
    )


def _class_names(folder: Path) -> tuple[str, ...]:
    """Class names in the order of their numbers; empty if no file lists them."""
    if (folder / "classes.txt").is_file():
        lines = _text_of(folder / "classes.txt").splitlines()
        return tuple(line.strip() for line in lines if line.strip())
    for name in ("data.yaml", "dataset.yaml"):
        if (folder / name).is_file():
            return _from_mapping(folder / name, _parsed(folder / name).get("names"))
    if (folder / "notes.json").is_file():
        rows = _parsed(folder / "notes.json").get("categories", ())
        try:
            names = {row["id"]: row["name"] for row in rows}
        except (TypeError, KeyError):
            raise InvalidRequest(
                f"{folder / 'notes.json'} has categories without an id and a name", field="data"
            ) from None
        return _from_mapping(folder / "notes.json", names)
    return ()


def _text_of(path: Path, errors: str = "strict") -> str:
    try:
        return read_text(path, "utf-8-sig", errors)
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{path} is not UTF-8: {error}", field="data") from None
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror}", field="data") from None


def _parsed(path: Path) -> Mapping[str, Any]:
    try:
        found = yaml.safe_load(_text_of(path))  # JSON is YAML
    except (yaml.YAMLError, RecursionError) as error:
        raise InvalidRequest(f"{path} cannot be read: {error}", field="data") from None
    return found if isinstance(found, dict) else {}


def _from_mapping(path: Path, names: object) -> tuple[str, ...]:
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or set(names) != set(range(len(names))):
        raise InvalidRequest(
            f"{path} does not name the classes 0, 1, 2 and so on under `names`", field="data"
        )
    return tuple(str(names[number]) for number in range(len(names)))


def _yolo_pictures(folder: Path) -> list[BoxedPicture]:
    pictures = []
    for path in sorted((folder / "images").rglob("*")):
        if path.suffix.lower() not in _SUFFIXES:
            continue
        inner = path.relative_to(folder / "images")
        part = part_of(inner.parts[:-1][:1])
        where = str(Path("images") / inner)
        text = (folder / "labels" / inner).with_suffix(".txt")
        if not text.is_file():
            name = text.relative_to(folder)
            problem = f"it has no {name}; an empty file would mean that it shows no objects"
            pictures.append(BoxedPicture(where, path, part=part, problem=problem))
            continue
        rows = _text_of(text, "replace").splitlines()
        boxes = tuple(
            _yolo_box(f"{text.relative_to(folder)}:{number}", row)
            for number, row in enumerate(rows, 1)
            if row.strip()
        )
        pictures.append(BoxedPicture(where, path, boxes, part))
    return pictures


def _yolo_box(where: str, row: str) -> UserBox:
    try:
        number, *values = (float(value) for value in row.split())
    except ValueError:
        return UserBox(where, problem="the row has something other than numbers")
    if len(values) == 4:
        x, y, width, height = values
        corners = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    elif len(values) >= 6 and len(values) % 2 == 0:  # corners of a polygon
        xs, ys = values[::2], values[1::2]
        corners = (min(xs), min(ys), max(xs), max(ys))
    else:
        return UserBox(where, problem=f"it has {len(values) + 1} numbers; a box needs 5")
    return UserBox(where, int(number) if number.is_integer() else -1, corners)
