"""Views of labelled pictures, moved and scaled, for training canvases.

Vehicles are also cut out of some pictures and pasted on others, rare classes more often (Dwibedi et
al., "Cut, Paste and Learn", ICCV 2017, here with whole boxes instead of outlines), so that a
vehicle is seen in other streets, at other sizes and cut off by the edge of the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.vehicles.boxes import inside
from lipiyana.vehicles.detection.detector import PLATE
from lipiyana.vehicles.detection.letterbox import PADDING
from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.data.street_pictures import UNDECIDED, StreetPicture

# minimum side of a cutout in pixels of the picture; smaller ones show too little
_SMALLEST_CUTOUT = 24.0
# maximum share of a cutout that other vehicles may cover
_SHARED = 0.25
_SCALES = (0.5, 1.8)
# maximum size of a cutout, as a share of the canvas's side
_LARGEST = 0.7
# maximum share of a pasted box that may lie outside of the canvas
_OUTSIDE = 0.35
# a vehicle with more than this share pasted over becomes undecided
_HIDDEN = 0.6
_PLATE = CLASSES.index(PLATE)


class Cutouts:
    """Vehicles without much overlap, by class, to be cut out."""

    def __init__(self, pictures: Sequence[StreetPicture]) -> None:
        self._pictures = pictures
        by_class: dict[int, list[tuple[int, int]]] = {}
        for number, picture in enumerate(pictures):
            for index in _alone(picture):
                by_class.setdefault(int(picture.classes[index]), []).append((number, index))
        self._of_class = [by_class[label] for label in sorted(by_class)]
        # draw rare classes almost as often as common ones
        chances = np.array([len(places) for places in self._of_class]) ** 0.25
        self._chances = chances / chances.sum()

    def draw(self, size: int, rng: np.random.Generator) -> tuple[View, npt.NDArray[np.bool_]]:
        """Cut a vehicle out, scaled and perhaps mirrored.

        Returns:
            A view that one box fills, and the classes that are labelled there.

        Raises:
            ValueError: no picture has a suitable vehicle.
        """
        if not self._of_class:
            raise ValueError("no picture has a vehicle that can be cut out")
        places = self._of_class[int(rng.choice(len(self._of_class), p=self._chances))]
        number, index = places[int(rng.integers(len(places)))]
        picture = self._pictures[number]
        image = picture.pixels()
        # some labels extend a little beyond the picture
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
    """Indices of the vehicles that are large enough and hardly overlap other boxes."""
    boxes = picture.boxes.astype(np.float64)
    shares = inside(boxes, boxes)
    np.fill_diagonal(shares, 0)
    large = (boxes[:, 2:] - boxes[:, :2]).min(1, initial=np.inf) >= _SMALLEST_CUTOUT
    vehicle = (picture.classes != UNDECIDED) & (picture.classes != _PLATE)
    vehicle &= picture.classes < len(CLASSES)
    return np.flatnonzero(large & vehicle & (shares.max(1, initial=0) <= _SHARED)).tolist()


def paste(canvas: View, cutout: View, rng: np.random.Generator) -> View:
    """Paste a cutout at a random place, perhaps partly outside; its box is appended.

    Objects that it mostly hides become undecided. The given canvas is not changed.
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
    """Alpha mask of a cutout, which fades within two pixels of the edge."""
    across, down = (
        np.minimum(np.arange(side) + 1, np.arange(side)[::-1] + 1).clip(max=3) / 3
        for side in (width, height)
    )
    return np.asarray(np.minimum.outer(down, across), np.float32)


# minimum share of a cut box's area for it to be trained on, and to count as present at all
_TAUGHT, _THERE = 0.2, 0.03
_SMALLEST = 3.0
# a cut box that fills this share of the view is trained on, however little of it is left
_FILLING = 0.5
# size of the object in a close-up, as a share of the view's side
_CLOSE = (0.55, 2.5)
_ASPECT = 0.08

