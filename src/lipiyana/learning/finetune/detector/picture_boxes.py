"""Pictures with boxes as a user gave them, whatever the form."""

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
        where: it stands, for messages: `labels/0001.txt:3`.
        number: of its class; -1 where it makes no sense.
        corners: x_min, y_min, x_max, y_max as shares of the picture's sides.
        problem: why it cannot be used, "" where nothing is known against it.
    """

    where: str
    number: int = -1
    corners: Corners = (0.0, 0.0, 0.0, 0.0)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class BoxedPicture:
    """One picture.

    Attributes:
        where: its name, for messages.
        picture: the file; None where `problem` says why there is none.
        boxes: of every object of the classes that are labelled.
        part: what the user said that it is for; None leaves it to this program.
        problem: why it cannot be used.
        size: width and height as the boxes have them; None where they need none.
    """

    where: str
    picture: Path | None
    boxes: tuple[UserBox, ...] = ()
    part: Part | None = None
    problem: str = ""
    size: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class UserBoxes:
    """All of them, and the names of the classes by their numbers."""

    classes: tuple[str, ...]
    pictures: tuple[BoxedPicture, ...]


def part_of(folders: Iterable[str]) -> Part | None:
    """What a picture is for, by the names of the folders that it lies in; None if none says so."""
    return next((_PARTS[name.lower()] for name in folders if name.lower() in _PARTS), None)
