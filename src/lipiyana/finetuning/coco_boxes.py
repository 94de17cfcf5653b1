"""COCO's JSON: `images`, `annotations` with `bbox` in pixels, `categories`."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lipiyana.errors import InvalidRequest
from lipiyana.finetuning.picture_boxes import BoxedPicture, UserBox, UserBoxes
from lipiyana.review.label_studio_export import PictureFinder


def read_coco(path: Path) -> UserBoxes:
    """Read a file; its pictures are looked for beside it, and in the folders below.

    Raises:
        InvalidRequest: it is not of this form.
    """
    try:
        found = json.loads(path.read_text("utf-8-sig"))
    except (ValueError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{path} is not JSON: {error}", field="data") from None
    try:
        names = {row["id"]: str(row["name"]) for row in found["categories"]}
        numbers = {identity: number for number, identity in enumerate(names)}
        boxes: defaultdict[object, list[Mapping[str, Any]]] = defaultdict(list)
        for row in found["annotations"]:
            boxes[row["image_id"]].append(row)
        finder = PictureFinder(path.parent)
        pictures = tuple(
            _picture(row, boxes[row["id"]], numbers, finder) for row in found["images"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidRequest(
            f"{path} is not COCO's JSON (images, annotations, categories): {error!r}", field="data"
        ) from None
    return UserBoxes(tuple(names.values()), pictures)


def _picture(
    row: Mapping[str, Any],
    annotations: list[Mapping[str, Any]],
    numbers: Mapping[object, int],
    finder: PictureFinder,
) -> BoxedPicture:
    name = str(row["file_name"])
    picture = finder.find(name.replace("\\", "/"))
    if picture is None:
        return BoxedPicture(name, None, problem="the file is not beside the JSON")
    width, height = float(row["width"]), float(row["height"])
    if width <= 0 or height <= 0:
        return BoxedPicture(name, picture, problem=f"its size is given as {width} x {height}")
    boxes: list[UserBox] = []
    for annotation in annotations:
        left, top, wide, high = map(float, annotation["bbox"])
        corners = (left / width, top / height, (left + wide) / width, (top + high) / height)
        where = f"{name}, annotation {annotation.get('id', len(boxes) + 1)}"
        boxes.append(UserBox(where, numbers.get(annotation["category_id"], -1), corners))
    return BoxedPicture(name, picture, tuple(boxes))
