"""Vehicles cut out of some pictures and pasted on others, the rare classes more often.

Dwibedi et al., "Cut, Paste and Learn" (ICCV 2017), with whole boxes in place of outlines: the same
vehicle is then seen before other streets, at other sizes and cut by the edge of the picture.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.vehicles.boxes import inside
from lipiyana.vehicles.detection.detector import PLATE
from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.data.street_pictures import UNDECIDED, StreetPicture
from lipiyana.vehicles.training.data.views import View

# sides in pixels of the picture; what is smaller has too little to see
_SMALLEST = 24.0
# of a cutout, how much may be of other vehicles
_SHARED = 0.25
_SCALES = (0.5, 1.8)
# of the canvas's side
_LARGEST = 0.7
# of a pasted box, how much may lie outside of the canvas
_OUTSIDE = 0.35
# of a vehicle, how much may be pasted over before it is not taught any more
_HIDDEN = 0.6
_PLATE = CLASSES.index(PLATE)


class Cutouts:
    """Vehicles that stand alone enough, by class."""

    def __init__(self, pictures: Sequence[StreetPicture]) -> None:
        self._pictures = pictures
        by_class: dict[int, list[tuple[int, int]]] = {}
        for number, picture in enumerate(pictures):
            for index in _alone(picture):
                by_class.setdefault(int(picture.classes[index]), []).append((number, index))
        self._of_class = [by_class[label] for label in sorted(by_class)]
        # rare classes nearly as often as common ones
        chances = np.array([len(places) for places in self._of_class]) ** 0.25
        self._chances = chances / chances.sum()

    def draw(self, size: int, rng: np.random.Generator) -> tuple[View, npt.NDArray[np.bool_]]:
        """Cut one out, scaled, perhaps mirrored: a view filled by one box, and what is known there.

        Raises:
            ValueError: no picture has a vehicle that stands alone.
        """
        if not self._of_class:
            raise ValueError("there is no vehicle to cut out")
        places = self._of_class[int(rng.choice(len(self._of_class), p=self._chances))]
        number, index = places[int(rng.integers(len(places)))]
        picture = self._pictures[number]
        image = picture.pixels()
        # labels reach a little beyond some pictures
        left, top, right, bottom = picture.boxes[index].round().astype(int).clip(min=0)
        piece = image[top:bottom, left:right]
        if rng.random() < 0.5:
            piece = piece[:, ::-1]
        scale = np.exp(rng.uniform(*np.log(_SCALES))) * size / max(image.shape[:2])
        scale = min(scale, _LARGEST * size / max(piece.shape[:2]))
        width, height = (max(4, round(scale * side)) for side in piece.shape[1::-1])
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        pixels = np.asarray(cv2.resize(piece, (width, height), interpolation=how), np.uint8)
        box = np.array([[0, 0, width, height]], np.float32)
        return View(pixels, box, picture.classes[[index]]), picture.known


def _alone(picture: StreetPicture) -> list[int]:
    """Indices of the vehicles that are large enough and hardly overlap another box."""
    boxes = picture.boxes.astype(np.float64)
    shares = inside(boxes, boxes)
    np.fill_diagonal(shares, 0)
    large = (boxes[:, 2:] - boxes[:, :2]).min(1, initial=np.inf) >= _SMALLEST
    vehicle = (picture.classes != UNDECIDED) & (picture.classes != _PLATE)
    vehicle &= picture.classes < len(CLASSES)
    return np.flatnonzero(large & vehicle & (shares.max(1, initial=0) <= _SHARED)).tolist()


def paste(canvas: View, cutout: View, rng: np.random.Generator) -> View:
    """Put a cutout somewhere on a canvas, perhaps partly outside; its box is the last.

    What it hides for the most part is undecided then. The canvas's own arrays stay as they are.
    """
    size = np.array(canvas.pixels.shape[1::-1])
    sides = np.array(cutout.pixels.shape[1::-1])
    left, top = rng.uniform(-_OUTSIDE * sides, size - (1 - _OUTSIDE) * sides).round().astype(int)
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + sides[0], size[0]), min(top + sides[1], size[1])
    shown = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    place = (slice(y0, y1), slice(x0, x1))

    pixels = canvas.pixels.copy()
    alpha = _soft_edged(int(sides[0]), int(sides[1]))[shown][..., None]
    mixed = alpha * cutout.pixels[shown] + (1 - alpha) * pixels[place]
    pixels[place] = mixed.round().astype(np.uint8)

    box = np.array([[x0, y0, x1, y1]], np.float32)
    hidden = inside(canvas.boxes.astype(np.float64), box.astype(np.float64))[:, 0]
    classes = np.where(hidden > _HIDDEN, UNDECIDED, canvas.classes)
    return View(
        pixels,
        np.concatenate([canvas.boxes, box]),
        np.concatenate([classes, cutout.classes]),
    )


def _soft_edged(width: int, height: int) -> npt.NDArray[np.float32]:
    """How much of each pixel is the cutout's: less within two pixels of the edge."""
    across, down = (
        np.minimum(np.arange(side) + 1, np.arange(side)[::-1] + 1).clip(max=3) / 3
        for side in (width, height)
    )
    return np.asarray(np.minimum.outer(down, across), np.float32)
