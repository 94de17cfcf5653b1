"""Pictures with a user's boxes, independent of the file format."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lipiyana.learning.finetune.common.parts import Part

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
