"""Checks a user's boxes before training: which are usable, and why the others are not.

The user's class names are matched with those of the detector.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from lipiyana.errors import InvalidRequest, LipiyanaError
from lipiyana.images.loading import environment_limits, load
from lipiyana.learning.finetune.common.duplicates import difference_hash, group
from lipiyana.learning.finetune.common.parts import Dropped, assign_parts
from lipiyana.learning.finetune.detector.box_files import (
    BoxedPicture,
    Corners,
    UserBox,
    UserBoxes,
)
from lipiyana.vehicles.detection.detector import PLATE
from lipiyana.vehicles.taxonomy import TAXONOMY
from lipiyana.vehicles.training.data.street_pictures import UNDECIDED, StreetPicture

_PLATE_NAMES = frozenset(
    f"{first}_plate" for first in ("number", "license", "licence", "registration", "vehicle")
) | {"numberplate", "lp"}


@dataclass(frozen=True, slots=True)
class MatchedClasses:
    """The user's classes, matched with the detector's.

    Attributes:
        classes: all class names; new ones are appended to the base's.
        indices: index in `classes` of each of the user's classes.
        renamed: pairs of the user's name and the class that it was matched with.
        added: the new names.
    """

    classes: tuple[str, ...]
    indices: tuple[int, ...]
    renamed: tuple[tuple[str, str], ...]
    added: tuple[str, ...]


def match_classes(names: Sequence[str], known: Sequence[str]) -> MatchedClasses:
    """Match names with the known classes, also by common synonyms.

    Args:
        names: the user's class names, in the order of their numbers.
        known: the classes of the base, in score order.
    """
    classes, indices, renamed, added = list(known), [], [], []
    for name in names:
        label = _label(name)
        found = label if label in classes else _by_word(label, known)
        if found is None:
            found = label
            classes.append(label)
            added.append(label)
        elif found != label or found in added:
            renamed.append((name, found))
        indices.append(classes.index(found))
    return MatchedClasses(tuple(classes), tuple(indices), tuple(renamed), tuple(added))


def _label(name: str) -> str:
    """Normalize a name: letters, marks and digits stay, everything between becomes one `_`."""
    folded = unicodedata.normalize("NFC", name.casefold())
    characters = (c if unicodedata.category(c)[0] in "LMN" else " " for c in folded)
    return "_".join("".join(characters).split()) or "unnamed"


def _by_word(label: str, known: Sequence[str]) -> str | None:
    if label in _PLATE_NAMES:
        return PLATE if PLATE in known else None
    for entry in TAXONOMY:
        if entry.name in known and label in {_label(word) for word in entry.words}:
            return entry.name
    return None


LEAST_PICTURES = 10
SOURCE = "user"
"""`StreetPicture.source` of the user's pictures."""

_SMALLEST = 2.0  # pixels of a side
_SAME_SHAPE = 0.02  # maximum difference in the logarithm of the aspect ratio
_OUTSIDE = 0.02  # of the picture's side: boxes may extend this far beyond it without a note
_FEW = 10


@dataclass(frozen=True, slots=True)
class CheckedBoxes:
    """The usable data.

    Attributes:
        pictures: number of pictures.
        train, validation: pictures with boxes in pixels, and the classes that are fully labelled.
        classes: classes of the new detector: the base's, then the user's new ones.
        taught: the user's classes, under the detector's names.
        dropped: unusable pictures and boxes.
        notes: other remarks for the user.
    """

    pictures: int
    train: tuple[StreetPicture, ...]
    validation: tuple[StreetPicture, ...]
    classes: tuple[str, ...]
    taught: tuple[str, ...]
    dropped: tuple[Dropped, ...]
    notes: tuple[str, ...]

    @property
    def summary(self) -> str:
        """Describe the amount of data in one phrase."""
        return (
            f"{self.pictures} pictures: {len(self.train)} for training, {len(self.validation)} "
            f"for validation; {len(self.dropped)} pictures or boxes not used"
        )


@dataclass(slots=True)
class _Found:
    """Intermediate results of the check."""

    matched: MatchedClasses
    usable: list[tuple[BoxedPicture, StreetPicture, int]] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    clipped: int = 0


def check_boxes(
    boxes: UserBoxes, known: Sequence[str], on_picture: Callable[[], None] = lambda: None
) -> CheckedBoxes:
    """Check every picture and box, one at a time.

    A class that has a box in any picture is assumed to be labelled in all pictures; the other
    classes count as unlabelled.

    Args:
        boxes: the user's boxes.
        known: classes of the base.
        on_picture: called after each picture.

    Raises:
        InvalidRequest: there is too little data (TOO_LITTLE_DATA); the message says what is
            needed.
    """
    used = Counter(box.number for picture in boxes.pictures for box in picture.boxes)
    numbers = [number for number in range(len(boxes.classes)) if used[number]]
    matched = match_classes([boxes.classes[number] for number in numbers], known)
    places = dict(zip(numbers, matched.indices, strict=True))
    found = _Found(matched)
    for picture in boxes.pictures:
        try:
            _check_picture(picture, places, found)
        except LipiyanaError as error:
            found.dropped.append(Dropped(picture.where, str(picture.picture or ""), error.message))
        on_picture()
    _require_enough(found)
    groups = group(
        [value for _, _, value in found.usable], [picture.where for picture, _, _ in found.usable]
    )
    parts, moved = assign_parts([picture.part for picture, _, _ in found.usable], groups)
    split: dict[str, list[StreetPicture]] = {"train": [], "validation": []}
    for part, (_, street, _) in zip(parts, found.usable, strict=True):
        split[part].append(street)
    for part, what in (("train", "training"), ("validation", "validation")):
        if not sum(len(street.boxes) for street in split[part]):
            raise _too_little(f"no picture with a box is left for {what}", found.dropped)
    return CheckedBoxes(
        pictures=len(boxes.pictures),
        train=tuple(split["train"]),
        validation=tuple(split["validation"]),
        classes=matched.classes,
        taught=tuple(dict.fromkeys(matched.classes[index] for index in matched.indices)),
        dropped=tuple(found.dropped),
        notes=tuple(_notes(boxes, used, found, split, moved)),
    )


