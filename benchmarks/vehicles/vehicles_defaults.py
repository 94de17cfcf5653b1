"""Scores of the detections at the default confidence, as a caller without options gets them.

Recall and precision of vehicles of relevant size, false positives on photos without vehicles, the
type of a vehicle that fills the picture, and recall of plates by their carrier.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipiyana.vehicles.boxes import inside, iou
from lipiyana.vehicles.detection.detector import PLATE
from lipiyana.vehicles.detection.network import OPERATING_POINT
from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.data.street_pictures import UNDECIDED, StreetPicture
from lipiyana.vehicles.training.evaluation import Found

LEAST_SIDE = 32.0
"""Minimum shorter side, in pixels of the picture, of the vehicles in recall and precision."""

FILLING_SIDE = 96.0
"""Minimum shorter side, in pixels, of the vehicles that are cropped to fill a picture."""

_MARGINS = (0.02, 0.1)
_RIGHT = 0.5
_IN_IT = 0.7
_PLATE = CLASSES.index(PLATE)

Detect = Callable[[npt.NDArray[np.uint8]], Found]
"""Detects in one picture (height, width, 3) RGB, with calibrated scores."""


@dataclass(frozen=True, slots=True, eq=False)
class Defaults:
    """Figures at the default confidence.

    Attributes:
        recall, precision: of vehicles of at least `LEAST_SIDE`, with the right type.
        found: recall of the same vehicles, ignoring the type.
        phantoms: false vehicles per picture without vehicles.
        phantom_plates: false plates per picture without plates.
        type_right: share of vehicles that fill a picture with the right type.
        filling: number of these vehicles.
        plates: by carrier, the number of plates and of plates found.
    """

    recall: float
    precision: float
    found: float
    phantoms: float
    phantom_plates: float
    type_right: float
    filling: int
    plates: Mapping[str, tuple[int, int]]

    def rows(self) -> list[tuple[str, str]]:
        """Return each figure with its description."""
        return [
            (
                f"recall of vehicles of {LEAST_SIDE:.0f} pixels and more, right type",
                f"{self.recall:.3f}",
            ),
            ("their precision", f"{self.precision:.3f}"),
            ("their recall, whatever the type", f"{self.found:.3f}"),
            ("vehicles named on a photo without any", f"{self.phantoms:.3f}"),
            ("plates named on a photo without any", f"{self.phantom_plates:.3f}"),
            (
                f"type right of a vehicle that fills the picture, of {self.filling}",
                f"{self.type_right:.3f}",
            ),
            *(
                (f"plates found: {name}", f"{right} of {every}")
                for name, (every, right) in self.plates.items()
            ),
        ]


def at_defaults(
    pictures: Sequence[StreetPicture],
    found: Sequence[Found],
    signs: Sequence[StreetPicture],
    detect: Detect,
) -> Defaults:
    """Compute the figures.

    Args:
        pictures: pictures of streets.
        found: the result of `detect` for each.
        signs: pictures without vehicles.
        detect: the detector.
    """
    sure = [_sure(each) for each in found]
    right = asked = given = anyhow = 0
    for picture, each in zip(pictures, sure, strict=True):
        counts = _matched(picture, each)
        right, asked, given, anyhow = (
            total + new for total, new in zip((right, asked, given, anyhow), counts, strict=True)
        )
    empty = [_sure(detect(picture.pixels())) for picture in signs]
    plates = sum(int((each.classes == _PLATE).sum()) for each in empty)
    every = sum(len(each.scores) for each in empty)
    named, filling = _filling(pictures, detect)
    return Defaults(
        recall=right / max(1, asked),
        precision=right / max(1, given),
        found=anyhow / max(1, asked),
        phantoms=(every - plates) / max(1, len(signs)),
        phantom_plates=plates / max(1, len(signs)),
        type_right=named / max(1, filling),
        filling=filling,
        plates=_plates(pictures, sure),
    )


def _sure(found: Found) -> Found:
    selected = found.scores >= OPERATING_POINT
    return Found(found.boxes[selected], found.scores[selected], found.classes[selected])


def _matched(picture: StreetPicture, found: Found) -> tuple[int, int, int, int]:
    """Count true positives, labelled objects, detections, and objects found with any type."""
    vehicles = (found.classes != _PLATE) & picture.known[found.classes]
    boxes, classes = found.boxes[vehicles], found.classes[vehicles]
    sides = (picture.boxes[:, 2:] - picture.boxes[:, :2]).min(1, initial=np.inf)
    labelled = (picture.classes != UNDECIDED) & (picture.classes != _PLATE)
    labelled[labelled] = picture.known[picture.classes[labelled]]
    large = labelled & (sides >= LEAST_SIDE)
    overlap = iou(boxes, picture.boxes.astype(np.float64))
    taken = np.zeros(len(picture.boxes), np.bool_)
    right = given = 0
    for row in np.argsort(-found.scores[vehicles], kind="stable"):
        same = (overlap[row] >= _RIGHT) & (picture.classes == classes[row]) & ~taken
        if same.any():
            best = int(np.where(same, overlap[row], -1).argmax())
            taken[best] = True
            right += bool(large[best])
            given += bool(large[best])
            continue
        small = (boxes[row, 2:] - boxes[row, :2]).min() < LEAST_SIDE
        doubtful = (overlap[row] >= _RIGHT) & (picture.classes == UNDECIDED)
        given += not (small or doubtful.any())
    every = found.classes != _PLATE
    anyhow = iou(picture.boxes[large].astype(np.float64), found.boxes[every]).max(1, initial=0)
    return right, int(large.sum()), given, int((anyhow >= _RIGHT).sum())


def _filling(pictures: Sequence[StreetPicture], detect: Detect) -> tuple[int, int]:
    """Count tightly cropped vehicles with the right type, and all of them."""
    rng = np.random.default_rng(0)
    right, classes = 0, Counter[int]()
    for picture in pictures:
        boxes = picture.boxes.astype(np.float64)
        sides = boxes[:, 2:] - boxes[:, :2]
        labelled = (picture.classes != UNDECIDED) & (picture.classes != _PLATE)
        hidden = inside(boxes, boxes)
        np.fill_diagonal(hidden, 0)
        # a plate inside its vehicle must not compete with it
        hidden[:, ~labelled] = 0
        alone = labelled & (sides.min(1, initial=np.inf) >= FILLING_SIDE)
        alone &= np.maximum(hidden.max(1, initial=0), hidden.max(0, initial=0)) <= 0.2
        if not alone.any():
            continue
        image = picture.pixels()
        height, width = image.shape[:2]
        for index in np.flatnonzero(alone):
            margin = rng.uniform(*_MARGINS, 4) * np.tile(sides[index], 2) * (-1, -1, 1, 1)
            cut = (boxes[index] + margin).clip(0, (width, height, width, height)).round()
            left, top, right_edge, bottom = cut.astype(int)
            each = _sure(detect(np.ascontiguousarray(image[top:bottom, left:right_edge])))
            kinds = each.classes[each.classes != _PLATE]
            classes[int(picture.classes[index])] += 1
            right += bool(len(kinds)) and kinds[0] == picture.classes[index]
    return right, sum(classes.values())


_CARRIERS: Mapping[str, str] = {
    "olx_plate": "cars for sale",
    "bangla_plates": "vehicles, Bangladesh",
    "odisha_plates": "highway traffic",
    "riders": "two-wheelers",
}


def _plates(
    pictures: Sequence[StreetPicture], found: Sequence[Found]
) -> dict[str, tuple[int, int]]:
    """Count plates and plates found, by source, and by the vehicle whose box contains them."""
    counts: dict[str, tuple[int, int]] = {}
    for picture, each in zip(pictures, found, strict=True):
        of_plates = picture.boxes[picture.classes == _PLATE].astype(np.float64)
        if not len(of_plates):
            continue
        vehicles = (picture.classes != UNDECIDED) & (picture.classes != _PLATE)
        names = picture.classes[vehicles]
        lies_in = inside(of_plates, picture.boxes[vehicles].astype(np.float64))
        best = iou(of_plates, each.boxes[each.classes == _PLATE]).max(1, initial=0)
        for row, overlap in enumerate(best):
            carrier = _CARRIERS.get(picture.source, "")
            if not carrier and len(names) and lies_in[row].max() >= _IN_IT:
                carrier = CLASSES[int(names[int(lies_in[row].argmax())])]
            key = carrier or "others"
            every, right = counts.get(key, (0, 0))
            counts[key] = (every + 1, right + bool(overlap >= _RIGHT))
    return dict(sorted(counts.items()))
