"""Reads a whole picture of a street: vehicles, plates and lines of text, stage by stage.

What only looks like text loses confidence: wheels, lamps and branches are read as one letter, as
punctuation, or as an Indic mark without its letter, often with more confidence than blurred words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from lipiyana.arrays import RgbArray
from lipiyana.clock import Clock
from lipiyana.ocr.crops import crop_quad
from lipiyana.ocr.detection.detector import TextDetector
from lipiyana.ocr.plates.crop_reader import PlateCropReader
from lipiyana.ocr.plates.grammar_search import grammar_probabilities
from lipiyana.ocr.recognition.reader import Reader, ReadLine
from lipiyana.runtime.manifest import ModelEntry, Task
from lipiyana.runtime.store import ModelStore, model_info
from lipiyana.scene.direction import DirectionFinder, turned
from lipiyana.scene.original_size import turned_back
from lipiyana.scene.plate_merging import downweight_signs, merge_plates, read_plates
from lipiyana.scene.results import in_reading_order, text_line, with_colours
from lipiyana.scene.settings import SCENE, SceneSettings
from lipiyana.scene.vehicle_plates import assign_plates, find_plates_in_vehicles
from lipiyana.types import Box, Feature, Plate, Recognition, RecognitionConfig, TextLine, Vehicle
from lipiyana.vehicles.detection.detector import PLATE, Detection, VehicleDetector
from lipiyana.vehicles.detection.network import OPERATING_POINT
from lipiyana.vehicles.detection.settings import VEHICLE_DETECTION


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


@dataclass(frozen=True, slots=True)
class _Sight:
    """What was found and read in a picture, before it is merged.

    Attributes:
        vehicles: found, if they were searched for.
        plates: found by a detector, and read.
        lines: of text, those without a character too; None if they were not searched for.
    """

    vehicles: list[Detection]
    plates: list[Plate]
    lines: list[ReadLine] | None


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
        self._direction = DirectionFinder(text_detector, reader, settings)
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
        one was read with doubt. A picture whose lines lie on their side or upside down is read once
        more, upright; all places are in the pixels of the picture as it was given.

        Raises:
            DeadlineExceeded: the clock's time is over before a stage.
            MissingExtra: romanizing was asked for and the extra `indic` is not installed.
            ModelUnavailable: a model cannot be loaded.
        """
        sight = self._look(pixels, config, features, clock)
        degrees = self._degrees(pixels, sight, config.script_hints, clock)
        if not degrees:
            return self._result(pixels, sight, config, features, clock)
        upright = turned(pixels, degrees)
        sight = self._look(upright, config, features, clock)
        return turned_back(self._result(upright, sight, config, features, clock), degrees)

    def _look(
        self,
        pixels: RgbArray,
        config: RecognitionConfig,
        features: frozenset[Feature],
        clock: Clock,
    ) -> _Sight:
        vehicles, places = self._find(pixels, config, features, clock)
        bearers: list[Box] | None = None
        if self._vehicles is not None:
            bearers = [v.box for v in vehicles if v.confidence >= OPERATING_POINT]
        plates = self._read_places(pixels, places, bearers, config, clock)
        lines: list[ReadLine] | None = None
        if Feature.TEXT in features or (
            Feature.PLATES in features and not _well_read(plates, self._settings)
        ):
            lines = self._read_lines(pixels, config, clock)
        return _Sight(vehicles, plates, lines)

    def _degrees(
        self, pixels: RgbArray, sight: _Sight, hints: Collection[str], clock: Clock
    ) -> int:
        """Give the clockwise turn that makes the picture upright; vehicles are found upright."""
        believed = (v.confidence for v in sight.vehicles if v.confidence >= OPERATING_POINT)
        if not sight.lines or sum(believed) >= self._settings.upright_vehicles:
            return 0
        with clock.stage("find_direction"):
            return self._direction.degrees(pixels, sight.lines, hints)

    def _result(
        self,
        pixels: RgbArray,
        sight: _Sight,
        config: RecognitionConfig,
        features: frozenset[Feature],
        clock: Clock,
    ) -> Recognition:
        height, width = pixels.shape[:2]
        vehicles, plates = sight.vehicles, sight.plates
        rows = [line for line in sight.lines or () if line.reading.text]
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
                context = " ".join(row.reading.text for row in rows)
                read = [
                    text_line(row, config.romanize, pixels.shape, context)
                    for row in in_reading_order(rows)
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
                words=config.words,
                settings=self._settings,
            )
        return downweight_signs(plates, vehicles, settings=self._settings)

    def _read_lines(
        self, pixels: RgbArray, config: RecognitionConfig, clock: Clock
    ) -> list[ReadLine]:
        with clock.stage("detect_text"):
            regions = self._text_detector.detect(pixels)
        with clock.stage("crop_lines"):
            crops = [crop_quad(pixels, region.polygon) for region in regions]
        with clock.stage("read_lines"):
            readings = self._reader.read(
                crops, reduce=grammar_probabilities, hints=config.script_hints, words=config.words
            )
        found = zip(regions, readings, strict=True)
        return [ReadLine(region.polygon, reading) for region, reading in found]


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
