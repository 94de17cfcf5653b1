"""Converts results to protobuf messages and JSON, and messages back to results.

Lossless except for floats, which are 32 bits wide on the wire.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError

from lipiyana import types
from lipiyana.errors import InternalError, InvalidRequest
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.wire.enums import (
    CACHE_OUTCOMES,
    CATEGORIES,
    PLATE_COLOURS,
    REGISTRATION_FORMATS,
    inverse,
)

MOST_FOUND = 10_000
"""Vehicles, plates and lines of one picture; ten times what this project finds at most."""

MOST_PARTS = 100_000
"""Of all its plates and vehicles."""

_FORMAT_OF = inverse(REGISTRATION_FORMATS)
_COLOUR_OF = inverse(PLATE_COLOURS)
_CATEGORY_OF = inverse(CATEGORIES)
_OUTCOME_OF = inverse(CACHE_OUTCOMES)


def recognition_to_proto(value: types.Recognition) -> pb.Recognition:
    """Write a result."""
    return pb.Recognition(
        image_width=value.image_width,
        image_height=value.image_height,
        vehicles=[_vehicle_to_proto(vehicle) for vehicle in value.vehicles],
        plates=[_plate_to_proto(plate) for plate in value.plates],
        text_lines=[_line_to_proto(line) for line in value.text_lines],
        cache_outcome=CACHE_OUTCOMES.get(value.cache_outcome, 0),
        models=[
            pb.ModelInfo(name=model.name, version=model.version, sha256=model.sha256)
            for model in value.models
        ],
        timings=dict(value.timings),
        rotation_degrees=value.rotation_degrees,
    )


def recognition_from_proto(message: pb.Recognition) -> types.Recognition:
    """Read a result; enum numbers of a later version become None.

    Raises:
        InternalError: a polygon has not four corners, or there is more than a picture can show.
    """
    _check_counts(message)
    return types.Recognition(
        image_width=message.image_width,
        image_height=message.image_height,
        vehicles=tuple(_vehicle_from_proto(vehicle) for vehicle in message.vehicles),
        plates=tuple(_plate_from_proto(plate) for plate in message.plates),
        text_lines=tuple(_line_from_proto(line) for line in message.text_lines),
        cache_outcome=_OUTCOME_OF.get(message.cache_outcome, types.CacheOutcome.NONE),
        models=tuple(
            types.ModelInfo(model.name, model.version, model.sha256) for model in message.models
        ),
        timings=dict(message.timings),
        rotation_degrees=message.rotation_degrees,
    )


def recognition_to_json(value: types.Recognition) -> dict[str, Any]:
    """Give the proto's JSON: snake_case names, every field, floats as short as 32 bits allow.

    `track_id` and `vehicle_index` are None if there is none, so that all rows have the same
    keys.
    """
    row = MessageToDict(
        recognition_to_proto(value),
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
    )
    for vehicle in row["vehicles"]:
        vehicle.setdefault("track_id", None)
    for plate in row["plates"]:
        plate.setdefault("vehicle_index", None)
    return row


def recognition_from_json(row: dict[str, Any]) -> types.Recognition:
    """Read the JSON of `recognition_to_json`; unknown names are ignored.

    Raises:
        InvalidRequest: it is not of that form.
    """
    try:
        message = ParseDict(row, pb.Recognition(), ignore_unknown_fields=True)
        return recognition_from_proto(message)
    except (ParseError, InternalError, RecursionError, TypeError, ValueError) as error:
        raise InvalidRequest(f"not the JSON of a result: {type(error).__name__}") from None


def _check_counts(message: pb.Recognition) -> None:
    """Refuse a message that would take minutes to convert, before it is converted.

    Raises:
        InternalError: there are too many values.
    """
    found = len(message.vehicles) + len(message.plates) + len(message.text_lines)
    if found + len(message.models) + len(message.timings) > MOST_FOUND:
        raise _too_many()
    parts = sum(len(vehicle.plate_indices) for vehicle in message.vehicles)
    for plate in message.plates:
        said = plate.registration
        parts += len(plate.lines) + len(said.character_confidences) + len(said.alternatives)
    if parts > MOST_PARTS:
        raise _too_many()


def _too_many() -> InternalError:
    return InternalError("a result came with more values than a picture can show")


def _box_to_proto(box: types.Box) -> pb.Box:
    return pb.Box(x_min=box.x_min, y_min=box.y_min, x_max=box.x_max, y_max=box.y_max)


def _box_from_proto(message: pb.Box) -> types.Box:
    return types.Box(message.x_min, message.y_min, message.x_max, message.y_max)


def _line_to_proto(line: types.TextLine) -> pb.TextLine:
    return pb.TextLine(
        text=line.text,
        script=line.script,
        confidence=line.confidence,
        polygon=[pb.Point(x=x, y=y) for x, y in line.polygon],
        romanized=line.romanized,
    )


def _line_from_proto(message: pb.TextLine) -> types.TextLine:
    try:
        first, second, third, fourth = ((point.x, point.y) for point in message.polygon)
    except ValueError:
        raise InternalError(f"a polygon came with {len(message.polygon)} corners") from None
    return types.TextLine(
        text=message.text,
        script=message.script,
        confidence=message.confidence,
        polygon=(first, second, third, fourth),
        romanized=message.romanized,
    )


def _vehicle_to_proto(vehicle: types.Vehicle) -> pb.Vehicle:
    return pb.Vehicle(
        label=vehicle.label,
        confidence=vehicle.confidence,
        box=_box_to_proto(vehicle.box),
        track_id=vehicle.track_id,
        plate_indices=vehicle.plate_indices,
    )


def _vehicle_from_proto(message: pb.Vehicle) -> types.Vehicle:
    return types.Vehicle(
        label=message.label,
        confidence=message.confidence,
        box=_box_from_proto(message.box),
        track_id=message.track_id if message.HasField("track_id") else None,
        plate_indices=tuple(message.plate_indices),
    )


def _registration_to_proto(value: types.Registration) -> pb.Registration:
    return pb.Registration(
        canonical=value.canonical,
        valid=value.valid,
        format=REGISTRATION_FORMATS[value.format],
        country=value.country,
        region_code=value.region_code,
        region_name=value.region_name,
        category=CATEGORIES[value.category],
        vehicle_class=value.vehicle_class,
        lot=value.lot,
        number=value.number,
        romanized=value.romanized,
        character_confidences=value.character_confidences,
        alternatives=value.alternatives,
    )


def _registration_from_proto(message: pb.Registration) -> types.Registration:
    return types.Registration(
        canonical=message.canonical,
        valid=message.valid,
        format=_FORMAT_OF.get(message.format),
        country=message.country,
        region_code=message.region_code,
        region_name=message.region_name,
        category=_CATEGORY_OF.get(message.category),
        vehicle_class=message.vehicle_class,
        lot=message.lot,
        number=message.number,
        romanized=message.romanized,
        character_confidences=tuple(message.character_confidences),
        alternatives=tuple(message.alternatives),
    )


def _plate_to_proto(plate: types.Plate) -> pb.Plate:
    return pb.Plate(
        text=plate.text,
        confidence=plate.confidence,
        box=_box_to_proto(plate.box),
        lines=[_line_to_proto(line) for line in plate.lines],
        registration=_registration_to_proto(plate.registration),
        colour=PLATE_COLOURS[plate.colour],
        colour_confidence=plate.colour_confidence,
        category_conflict=plate.category_conflict,
        vehicle_index=plate.vehicle_index,
    )


def _plate_from_proto(message: pb.Plate) -> types.Plate:
    return types.Plate(
        text=message.text,
        confidence=message.confidence,
        box=_box_from_proto(message.box),
        lines=tuple(_line_from_proto(line) for line in message.lines),
        registration=_registration_from_proto(message.registration),
        colour=_COLOUR_OF.get(message.colour),
        colour_confidence=message.colour_confidence,
        category_conflict=message.category_conflict,
        vehicle_index=message.vehicle_index if message.HasField("vehicle_index") else None,
    )
