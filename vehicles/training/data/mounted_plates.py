"""Rendered plates, mounted on vehicles of street pictures that have no boxes of plates.

Real boxes of plates are only of cars for sale: large, one row, seen from the front. The mounted
plates have the rows, colours and scripts of other vehicles, and are mounted on these.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.rendering.contents.plate_texts import random_registration
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.rendering.plates.painting import FlatPlate, paint_plate
from lipiyana.rendering.plates.pictures import random_view, warped_at_double_resolution
from lipiyana.rendering.plates.styles import random_style
from lipiyana.vehicles.boxes import inside
from lipiyana.vehicles.detection.detector import PLATE
from lipiyana.vehicles.taxonomy import TAXONOMY, PlatePlace, PlateSize
from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.data.views import View

_PIXELS_PER_MM = 0.4
_OF_EACH_KIND = 80
_NARROWEST = 10.0  # pixels; a narrower plate looks like a lamp
_COVERED = 0.3  # share of a plate that other vehicles may hide
_TILT = 0.6  # relative to the tilt in rendered close-ups of plates
_PLATE = CLASSES.index(PLATE)
_PLACES = {entry.name: entry.plate for entry in TAXONOMY}


class MountedPlates:
    """A stock of rendered plates for each kind of vehicle."""

    def __init__(self, rng: np.random.Generator, of_each_kind: int = _OF_EACH_KIND) -> None:
        """Render the stock.

        Raises:
            LookupError: no installed font has the characters of a plate.
        """
        library = FontLibrary.load()
        self._stock: dict[PlateSize, list[FlatPlate]] = {}
        for size in dict.fromkeys(entry.plate.size for entry in TAXONOMY if entry.plate):
            plates = []
            for _ in range(of_each_kind):
                text = random_registration(rng, vehicle=size)
                style = random_style(rng, text, library)
                plates.append(paint_plate(rng, text, style, _PIXELS_PER_MM))
            self._stock[size] = plates

    def mount(
        self, view: View, bare: npt.NDArray[np.bool_], share: float, rng: np.random.Generator
    ) -> View:
        """Mount plates on a share of the vehicles; their boxes are appended.

        Args:
            view: a canvas; it is not changed.
            bare: (n,) which boxes are of vehicles without a labelled plate.
            share: share of the vehicles, among large ones seen from the front or the back.
            rng: random generator.
        """
        pixels, boxes = view.pixels.copy(), []
        for index in np.flatnonzero(bare & (view.classes >= 0) & (view.classes < len(CLASSES))):
            place = _PLACES.get(CLASSES[view.classes[index]])
            if place is None or rng.random() >= share:
                continue
            plates = self._stock[place.size]
            plate = plates[int(rng.integers(len(plates)))]
            corners = _corners(view.boxes[index], plate, place, rng)
            if corners is None or _is_hidden(_around(corners), view.boxes, int(index)):
                continue
            _paste(pixels, plate, corners, rng)
            boxes.append(_around(corners))
        if not boxes:
            return view
        return View(
            pixels,
            np.concatenate([view.boxes, np.array(boxes, np.float32)]),
            np.concatenate([view.classes, np.full(len(boxes), _PLATE)]),
        )


@lru_cache(maxsize=1)
def usual_plates() -> MountedPlates:
    """The stock for training; always the same and cached, because rendering takes seconds.

    Raises:
        LookupError: see `MountedPlates`.
    """
    return MountedPlates(np.random.default_rng(0))


def _corners(
    box: npt.NDArray[np.float32], plate: FlatPlate, place: PlatePlace, rng: np.random.Generator
) -> npt.NDArray[np.float32] | None:
    """Corners (4, 2) of a plate on a vehicle; None if the vehicle is too small or seen sideways."""
    wide, high = (box[2:] - box[:2]).tolist()
    width = float(rng.uniform(*place.width)) * wide
    if wide > place.widest * high or width < _NARROWEST:
        return None
    sides = plate.outline.max(0) - plate.outline.min(0)
    middle = np.array([wide * rng.uniform(*place.x), high * rng.uniform(*place.y)])
    seen = random_view(rng, width, width * float(sides[1] / sides[0]), _TILT)
    return np.asarray(seen + box[:2] + middle, np.float32)


def _around(corners: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.concatenate([corners.min(0), corners.max(0)])


def _is_hidden(plate: npt.NDArray[np.float32], boxes: npt.NDArray[np.float32], own: int) -> bool:
    others = np.delete(boxes, own, axis=0).astype(np.float64)
    # a box that contains the whole vehicle belongs to an object behind it
    shares = inside(boxes[[own]].astype(np.float64), others)[0]
    covered = inside(plate[None].astype(np.float64), others)[0]
    return bool((covered[shares < 1 - _COVERED] > _COVERED).any())


def _paste(
    pixels: npt.NDArray[np.uint8],
    plate: FlatPlate,
    corners: npt.NDArray[np.float32],
    rng: np.random.Generator,
) -> None:
    """Paste a plate into a picture, matching brightness and sharpness of its surroundings."""
    size = np.array(pixels.shape[1::-1])
    low = np.floor(corners.min(0) - 3).astype(int).clip(0)
    high = np.minimum(np.ceil(corners.max(0) + 3).astype(int), size)
    if (high - low < 4).any():
        return
    columns, rows = (high - low).tolist()
    # at less than the canvas's resolution, like the sources of most of these pictures
    coarse = float(rng.uniform(0.4, 1.2))
    matrix = np.asarray(
        cv2.getPerspectiveTransform(
            plate.outline.astype(np.float32), (corners - low).astype(np.float32)
        ),
        np.float64,
    )
    few = (max(2, round(coarse * columns)), max(2, round(coarse * rows)))
    alpha, front = (
        cv2.resize(
            cv2.resize(one, few, interpolation=cv2.INTER_AREA),
            (columns, rows),
            interpolation=cv2.INTER_LINEAR,
        ).astype(np.float32)
        for one in warped_at_double_resolution(plate, matrix, (columns, rows))
    )
    place = pixels[low[1] : high[1], low[0] : high[0]]
    light = float(np.clip(place.mean() / 110 * rng.uniform(0.75, 1.15), 0.35, 1.15))
    share = alpha[:, :, None] / 255
    mixed = share * front * light + (1 - share) * place
    pixels[low[1] : high[1], low[0] : high[0]] = mixed.round().clip(0, 255).astype(np.uint8)