Boxes = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Part of a picture, as the canvas shows it.

    Attributes:
        pixels: (height, width, 3) RGB.
        boxes: (n, 4) float32 x_min, y_min, x_max, y_max within the view.
        classes: (n,) int64; `UNDECIDED` for objects that are too small, or cut off too much.
        scale: pixels of the view for one pixel of the picture.
    """

    pixels: RgbArray
    boxes: Boxes
    classes: npt.NDArray[np.int64]
    scale: float = 1.0


def transform(
    picture: StreetPicture,
    image: RgbArray,
    matrix: npt.NDArray[np.float64],
    width: int,
    height: int,
) -> View:
    """Show a picture through an axis-aligned affine transform.

    Args:
        picture: its labels.
        image: its pixels.
        matrix: (2, 3), from the picture's to the view's pixel coordinates; no rotation or shear.
        width: width of the view.
        height: height of the view.
    """
    # OpenCV's coordinates refer to pixel centres, those of boxes to pixel edges
    centred = matrix.copy()
    centred[:, 2] += (matrix[:, :2].sum(1) - 1) / 2
    pixels = cv2.warpAffine(
        image,
        centred,
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(PADDING, PADDING, PADDING),
    )
    scale, shift = matrix.diagonal(), matrix[:, 2]
    corners = picture.boxes.reshape(-1, 2, 2) * scale + shift
    whole = np.concatenate([corners.min(1), corners.max(1)], axis=1)
    boxes = whole.clip(0, np.array([width, height] * 2)).astype(np.float32)
    left = _areas(boxes) / _areas(whole).clip(1e-6)
    sides = (boxes[:, 2:] - boxes[:, :2]).min(1, initial=np.inf)
    # if a part of an object fills most of the view, it must be recognized by that part
    filling = _areas(boxes) >= _FILLING * width * height
    taught = ((left >= _TAUGHT) | filling) & (sides >= _SMALLEST)
    there = left >= _THERE
    classes = np.where(taught, picture.classes, UNDECIDED)
    factor = float(np.sqrt(np.abs(scale).prod()))
    return View(np.asarray(pixels, np.uint8), boxes[there], classes[there], factor)


def letterboxed(
    picture: StreetPicture, image: RgbArray, width: int, height: int, *, flip: bool
) -> View:
    """Show the whole picture as serving does: at the top left, as large as fits."""
    scale = min(width / image.shape[1], height / image.shape[0])
    return transform(picture, image, _matrix(image, scale, scale, 0, 0, flip), width, height)


def close_up(
    picture: StreetPicture,
    image: RgbArray,
    box: Boxes,
    width: int,
    height: int,
    rng: np.random.Generator,
) -> View:
    """Show one object (4,) so close that it about fills the view, or a part of it does."""
    sides = box[2:] - box[:2]
    window = np.array([width, height])
    share = np.exp(rng.uniform(*np.log(_CLOSE)))
    scale = float(share * (window / sides).min())
    flip = bool(rng.random() < 0.5)
    matrix = _matrix(image, scale, scale, 0, 0, flip)
    low, high = (matrix[:, :2] @ corner + matrix[:, 2] for corner in (box[:2], box[2:]))
    low, high = np.minimum(low, high), np.maximum(low, high)
    # a smaller object lies anywhere in the view; a larger one covers all of it
    room = np.sort(np.stack([-low, window - high]), axis=0)
    matrix[:, 2] += rng.uniform(room[0], room[1])
    return transform(picture, image, matrix, width, height)


def glimpse(
    picture: StreetPicture,
    image: RgbArray,
    width: int,
    height: int,
    scale: float,
    rng: np.random.Generator,
) -> View:
    """Show a random part of the picture at about a scale, near an object if it has any.

    The part covers the view as far as the picture extends; the rest is padding.
    """
    stretch = np.exp(rng.uniform(-_ASPECT, _ASPECT))
    factors = np.array([scale * stretch, scale / stretch])
    flip = bool(rng.random() < 0.5)
    matrix = _matrix(image, float(factors[0]), float(factors[1]), 0, 0, flip)
    if len(picture.boxes):
        box = picture.boxes[rng.integers(len(picture.boxes))]
        focus = rng.uniform(box[:2], box[2:] + 1e-3)
    else:
        focus = rng.uniform((0, 0), image.shape[1::-1])
    focus = matrix[:, :2] @ focus + matrix[:, 2]
    window = np.array([width, height])
    room = window - factors * np.array(image.shape[1::-1])
    shift = rng.uniform(0.15, 0.85, 2) * window - focus
    matrix[:, 2] += shift.clip(np.minimum(room, 0), np.maximum(room, 0))
    return transform(picture, image, matrix, width, height)


def _matrix(
    image: RgbArray, x_scale: float, y_scale: float, x: float, y: float, flip: bool
) -> npt.NDArray[np.float64]:
    if flip:
        return np.array([[-x_scale, 0, x + x_scale * image.shape[1]], [0, y_scale, y]])
    return np.array([[x_scale, 0, x], [0, y_scale, y]])


def _areas(boxes: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    return np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
