"""A sheet of the worst misses of a detector, for visual inspection only, not for the repository."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from lipiyana.annotation import font_for
from lipiyana.vehicles.boxes import Boxes, iou
from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.data.street_pictures import UNDECIDED, StreetPicture
from lipiyana.vehicles.training.evaluation import Found

_CELL, _COLUMNS, _CAPTION = 300, 4, 34
_FOUND = 0.5
_SHOWN = 0.3  # confidence of the detections that are drawn


@dataclass(frozen=True, slots=True, eq=False)
class Miss:
    """An object without a detection of its class at an IoU of 0.5, its box (4,) and detections."""

    picture: StreetPicture
    found: Found
    box: Boxes
    label: str
    size: float


def misses(
    pictures: Sequence[StreetPicture], found: Sequence[Found], count: int = 40
) -> list[Miss]:
    """The largest objects that were missed, at most a quarter of them of one class."""
    missed = []
    for picture, here in zip(pictures, found, strict=True):
        sure = here.scores >= _SHOWN
        for box, index in zip(picture.boxes.astype(np.float64), picture.classes, strict=True):
            if index == UNDECIDED:
                continue
            candidates = here.boxes[sure & (here.classes == index)]
            if not len(candidates) or iou(box[None], candidates).max() < _FOUND:
                size = float(np.prod(box[2:] - box[:2]))
                missed.append(Miss(picture, here, box, CLASSES[index], size))
    missed.sort(key=lambda miss: -miss.size)
    chosen: list[Miss] = []
    for miss in missed:
        if sum(other.label == miss.label for other in chosen) < count // 4:
            chosen.append(miss)
    return chosen[:count]


def sheet(missed: Sequence[Miss]) -> Image.Image:
    """Each miss in red, what was found instead in blue, four in a row."""
    rows = max(1, -(-len(missed) // _COLUMNS))
    page = Image.new("RGB", (_COLUMNS * _CELL, rows * (_CELL + _CAPTION)), "white")
    for number, miss in enumerate(missed):
        row, column = divmod(number, _COLUMNS)
        corner = column * _CELL, row * (_CELL + _CAPTION)
        page.paste(_cell(miss), corner)
        pen = ImageDraw.Draw(page)
        said = f"{miss.label}   {miss.picture.path.name}"
        place = corner[0] + 4, corner[1] + _CELL + 6
        pen.text(place, said, font=font_for("Latn", 13), fill="#b91c1c")
    return page


def _cell(miss: Miss) -> Image.Image:
    image = Image.fromarray(miss.picture.pixels())
    factor = _CELL / max(image.size)
    size = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    shown = image.resize(size, Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(shown)
    for box, confidence, index in zip(
        miss.found.boxes, miss.found.scores, miss.found.classes, strict=True
    ):
        if confidence >= _SHOWN:
            pen.rectangle(tuple(box * factor), outline="#2563eb")
            place = float(box[0] * factor) + 2, float(box[1] * factor)
            pen.text(place, CLASSES[index], font=font_for("Latn", 10), fill="#2563eb")
    pen.rectangle(tuple(miss.box * factor), outline="#dc2626", width=2)
    return shown
