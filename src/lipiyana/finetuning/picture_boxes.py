"""Pictures with boxes as a user gave them, whatever the form."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lipiyana.finetuning.labels import Part

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
    """

    where: str
    picture: Path | None
    boxes: tuple[UserBox, ...] = ()
    part: Part | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class UserBoxes:
    """All of them, and the names of the classes by their numbers."""

    classes: tuple[str, ...]
    pictures: tuple[BoxedPicture, ...]
