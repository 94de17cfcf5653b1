"""Reads a whole picture of a street: vehicles, plates and lines of text, stage by stage.

Plates are searched in the whole picture, then in enlarged vehicles on which none was found.

What only looks like text loses confidence: wheels, lamps and branches are read as one letter, as
punctuation, or as an Indic mark without its letter, often with more confidence than blurred words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.clock import Clock
from lipiyana.ocr.crops import crop_quad
from lipiyana.ocr.detection.detector import TextDetector
from lipiyana.ocr.plates.crop_reader import PlateCropReader
from lipiyana.ocr.plates.grammar_search import grammar_probabilities
from lipiyana.ocr.recognition.reader import Reader, ReadLine
from lipiyana.runtime.manifest import ModelEntry, Task
from lipiyana.runtime.store import ModelStore, model_info
from lipiyana.scene.plate_merging import downweight_signs, merge_plates, read_plates
from lipiyana.scene.results import in_reading_order, text_line, with_colours
from lipiyana.scene.settings import SCENE, SceneSettings
from lipiyana.scene.vehicle_plates import assign_plates
from lipiyana.types import Box, Feature, Plate, Recognition, RecognitionConfig, TextLine, Vehicle
from lipiyana.vehicles.boxes import Boxes, array_of, inside
from lipiyana.vehicles.detection.detector import PLATE, Detection, VehicleDetector
from lipiyana.vehicles.detection.network import OPERATING_POINT
from lipiyana.vehicles.detection.nms import first_apart, suppress
from lipiyana.vehicles.detection.settings import VEHICLE_DETECTION
from lipiyana.vehicles.detection.tiles import Tile, cut_off


def downweight_stray_marks(
    text: str, confidence: float, *, settings: SceneSettings = SCENE
) -> float:
    """Lower the confidence of a line whose text is probably no text.

    Args:
        text: NFC.
        confidence: of its reading, in [0, 1].
        settings: tuned constants.

    Returns:
        0 if no character is a letter, a digit or a currency sign; half of the confidence if there
        is one character only, or if the text begins with a mark that needs a letter before it;
        otherwise `confidence`.
    """
    kinds = [unicodedata.category(character) for character in text if not character.isspace()]
    said = [kind for kind in kinds if kind[0] in "LN" or kind == "Sc"]
    if not said:
        return 0.0
    if kinds[0][0] == "M" or len(said) + sum(kind[0] == "M" for kind in kinds) == 1:
        return settings.unlikely_text_factor * confidence
    return confidence


class SceneReader:
    """Reads whole pictures. Safe to share between threads."""

    def __init__(
        self,
        store: ModelStore,
        text_detector: TextDetector,
        reader: Reader,
        plate_reader: PlateCropReader,
        settings: SceneSettings = SCENE,
    ) -> None:
        """Take the readers; the detectors are the store's, where it has any.

        A detector of plates alone comes before one of vehicles that knows plates too.
        """
        self._settings = settings
        self._text_detector = text_detector
        self._reader = reader
        self._plate_reader = plate_reader
        vehicles, plates = map(store.installed, (Task.VEHICLE_DETECTOR, Task.PLATE_DETECTOR))
        self._vehicles = VehicleDetector(store, vehicles.name) if vehicles else None
        self._plates = VehicleDetector(store, plates.name) if plates else self._vehicles

    @property
    def entries(self) -> tuple[ModelEntry, ...]:
        """Every model that may take part, known without loading any."""
        detectors = [d.entry for d in (self._vehicles, self._plates) if d is not None]
        entries = (*detectors, self._text_detector.entry, *self._reader.entries)
        return tuple({entry.name: entry for entry in entries}.values())

    def read(
        self,
        pixels: RgbArray,
        config: RecognitionConfig,
        features: frozenset[Feature],
        clock: Clock,
    ) -> Recognition:
        """Read (height, width, 3) RGB.

        If only plates are asked for, the lines of text are read only where no plate was found or
        one was read with doubt.

        Raises:
            DeadlineExceeded: the clock's time is over before a stage.
            MissingExtra: romanizing was asked for and the extra `indic` is not installed.
            ModelUnavailable: a model cannot be loaded.
        """
        height, width = pixels.shape[:2]
        vehicles, places = self._find(pixels, config, features, clock)
        bearers: list[Box] | None = None
        if self._vehicles is not None:
            bearers = [v.box for v in vehicles if v.confidence >= OPERATING_POINT]
        plates = self._read_places(pixels, places, bearers, config, clock)
        rows: list[ReadLine] = []
        if Feature.TEXT in features or (
            Feature.PLATES in features and not _well_read(plates, self._settings)
        ):
            rows = self._read_rows(pixels, config.script_hints, clock)
        if Feature.PLATES in features:
            with clock.stage("parse_registrations"):
                plates = merge_plates(
                    plates, rows, config.romanize, pixels.shape, settings=self._settings
                )
            with clock.stage("name_colours"):
                plates = [with_colours(found, pixels) for found in plates]
        lines: list[TextLine] = []
        if Feature.TEXT in features:
            with clock.stage("order_lines"):
                read = [
                    text_line(row, config.romanize, pixels.shape) for row in in_reading_order(rows)
                ]
                lines = [
                    replace(
                        one,
                        confidence=downweight_stray_marks(
                            one.text, one.confidence, settings=self._settings
                        ),
                    )
                    for one in read
                ]
        shown, owned = assign_plates(
            [
                Vehicle(v.label, v.confidence, v.box)
                for v in vehicles
                if Feature.VEHICLES in features and v.confidence >= config.least_confidence
            ],
            [p for p in plates if p.confidence >= config.least_confidence],
            settings=self._settings,
        )
        return Recognition(
            width,
            height,
            vehicles=shown,
            plates=owned,
            text_lines=tuple(n for n in lines if n.confidence >= config.least_confidence),
            models=tuple(map(model_info, self.entries)),
            timings=clock.timings,
        )

    def _find(
        self,
        pixels: RgbArray,
        config: RecognitionConfig,
        features: frozenset[Feature],
        clock: Clock,
    ) -> tuple[list[Detection], list[Detection]]:
        """Find vehicles and the places of plates, each if it is asked for or helps the other."""
        least = max(
            VEHICLE_DETECTION.min_confidence,
            min(config.least_confidence, self._settings.helper_confidence),
        )
        plate_detector = self._plate_detector() if Feature.PLATES in features else None
        found: list[Detection] = []
        if self._vehicles is not None and (Feature.VEHICLES in features or plate_detector):
            with clock.stage("detect_vehicles"):
                found = self._vehicles.detect(pixels, least)
        vehicles = [one for one in found if one.label != PLATE]
        plates: list[Detection] = []
        if plate_detector is not None:
            with clock.stage("detect_plates"):
                if plate_detector is not self._vehicles:
                    found = plate_detector.detect(pixels, least)
                plates = [one for one in found if one.label == PLATE]
                plates = find_plates_in_vehicles(
                    pixels, plate_detector, vehicles, plates, least, settings=self._settings
                )
        return vehicles, plates

    def _plate_detector(self) -> VehicleDetector | None:
        if self._plates is not None and PLATE in self._plates.network().classes:
            return self._plates
        return None

    def _read_places(
        self,
        pixels: RgbArray,
        places: Sequence[Detection],
        vehicles: Sequence[Box] | None,
        config: RecognitionConfig,
        clock: Clock,
    ) -> list[Plate]:
        if not places:
            return []
        with clock.stage("read_plates"):
            plates = read_plates(
                pixels,
                places,
                self._plate_reader,
                config.romanize,
                vehicles,
                settings=self._settings,
            )
        return downweight_signs(plates, vehicles, settings=self._settings)

    def _read_rows(self, pixels: RgbArray, hints: Collection[str], clock: Clock) -> list[ReadLine]:
        with clock.stage("detect_text"):
            regions = self._text_detector.detect(pixels)
        with clock.stage("crop_lines"):
            crops = [crop_quad(pixels, region.polygon) for region in regions]
        with clock.stage("read_lines"):
            readings = self._reader.read(crops, reduce=grammar_probabilities, hints=hints)
        found = zip(regions, readings, strict=True)
        return [ReadLine(region.polygon, reading) for region, reading in found if reading.text]


def _well_read(plates: Sequence[Plate], settings: SceneSettings) -> bool:
    """Whether plates were found, and all above the operating point were read with little doubt.

    Then the lines of the scene need not be read, which takes longer than all other stages.
    """
    believed = [plate for plate in plates if plate.confidence >= OPERATING_POINT]
    return bool(believed) and all(
        one.registration.valid
        and min(one.registration.character_confidences, default=0.0)
        >= settings.well_read_confidence
        for one in believed
    )


def find_plates_in_vehicles(
    image: RgbArray,
    detector: VehicleDetector,
    vehicles: Sequence[Detection],
    plates: Sequence[Detection],
    least: float,
    *,
    settings: SceneSettings = SCENE,
) -> list[Detection]:
    """Search the vehicles that have no plate yet and are large enough for a legible one.

    Args:
        image: (height, width, 3) RGB.
        detector: one that knows plates.
        vehicles: found in `image`.
        plates: found in `image`.
        least: smallest confidence.
        settings: tuned constants.

    Returns:
        `plates` and those that were found in vehicles, each plate once, the surest first.

    Raises:
        ModelUnavailable: see `VehicleDetector.network`.
    """
    height, width = image.shape[:2]
    views = [
        _surroundings(v.box, height, width, settings)
        for v in _without_plate(vehicles, plates, settings)
    ]
    views = [view for view in views if settings.min_enlargement * _side(view) <= max(height, width)]
    views = sorted(views, key=_side, reverse=True)[: settings.most_vehicle_crops]
    crops = [image[view.y_min : view.y_max, view.x_min : view.x_max] for view in views]
    found = list(plates)
    for view, in_crop in zip(views, detector.detect_each(crops, least), strict=True):
        moved = [_moved(one, view) for one in in_crop if one.label == PLATE]
        cut = cut_off(array_of([one.box for one in moved]), view, height, width)
        found += [one for one, is_cut in zip(moved, cut.tolist(), strict=True) if not is_cut]
    return drop_duplicates(found, settings=settings)


def drop_duplicates(
    plates: Sequence[Detection], *, settings: SceneSettings = SCENE
) -> list[Detection]:
    """Drop plates that overlap, contain or lie in a more confident one.

    Returns:
        The most confident first, at most `VehicleDetectionSettings.most_detections`.
    """

    def at_one_place(a: Boxes, b: Boxes) -> npt.NDArray[np.bool_]:
        return np.asarray(np.maximum(inside(a, b), inside(b, a).T) > settings.duplicate_overlap)

    boxes = array_of([plate.box for plate in plates])
    confidences = np.array([plate.confidence for plate in plates])
    survivors = suppress(boxes, confidences, np.zeros(len(plates), np.intp))
    survivors = survivors[first_apart(boxes[survivors], at_one_place)]
    return [plates[index] for index in survivors.tolist()]


def _without_plate(
    vehicles: Sequence[Detection], plates: Sequence[Detection], settings: SceneSettings
) -> list[Detection]:
    believed = [plate.box for plate in plates if plate.confidence >= settings.believed_confidence]
    shares = inside(array_of(believed), array_of([vehicle.box for vehicle in vehicles]))
    has_plate = np.asarray((shares > settings.within_overlap).any(axis=0))
    return [
        vehicle
        for vehicle, found in zip(vehicles, has_plate.tolist(), strict=True)
        if not found
        and vehicle.confidence >= settings.believed_confidence
        and _legible(vehicle.box, settings)
    ]


def _legible(box: Box, settings: SceneSettings) -> bool:
    return max(box.x_max - box.x_min, box.y_max - box.y_min) >= settings.legible_vehicle_side


def _surroundings(box: Box, height: int, width: int, settings: SceneSettings) -> Tile:
    x, y = (
        settings.vehicle_margin * (box.x_max - box.x_min),
        settings.vehicle_margin * (box.y_max - box.y_min),
    )
    return Tile(
        max(0, int(box.x_min - x)),
        max(0, int(box.y_min - y)),
        min(width, round(box.x_max + x)),
        min(height, round(box.y_max + y)),
    )


def _side(view: Tile) -> int:
    return max(view.x_max - view.x_min, view.y_max - view.y_min)


def _moved(found: Detection, view: Tile) -> Detection:
    box = found.box
    x, y = view.x_min, view.y_min
    moved = Box(box.x_min + x, box.y_min + y, box.x_max + x, box.y_max + y)
    return Detection(found.label, found.confidence, moved)
