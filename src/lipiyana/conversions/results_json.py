"""Results as JSON: that of the proto, with snake_case names and every field.

`lipiyana.wire.results.recognition_from_json` reads it again. It is written here without protobuf,
so that a result alone can be written.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from lipiyana.words import shortest_float32

if TYPE_CHECKING:  # the results import this module
    from lipiyana.types import (
        Box,
        Plate,
        Point,
        Recognition,
        Registration,
        TextLine,
        Vehicle,
        Word,
    )

_LARGEST = 3.4028235e38  # of 32 bits


def recognition_dict(value: Recognition) -> dict[str, Any]:
    """Write a result; `track_id` and `vehicle_index` are None if there is none."""
    no_cache = value.cache_outcome.value == "none"
    return {
        "image_width": value.image_width,
        "image_height": value.image_height,
        "vehicles": [_vehicle(vehicle) for vehicle in value.vehicles],
        "plates": [_plate(plate) for plate in value.plates],
        "text_lines": [_line(line) for line in value.text_lines],
        "cache_outcome": _name("CACHE_OUTCOME", None if no_cache else value.cache_outcome),
        "models": [
            {"name": model.name, "version": model.version, "sha256": model.sha256}
            for model in value.models
        ],
        "timings": {stage: _number(seconds) for stage, seconds in value.timings.items()},
        "rotation_degrees": value.rotation_degrees,
    }


def _number(value: float) -> float | str:
    """As short as 32 bits allow; what JSON has no number for is a word."""
    if math.isnan(value):
        return "NaN"
    if abs(value) > _LARGEST:
        return "Infinity" if value > 0 else "-Infinity"
    return shortest_float32(value)


def _name(kind: str, member: StrEnum | None) -> str:
    return f"{kind}_{'UNSPECIFIED' if member is None else member.name}"


def _polygon(corners: Iterable[Point]) -> list[dict[str, float | str]]:
    return [{"x": _number(x), "y": _number(y)} for x, y in corners]


def _box(box: Box) -> dict[str, float | str]:
    return {name: _number(getattr(box, name)) for name in ("x_min", "y_min", "x_max", "y_max")}


def _word(word: Word) -> dict[str, Any]:
    return {
        "text": word.text,
        "confidence": _number(word.confidence),
        "polygon": _polygon(word.polygon),
    }


def _line(line: TextLine) -> dict[str, Any]:
    return {
        "text": line.text,
        "script": line.script,
        "confidence": _number(line.confidence),
        "polygon": _polygon(line.polygon),
        "romanized": line.romanized,
        "words": [_word(word) for word in line.words],
    }


def _registration(value: Registration) -> dict[str, Any]:
    return {
        "canonical": value.canonical,
        "valid": value.valid,
        "format": _name("REGISTRATION_FORMAT", value.format),
        "country": value.country,
        "region_code": value.region_code,
        "region_name": value.region_name,
        "category": _name("CATEGORY", value.category),
        "vehicle_class": value.vehicle_class,
        "lot": value.lot,
        "number": value.number,
        "romanized": value.romanized,
        "character_confidences": [_number(one) for one in value.character_confidences],
        "alternatives": [*value.alternatives],
    }


def _plate(plate: Plate) -> dict[str, Any]:
    return {
        "text": plate.text,
        "confidence": _number(plate.confidence),
        "box": _box(plate.box),
        "lines": [_line(line) for line in plate.lines],
        "registration": _registration(plate.registration),
        "colour": _name("PLATE_COLOUR", plate.colour),
        "colour_confidence": _number(plate.colour_confidence),
        "category_conflict": plate.category_conflict,
        "vehicle_index": plate.vehicle_index,
    }


def _vehicle(vehicle: Vehicle) -> dict[str, Any]:
    return {
        "label": vehicle.label,
        "confidence": _number(vehicle.confidence),
        "box": _box(vehicle.box),
        "track_id": vehicle.track_id,
        "plate_indices": [*vehicle.plate_indices],
    }
