"""Signals of an answer. Text is only counted: of plates their region, of lines hashed pairs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from zlib import crc32

from lipiyana.arrays import Features
from lipiyana.drift.counting.signals import LINE_FEATURES, Values
from lipiyana.types import Plate, Recognition, TextLine

_HASHES = 48
_MOST_PAIRS = 200
_TINY = 1e-6


def observe_answer(found: Recognition, features: Sequence[Features] = ()) -> dict[str, Values]:
    """Count what was read in a picture.

    Args:
        found: what was read.
        features: (lines, 32) each, of the lines that were read.
    """
    values: dict[str, Values] = {
        "vehicles": (float(len(found.vehicles)),),
        "lines": (float(len(found.text_lines)),),
        "rotation": (str(found.rotation_degrees),),
    }
    if found.vehicles:
        height = max(1, found.image_height)
        boxes = [vehicle.box for vehicle in found.vehicles]
        values["vehicle_class"] = tuple(vehicle.label for vehicle in found.vehicles)
        values["vehicle_confidence"] = tuple(vehicle.confidence for vehicle in found.vehicles)
        values["vehicle_height"] = tuple((box.y_max - box.y_min) / height for box in boxes)
        values["vehicle_place"] = tuple((box.y_max + box.y_min) / 2 / height for box in boxes)
        values["plates_a_vehicle"] = (len(found.plates) / len(found.vehicles),)
    values |= _of_plates(found.plates) | _of_lines(found.text_lines)
    return values | _of_features(features)


def _of_features(features: Sequence[Features]) -> dict[str, Values]:
    """The mean of a picture's lines: 32 numbers a picture are cheap, 32 a line are not."""
    if not features:
        return {}
    mean = sum(one.sum(axis=0) for one in features) / sum(map(len, features))
    return {name: (value,) for name, value in zip(LINE_FEATURES, mean.tolist(), strict=True)}


def _of_plates(plates: tuple[Plate, ...]) -> dict[str, Values]:
    if not plates:
        return {}
    values: dict[str, Values] = {
        "plate_confidence": tuple(plate.confidence for plate in plates),
        "plate_height": tuple(plate.box.y_max - plate.box.y_min for plate in plates),
        "plate_valid": tuple(map(_validity, plates)),
        "plate_conflict": tuple("yes" if plate.category_conflict else "no" for plate in plates),
        "plate_colour": tuple("unknown" if p.colour is None else p.colour.value for p in plates),
    }
    valid = [plate.registration for plate in plates if plate.registration.valid]
    if valid:
        values["plate_region"] = tuple(f"{one.country}-{one.region_name}" for one in valid)
    return values


def _validity(plate: Plate) -> str:
    if plate.registration.valid:
        return "valid"
    return "doubtful" if plate.registration.canonical else "none"


def _of_lines(lines: tuple[TextLine, ...]) -> dict[str, Values]:
    if not lines:
        return {}
    sizes = [_size(line) for line in lines]
    values: dict[str, Values] = {
        "line_confidence": tuple(line.confidence for line in lines),
        "line_height": tuple(height for _, height, _ in sizes),
        "line_aspect": tuple(math.log2(max(length, _TINY) / height) for length, height, _ in sizes),
        "line_tilt": tuple(tilt for *_, tilt in sizes),
        "script": tuple(line.script for line in lines),
    }
    pairs = tuple(pair for line in lines for pair in _pairs(line.text))[:_MOST_PAIRS]
    return values | ({"letters": pairs} if pairs else {})


def _size(line: TextLine) -> tuple[float, float, float]:
    """Length and height in pixels, and tilt in degrees."""
    first, second, third, _ = line.polygon
    across = second[0] - first[0], second[1] - first[1]
    down = third[0] - second[0], third[1] - second[1]
    tilt = math.degrees(math.atan2(across[1], across[0]))
    return math.hypot(*across), max(math.hypot(*down), _TINY), tilt


def _pairs(text: str) -> Iterator[str]:
    """Hash the pairs of letters of a text. One with digits may be a plate or a telephone number."""
    if any(one.isdigit() for one in text):
        return
    for one, other in pairwise(text.lower()):
        if one.isalpha() and not other.isspace():
            yield f"{crc32((one + other).encode('utf-8', 'replace')) % _HASHES:02d}"
