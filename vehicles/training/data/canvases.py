"""Canvases that the detector learns from: augmented street pictures with partial labels.

Sources label only some classes, so a canvas stores for every anchor the classes whose absence is
known: those of the picture under it, and none on undecided objects. Where all vehicles are
labelled, plates are known to be absent outside of them: signs and walls are negatives for plates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from lipiyana.vehicles.detection.detector import PLATE
from lipiyana.vehicles.training.data.labels import CLASSES
from lipiyana.vehicles.training.data.mounted_plates import usual_plates
from lipiyana.vehicles.training.data.street_pictures import UNDECIDED, StreetPicture
from lipiyana.vehicles.training.data.variety import Variety
from lipiyana.vehicles.training.data.views import (
    Cutouts,
    View,
    close_up,
    glimpse,
    letterboxed,
    paste,
)
from lipiyana.vehicles.training.data.weather import light_of, relit, repainted, weathered
from lipiyana.vehicles.training.network import anchor_points

SIZE = 704
"""The longer side of the input in pixels, in training and serving."""

_LETTERBOXED = 0.6
_FILLING_OVERVIEWS = 0.4  # share of the overview-sized canvases that show a close-up
_TILE_SCALES, _SCALES = (0.4, 1.2), (0.6, 1.6)
# cars for sale are photographed up close, but plates must be found far away and in crops too
_PLATE_SCALES = (0.35, 2.4)
# plates are known to be absent outside of vehicles, except in a margin of this share of a side
_MARGIN = 0.1
_PLATE = CLASSES.index(PLATE)
# number of pictures whose light is used to relight others
_LIGHTS = 300
# minimum shorter side in pixels of vehicles that are shown as a close-up
_CLOSE_UP = 72.0

_NO_VARIETY = Variety()
_Tile = tuple[int, int, int, int]  # left, top, right, bottom

# pictures with a class in fewer than this share of pictures are drawn more often (repeat factor
# sampling: Gupta et al., "LVIS", CVPR 2019)
_COMMON = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """One training input: pixels (H, W, 3) RGB, and the other fields as in `batches.Batch`."""

    pixels: npt.NDArray[np.uint8]
    boxes: npt.NDArray[np.float32]
    classes: npt.NDArray[np.int64]
    known: npt.NDArray[np.bool_]
    smallest: npt.NDArray[np.float32]


class Canvases:
    """Makes canvases of labelled pictures, which may label more classes than `CLASSES` has."""

    def __init__(
        self,
        pictures: Sequence[StreetPicture],
        size: int,
        variety: Variety = _NO_VARIETY,
        empty: Sequence[StreetPicture] = (),
        empty_chances: Sequence[float] = (),
    ) -> None:
        self._pictures, self._size, self._variety = pictures, size, variety
        self._empty = empty
        weights = np.array(empty_chances or [1.0] * len(empty))
        self._empty_chances = weights / weights.sum() if len(empty) else weights
        self._cutouts = Cutouts(pictures) if variety.pastes else None
        self._plates = usual_plates() if variety.mounted else None
        lit = pictures[:: max(1, len(pictures) // _LIGHTS)] if variety.relit else ()
        self._lights = [light_of(picture.pixels()) for picture in lit]
        self._chances = draw_chances(pictures)
        large = [_large(picture) for picture in pictures]
        self._filling = [i for i, boxes in enumerate(large) if len(boxes)]
        self._large = large
        self._points = _points_of(size, size)

    def draw(
        self,
        rng: np.random.Generator,
        mosaic_share: float,
        shape: tuple[int, int] | None = None,
    ) -> Canvas:
        """Make a mosaic of four pictures, with probability `mosaic_share`, or a canvas of one.

        Args:
            rng: random generator.
            mosaic_share: probability of a mosaic.
            shape: width and height; None for a square of the given size.
        """
        width, height = shape or (self._size, self._size)
        self._points = _points_of(width, height)
        tiles: tuple[_Tile, ...] = ((0, 0, width, height),)
        # as in the second pass over a picture: the whole picture, or one object that fills it
        overview = max(width, height) <= self._size // 2
        if rng.random() < mosaic_share and not overview:
            x, y = (int(v) for v in rng.uniform(0.3, 0.7, 2) * (width, height))
            tiles = ((0, 0, x, y), (x, 0, width, y), (0, y, x, height), (x, y, width, height))
        pixels = np.empty((height, width, 3), np.uint8)
        known = np.ones((len(self._points), len(self._pictures[0].known)), np.bool_)
        smallest = np.zeros(len(self._points), np.float32)
        boxes, classes = [], []
        empty = bool(self._empty) and rng.random() < self._variety.empty
        for tile in tiles:
            picture, view = self._shown(
                tile, rng, empty=empty, alone=len(tiles) == 1, overview=overview
            )
            left, top, right, bottom = tile
            pixels[top:bottom, left:right] = view.pixels
            smallest[self._inside(tile)] = picture.smallest * view.scale
            boxes.append(view.boxes + np.array([left, top, left, top], np.float32))
            classes.append(view.classes)
            here = self._inside(tile)
            known[here] = picture.known
            if np.delete(picture.known, _PLATE).all():
                known[here & ~self._near(boxes[-1]), _PLATE] = True
        whole = View(pixels, np.concatenate(boxes), np.concatenate(classes))
        if not empty and not overview:
            whole = self._with_plates(self._with_pastes(whole, known, rng), known, rng)
        return self._finished(whole, known, smallest, rng)

    def _shown(
        self,
        tile: _Tile,
        rng: np.random.Generator,
        *,
        empty: bool,
        alone: bool,
        overview: bool,
    ) -> tuple[StreetPicture, View]:
        """Draw a picture and its view in a tile."""
        filling = self._variety.filling
        if overview and filling:
            filling = max(filling, _FILLING_OVERVIEWS)
        if empty:
            picture = self._empty[int(rng.choice(len(self._empty), p=self._empty_chances))]
        elif filling and self._filling and rng.random() < filling:
            number = self._filling[int(rng.integers(len(self._filling)))]
            picture = self._pictures[number]
            box = self._large[number][int(rng.integers(len(self._large[number])))]
            width, height = tile[2] - tile[0], tile[3] - tile[1]
            return picture, close_up(picture, picture.pixels(), box, width, height, rng)
        else:
            picture = self._pictures[int(rng.choice(len(self._pictures), p=self._chances))]
        return picture, self._view(picture, tile, rng, alone=alone, overview=overview)

    def _with_pastes(
        self, view: View, known: npt.NDArray[np.bool_], rng: np.random.Generator
    ) -> View:
        """Paste some vehicles, and set `known` under them."""
        if self._cutouts is None:
            return view
        for _ in range(rng.poisson(self._variety.pastes)):
            cutout, knows = self._cutouts.draw(self._size, rng)
            view = paste(view, cutout, rng)
            known[self._inside(view.boxes[-1])] = knows
        return view

    def _with_plates(
        self, view: View, known: npt.NDArray[np.bool_], rng: np.random.Generator
    ) -> View:
        """Mount plates on vehicles, and set `known` under them."""
        if self._plates is None:
            return view
        bare = np.array([not known[self._inside(box), _PLATE].any() for box in view.boxes], bool)
        mounted = self._plates.mount(view, bare, self._variety.mounted, rng)
        for box in mounted.boxes[len(view.boxes) :]:
            known[self._inside(box), _PLATE] = True
        return mounted

    def _finished(
        self,
        view: View,
        known: npt.NDArray[np.bool_],
        smallest: npt.NDArray[np.float32],
        rng: np.random.Generator,
    ) -> Canvas:
        sides = (view.boxes[:, 2:] - view.boxes[:, :2]).min(1, initial=np.inf)
        taught = (view.classes != UNDECIDED) & (sides >= self._variety.smallest)
        for box in view.boxes[~taught]:
            known[self._inside(box)] = False
        pixels = view.pixels
        if rng.random() < self._variety.repainted:
            pixels = repainted(pixels, rng)
        if rng.random() < self._variety.relit:
            pixels = relit(pixels, self._lights[int(rng.integers(len(self._lights)))], rng)
        boxes, classes = view.boxes[taught], view.classes[taught]
        return Canvas(weathered(pixels, rng), boxes, classes, known, smallest)

    def _view(
        self,
        picture: StreetPicture,
        tile: _Tile,
        rng: np.random.Generator,
        *,
        alone: bool,
        overview: bool,
    ) -> View:
        image = picture.pixels()
        left, top, right, bottom = tile
        if overview or (alone and rng.random() < _LETTERBOXED):
            return letterboxed(picture, image, right, bottom, flip=bool(rng.random() < 0.5))
        scales = _SCALES if alone else _TILE_SCALES
        if picture.known[_PLATE]:
            scales = _PLATE_SCALES
        wider = np.log(self._variety.wider) * np.array([-1, 1])
        factor = np.exp(rng.uniform(*(np.log(scales) + wider))) * self._size / max(image.shape[:2])
        return glimpse(picture, image, right - left, bottom - top, float(factor), rng)

    def _near(self, boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        margins = _MARGIN * np.tile(boxes[:, 2:] - boxes[:, :2], 2) * np.array([-1, -1, 1, 1])
        near = np.zeros(len(self._points), np.bool_)
        for box in boxes + margins:
            near |= self._inside(box)
        return near

    def _inside(self, box: Sequence[float] | npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        x, y = self._points.T
        return np.asarray((x >= box[0]) & (x < box[2]) & (y >= box[1]) & (y < box[3]))


@lru_cache(maxsize=16)
def _points_of(width: int, height: int) -> npt.NDArray[np.float32]:
    return np.asarray(anchor_points(width, height)[0].numpy(), np.float32)


def _large(picture: StreetPicture) -> npt.NDArray[np.float32]:
    """Boxes of the vehicles with enough pixels for a close-up."""
    sides = (picture.boxes[:, 2:] - picture.boxes[:, :2]).min(1, initial=np.inf)
    vehicle = (picture.classes != UNDECIDED) & (picture.classes != _PLATE)
    return picture.boxes[vehicle & (sides >= _CLOSE_UP)]


def draw_chances(pictures: Sequence[StreetPicture]) -> npt.NDArray[np.float64]:
    """Probability of each picture: the rarer its rarest class, the higher."""
    has = np.zeros((len(pictures), len(pictures[0].known)), np.bool_)
    for row, picture in zip(has, pictures, strict=True):
        row[picture.classes[picture.classes != UNDECIDED]] = True
    repeats = np.sqrt(_COMMON / has.mean(0).clip(1e-6)).clip(1)
    weights = np.where(has, repeats, 1.0).max(1)
    return np.asarray(weights / weights.sum())
