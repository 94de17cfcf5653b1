"""Read the plates that a detector found, and merge them with registrations in lines of text."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from statistics import fmean

import numpy as np

from lipiyana.arrays import RgbArray
from lipiyana.ocr.geometry import Bounds
from lipiyana.ocr.plates.choice import choose_plate, find_plates
from lipiyana.ocr.plates.crop_reader import PlateCropReader
from lipiyana.ocr.recognition.reader import ReadLine
from lipiyana.scene.results import plate_from_reading, text_line
from lipiyana.scene.settings import SCENE, SceneSettings
from lipiyana.types import Box, Plate
from lipiyana.vehicles.boxes import array_of, inside
from lipiyana.vehicles.detection.detector import Detection
from lipiyana.vehicles.detection.network import OPERATING_POINT

_CLOCK_OR_DATE = re.compile(r"\d{1,2}:\d{2}|\d{1,4}([-/.])\d{1,2}\1\d{1,4}")


def read_plates(
    image: RgbArray,
    places: Sequence[Detection],
    reader: PlateCropReader,
    romanize: bool,
    vehicles: Sequence[Box] | None = None,
    *,
    words: bool = False,
    settings: SceneSettings = SCENE,
) -> list[Plate]:
    """Read plates where a detector found them; of very many, the most confident ones.

    The confidence of a valid registration is the probability that it is right; that of any other
    plate is the detector's. What cannot be read becomes a plate without text. Places in which the
    detector has little confidence are not read (off vehicles the limit is higher), nor those that
    are too low for letters.

    Args:
        image: (height, width, 3) RGB.
        places: where the plates are.
        reader: of crops of plates.
        romanize: as `lipiyana.scene.results.text_line`.
        vehicles: where vehicles are; None if they were not searched for.
        words: whether to find where each word of the rows stands.
        settings: tuned constants.

    Raises:
        MissingExtra: see `lipiyana.scene.results.text_line`.
    """
    alone = _on_no_vehicle([place.box for place in places], vehicles, settings)
    surest = sorted(range(len(places)), key=lambda index: -places[index].confidence)[
        : settings.most_plates_read
    ]
    return [
        _read(image, place, reader, romanize, words, settings)
        if index in surest
        and place.confidence >= (OPERATING_POINT if lonely else settings.min_read_confidence)
        and place.box.y_max - place.box.y_min >= settings.legible_plate_height
        else Plate("", place.confidence, place.box)
        for index, (place, lonely) in enumerate(zip(places, alone, strict=True))
    ]


def _read(
    image: RgbArray,
    found: Detection,
    reader: PlateCropReader,
    romanize: bool,
    words: bool,
    settings: SceneSettings,
) -> Plate:
    x_min, y_min, x_max, y_max = _with_margin(found.box, image.shape[0], image.shape[1], settings)
    offset = np.array([x_min, y_min], np.float64)
    reading = reader.read(image[y_min:y_max, x_min:x_max], words=words)
    rows = [
        dataclasses.replace(row, polygon=row.polygon + offset)
        for row in reading.rows
        if row.reading.text
    ]
    lines = tuple(text_line(row, romanize, image.shape) for row in rows)
    return Plate(
        text="\n".join(line.text for line in lines),
        confidence=reading.likely if reading.registration.valid else found.confidence,
        box=found.box,
        lines=lines,
        registration=reading.registration,
    )


def downweight_signs(
    plates: Sequence[Plate], vehicles: Sequence[Box] | None, *, settings: SceneSettings = SCENE
) -> list[Plate]:
    """Lower the confidence of plates without a valid registration.

    Plates on no vehicle fall below the operating point, as do clocks, dates, telephone numbers and
    words with a number. Words without a digit lose confidence, since boards on lorries and buses
    look like plates. So do plates without text: lamps look like distant plates.

    Args:
        plates: as a detector found them and they were read.
        vehicles: where vehicles are; None if they were not searched for.
        settings: tuned constants.
    """
    alone = _on_no_vehicle([plate.box for plate in plates], vehicles, settings)
    return [
        dataclasses.replace(plate, confidence=_belief(plate, lonely, settings) * plate.confidence)
        for plate, lonely in zip(plates, alone, strict=True)
    ]


def _on_no_vehicle(
    places: Sequence[Box], vehicles: Sequence[Box] | None, settings: SceneSettings
) -> list[bool]:
    if vehicles is None:
        return [False] * len(places)
    shares = inside(array_of(places), array_of(vehicles))
    return [not bool((row > settings.on_vehicle_overlap).any()) for row in shares]


def _belief(plate: Plate, lonely: bool, settings: SceneSettings) -> float:
    if plate.registration.valid:
        return 1.0
    if lonely or _is_clock_or_phone(plate.text, settings) or _says_something_else(plate, settings):
        return settings.no_plate_factor
    if _is_words(plate.text, settings):
        return settings.words_factor
    return (
        1.0
        if sum(map(str.isalnum, plate.text)) >= settings.plate_min_characters
        else settings.unread_factor
    )


def _is_clock_or_phone(text: str, settings: SceneSettings) -> bool:
    digits = sum(map(str.isdecimal, text))
    phone = (
        digits >= settings.phone_min_digits
        and sum(map(str.isalpha, text)) <= settings.phone_max_letters
    )
    return phone or bool(_CLOCK_OR_DATE.search(text.replace(" ", "")))


def _says_something_else(plate: Plate, settings: SceneSettings) -> bool:
    """Whether it is words with a number of up to three digits, as on a gate, or was read surely and
    is too long for a part of a registration, yet none.
    """
    said = plate.registration
    letters = sum(map(str.isalpha, plate.text))
    digits = sum(map(str.isdecimal, plate.text))
    if (
        not said.canonical
        and letters >= settings.words_min_letters
        and 0 < digits <= settings.plate_min_characters
    ):
        return True
    if said.canonical or said.alternatives or not plate.lines:
        return False
    sure = min(line.confidence for line in plate.lines) >= settings.surely_read
    return sure and letters >= settings.words_min_letters


def _is_words(text: str, settings: SceneSettings) -> bool:
    letters = sum(character.isalpha() for character in text)
    return letters >= settings.word_min_letters and not any(
        character.isdigit() for character in text
    )


def merge_plates(
    detected: Sequence[Plate],
    lines: Sequence[ReadLine],
    romanize: bool,
    shape: tuple[int, ...],
    *,
    settings: SceneSettings = SCENE,
) -> list[Plate]:
    """Make one list of all plates of a picture: those that a detector found, and registrations in
    lines of text.

    A detected plate first gets the letters that its box cut off. Then plates at one place become
    one, and fragments of a plate that was read better are dropped.

    Args:
        detected: as a detector found them and they were read.
        lines: all lines of text of the picture.
        romanize: as `lipiyana.scene.results.text_line`.
        shape: (height, width, ...) of the picture.
        settings: tuned constants.

    Raises:
        MissingExtra: see `lipiyana.scene.results.text_line`.
    """
    in_text = [plate_from_reading(found, romanize, shape) for found in find_plates(lines)]
    whole = extend_truncated(detected, lines, romanize, shape, settings=settings)
    return drop_fragments(merge_same_place(whole, in_text, settings=settings), settings=settings)


def merge_same_place(
    detected: Sequence[Plate], in_text: Sequence[Plate], *, settings: SceneSettings = SCENE
) -> list[Plate]:
    """Merge detected plates with those in lines of text that lie at the same place.

    The better reading wins: a registration before any other text, then the more confident one. If
    both read the same registration, the lines of text say where its rows are and what colours they
    have: rows of a plate's crop may be halves of it. The box is the detector's. Where the
    detector found each row or each half of a registration separately, all of them become one plate.
    """
    plates = list(detected)
    if not detected:
        return list(in_text)
    where, places = array_of([p.box for p in in_text]), array_of([p.box for p in detected])
    shared = np.maximum(inside(where, places), inside(places, where).T)
    parts: set[int] = set()
    for plate, shares in zip(in_text, shared, strict=True):
        place = int(shares.argmax())
        if shares[place] <= settings.same_place_overlap:
            plates.append(plate)
            continue
        best = max(plates[place], plate, key=_quality)
        if plates[place].registration.valid and _spell_the_same(plates[place], plate):
            best = dataclasses.replace(plate, registration=best.registration)
        here = np.flatnonzero(shares > settings.same_place_overlap).tolist()
        others = {i for i in here if i != place and _is_part(plates[i], best)}
        joined = [plates[index] for index in (place, *others)]
        confidence = max(plate.confidence, *(one.confidence for one in joined))
        box = _around([one.box for one in joined])
        plates[place] = dataclasses.replace(best, box=box, confidence=confidence)
        parts |= others
    return [plate for index, plate in enumerate(plates) if index not in parts]


def extend_truncated(
    plates: Sequence[Plate],
    lines: Sequence[ReadLine],
    romanize: bool,
    shape: tuple[int, ...],
    *,
    settings: SceneSettings = SCENE,
) -> list[Plate]:
    """Add the letters that a detector cut off plates of one row.

    A line of text replaces the plate's reading where it begins or ends outside the plate, contains
    all of the plate's text, and is a registration.

    Args:
        plates: as a detector found them and they were read.
        lines: all lines of text of the picture.
        romanize: as `lipiyana.scene.results.plate_from_reading`.
        shape: (height, width, ...) of the picture.
        settings: tuned constants.

    Raises:
        MissingExtra: see `lipiyana.scene.results.text_line`.
    """
    bounds = [Bounds.of(line.polygon) for line in lines]
    places = array_of([Box(b.x_min, b.y_min, b.x_max, b.y_max) for b in bounds])
    shared = inside(places, array_of([one.box for one in plates])) > settings.same_place_overlap
    whole = list(plates)
    for index, one in enumerate(plates):
        part = _letters(one.text)
        if len(one.lines) != 1 or len(part) < settings.plate_min_characters:
            continue
        for line in (lines[number] for number in np.flatnonzero(shared[:, index]).tolist()):
            seen = _letters(line.reading.text)
            if part not in seen or part == seen:
                continue
            read = plate_from_reading(choose_plate([[line]]), romanize, shape)
            if read.registration.valid:
                whole[index] = dataclasses.replace(
                    read,
                    box=_around([one.box, read.box]),
                    confidence=max(one.confidence, read.confidence),
                )
    return whole


def drop_fragments(plates: Sequence[Plate], *, settings: SceneSettings = SCENE) -> list[Plate]:
    """Drop plates that mostly overlap a registration that was read better: detectors also find
    parts of large plates.
    """
    read = [index for index, one in enumerate(plates) if one.registration.valid]
    boxes = array_of([one.box for one in plates])
    better = boxes[read]
    shared = (
        np.maximum(inside(boxes, better), inside(better, boxes).T) > settings.same_place_overlap
    )
    qualities = [_quality(one) for one in plates]
    return [
        one
        for index, one in enumerate(plates)
        if not any(
            qualities[read[number]] > qualities[index]
            for number in np.flatnonzero(shared[index]).tolist()
        )
    ]


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _spell_the_same(one: Plate, other: Plate) -> bool:
    return one.registration.canonical == other.registration.canonical


def _is_part(plate: Plate, whole: Plate) -> bool:
    mine, its = plate.registration, whole.registration
    return its.valid and (not mine.valid or mine.canonical in its.canonical)


def _around(boxes: Sequence[Box]) -> Box:
    corners = array_of(boxes)
    return Box(*corners[:, :2].min(axis=0).tolist(), *corners[:, 2:].max(axis=0).tolist())


def _quality(plate: Plate) -> tuple[bool, float]:
    registration = plate.registration
    sure = registration.character_confidences or [line.confidence for line in plate.lines]
    return registration.valid, fmean(sure) if sure else 0.0


def _with_margin(
    box: Box, height: int, width: int, settings: SceneSettings
) -> tuple[int, int, int, int]:
    margin = settings.plate_margin * (box.y_max - box.y_min)
    x_min, y_min = max(0, int(box.x_min - margin)), max(0, int(box.y_min - margin))
    x_max, y_max = round(box.x_max + margin), round(box.y_max + margin)
    return x_min, y_min, min(width, max(x_max, x_min + 1)), min(height, max(y_max, y_min + 1))