def _check_picture(picture: BoxedPicture, places: dict[int, int], found: _Found) -> None:
    """Check one picture and record the result.

    Raises:
        LipiyanaError: it cannot be used.
    """
    if picture.picture is None or picture.problem:
        raise InvalidRequest(picture.problem, field="data")
    pixels = load(picture.picture, environment_limits())
    height, width = pixels.shape[:2]
    _require_shape(picture.size, width, height)
    known = np.zeros(len(found.matched.classes), np.bool_)
    known[list(places.values())] = True
    boxes: dict[tuple[Corners, int], None] = {}
    for box in picture.boxes:
        problem, corners = _usable(box, places, (width, height))
        index = places.get(box.number, UNDECIDED)
        if corners is not None and (corners, index) in boxes:
            problem, corners = "the box is a duplicate; one of them is used", None
        elif corners is None:
            # the object exists, but its place is unknown, so its class is not fully labelled here
            known[[places[box.number]] if box.number in places else list(places.values())] = False
        if problem:
            found.dropped.append(Dropped(box.where, str(picture.picture), problem))
        if corners is not None:
            found.clipped += _reach(box.corners) > _OUTSIDE
            boxes[corners, index] = None
    street = StreetPicture(
        picture.picture,
        SOURCE,
        np.array([corners for corners, _ in boxes], np.float32).reshape(-1, 4),
        np.array([index for _, index in boxes], np.int64),
        known,
    )
    found.usable.append((picture, street, difference_hash(pixels)))


def _require_shape(said: tuple[float, float] | None, width: int, height: int) -> None:
    """Reject boxes that were drawn on a picture of another shape.

    Raises:
        InvalidRequest: the shapes differ, mostly because the labelling tool ignored the EXIF
            orientation.
    """
    if said is not None and abs(math.log(said[0] * height / (said[1] * width))) > _SAME_SHAPE:
        raise InvalidRequest(
            f"its stated size is {said[0]:g} x {said[1]:g}, but upright it has {width} x {height}"
            ": the boxes were drawn on another orientation or crop of it",
            field="data",
        )


def _usable(
    box: UserBox, places: dict[int, int], size: tuple[int, int]
) -> tuple[str, Corners | None]:
    """Return the problem of a box ("" for none), and its corners in pixels, clipped to the
    picture; None if the corners are invalid.
    """
    if box.problem:
        return box.problem, None
    if not all(math.isfinite(value) for value in box.corners):
        return "its corners are not finite numbers", None
    width, height = size
    x_min, x_max = (min(1.0, max(0.0, value)) * width for value in box.corners[::2])
    y_min, y_max = (min(1.0, max(0.0, value)) * height for value in box.corners[1::2])
    if x_max - x_min < _SMALLEST or y_max - y_min < _SMALLEST:
        whole = box.corners[2] > box.corners[0] and box.corners[3] > box.corners[1]
        outside = whole and _reach(box.corners) > _OUTSIDE
        return ("it lies outside of the picture" if outside else "it has no area"), None
    corners = (x_min, y_min, x_max, y_max)
    if box.number not in places:
        return f"its class {box.number} is not among the class names", corners
    return "", corners


def _reach(corners: Corners) -> float:
    """How far a box extends beyond the picture, as a share of the picture's side."""
    return max(0.0, *(-value for value in corners[:2]), *(value - 1 for value in corners[2:]))


def _require_enough(found: _Found) -> None:
    count = len(found.usable)
    if count < LEAST_PICTURES:
        left = "one usable picture" if count == 1 else f"{count} usable pictures"
        raise _too_little(left, found.dropped)
    if not found.matched.indices:
        raise _too_little("no usable box", found.dropped)


def _too_little(left: str, dropped: Sequence[Dropped]) -> InvalidRequest:
    few = 3
    why = "".join(f"\n  {d.where}: {d.problem}" for d in dropped[:few])
    more = f"\n  and {len(dropped) - few} more" if len(dropped) > few else ""
    return InvalidRequest(
        f"{left}: at least {LEAST_PICTURES} labelled pictures are needed, for training and "
        f"validation; 100 or more work well{why}{more}",
        field="data",
        reason="TOO_LITTLE_DATA",
    )


def _notes(
    boxes: UserBoxes,
    used: Counter[int],
    found: _Found,
    split: dict[str, list[StreetPicture]],
    moved: int,
) -> Iterator[str]:
    matched = found.matched
    for name, label in matched.renamed:
        yield f"your class {name} is used as {label}; rename it if it is something else"
    for label in matched.added:
        yield f"the class {label} is new to the detector and was added"
    if unused := [name for n, name in enumerate(boxes.classes) if not used[n]]:
        yield f"no box has the class {', '.join(unused)}: nothing is learned about it"
    if found.clipped:
        yield f"{found.clipped} boxes extend beyond their pictures and were clipped"
    if moved:
        yield f"{moved} pictures were reassigned to the part of their near-duplicates"
    for index in dict.fromkeys(matched.indices):
        label = matched.classes[index]
        counts = {
            part: sum(int((street.classes == index).sum()) for street in streets)
            for part, streets in split.items()
        }
        if counts["train"] < _FEW:
            yield f"{counts['train']} training boxes are few for {label}"
        if not counts["validation"]:
            yield f"no validation picture shows a {label}"
