"""What rules look at: vehicles and registrations of a row of `lipiyana read` or `watch`."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from google.protobuf.json_format import ParseDict, ParseError

from lipiyana.conversions.visible_text import shown
from lipiyana.errors import LipiyanaError
from lipiyana.events.rules.zones import Place
from lipiyana.files import parse_json
from lipiyana.types import Category, Plate, Recognition
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.wire.results import recognition_from_proto


@dataclass(frozen=True, slots=True)
class Sighting:
    """One vehicle, or one plate without a vehicle, in one row.

    Attributes:
        registration: canonical; "" if none was read beyond doubt.
        doubtful: what may be its registration, if it was read with doubt; else "".
        category: whose plate it is, None if that is not known.
        conflict: its colours, its format and the vehicle contradict each other.
        confidence: of the registration.
        places: where it was; a picture or a frame has one.
        vehicle: label, "" if no vehicle was found.
        track: of the vehicle in its source, None if pictures are not of one.
        seconds_in: time in each region of `lipiyana watch`.
    """

    registration: str
    category: Category | None
    conflict: bool
    confidence: float
    places: tuple[Place, ...]
    vehicle: str
    track: int | None
    seconds_in: Mapping[str, float] = field(default_factory=dict)
    doubtful: str = ""

    @property
    def key(self) -> Hashable:
        """By what the vehicle is known from row to row of its stream."""
        return (self.registration or self.doubtful) if self.track is None else self.track


@dataclass(frozen=True, slots=True)
class Observation:
    """What one row says.

    Attributes:
        source: the picture or the camera.
        sightings: vehicles and plates.
        stream: what tracks are counted in: the camera, "" for pictures.
        row_id: of a row of `lipiyana watch`, else "".
        time: as in the row, "" for pictures.
        ended: the row is of a track that has ended; nothing follows about it.
    """

    source: str
    sightings: tuple[Sighting, ...]
    stream: str = ""
    row_id: str = ""
    time: str = ""
    ended: bool = False


def observation_of_line(line: bytes | str) -> Observation:
    """Convert a row. A picture with an error has no sightings.

    Raises:
        ValueError: it is no row of `lipiyana read` or `lipiyana watch`.
    """
    try:
        row = parse_json(line)
    except ValueError:
        raise _no_row("it is not JSON") from None
    if not isinstance(row, dict):
        raise _no_row("it is not an object")
    try:
        return observation_of_row(row)
    except KeyError as error:
        raise _no_row(f"it has no `{shown(str(error.args[0]))}`") from None
    except (
        # SystemError: protobuf's for half of a surrogate pair
        ArithmeticError, AttributeError, LipiyanaError, LookupError, ParseError, SystemError,
        TypeError, ValueError,
    ) as error:  # fmt: skip
        told = isinstance(error, _RowError)
        raise _no_row(str(error) if told else "a value in it is not what it should be") from None


class _RowError(ValueError):
    """A fault that has a message for people."""


def _no_row(why: str) -> ValueError:
    return ValueError(f"not a row of `lipiyana read` or `lipiyana watch`: {why}")


def observation_of_row(row: Mapping[str, Any]) -> Observation:
    """Convert a row that was parsed; raises what its faults raise."""
    match row.get("kind"):
        case "track":
            return _of_track(row)
        case "frame":
            return _of_frame(row)
        case None if "error" in row:
            return Observation(str(row["path"]), ())
        case None:
            message = ParseDict(row["recognition"], pb.Recognition(), ignore_unknown_fields=True)
            return Observation(str(row["path"]), sightings(recognition_from_proto(message)))
        case kind:
            raise _RowError(f"its kind is unknown: {shown(str(kind)[:40])}")


def sightings(recognition: Recognition) -> tuple[Sighting, ...]:
    """Return the plates with a registration, valid or doubtful."""
    return tuple(
        _of_plate(recognition, plate)
        for plate in recognition.plates
        if plate.registration.canonical
    )


def _of_plate(recognition: Recognition, plate: Plate) -> Sighting:
    vehicle = None
    if plate.vehicle_index is not None:
        vehicle = recognition.vehicles[plate.vehicle_index]
    box = plate.box
    middle = Place(
        None,
        (box.x_min + box.x_max) / 2 / recognition.image_width,
        (box.y_min + box.y_max) / 2 / recognition.image_height,
    )
    read = plate.registration
    return Sighting(
        registration=read.canonical if read.valid else "",
        doubtful="" if read.valid else read.canonical,
        category=read.category if read.valid else None,
        conflict=read.valid and plate.category_conflict,
        confidence=plate.confidence,
        places=(middle,),
        vehicle="" if vehicle is None else vehicle.label,
        track=None if vehicle is None else vehicle.track_id,
    )


def _of_track(row: Mapping[str, Any]) -> Observation:
    source, first = str(row["source"]), _seconds(row["first_seen"])
    places = tuple(_middle(first + float(after), box) for after, *box in row["path"])
    if not places:
        raise _RowError("its `path` is empty")
    seen = _of_vehicle(row, places, {str(k): float(v) for k, v in row["seconds_in"].items()})
    last_seen = str(row["last_seen"])
    _seconds(last_seen)
    return Observation(source, (seen,), source, str(row["id"]), last_seen, ended=True)


def _of_frame(row: Mapping[str, Any]) -> Observation:
    source, seconds = str(row["source"]), _seconds(row["seen"])
    found = tuple(
        _of_vehicle(vehicle, (_middle(seconds, vehicle["box"]),), {}) for vehicle in row["vehicles"]
    )
    return Observation(source, found, source, str(row["id"]), str(row["seen"]))


def _of_vehicle(
    row: Mapping[str, Any], places: tuple[Place, ...], seconds_in: Mapping[str, float]
) -> Sighting:
    """Convert a vehicle of either kind of row of `watch`."""
    given = row["registration"]
    read = given if given is not None and given["valid"] else None
    return Sighting(
        registration="" if read is None else str(read["canonical"]),
        doubtful="" if given is None or read is not None else str(given["canonical"]),
        category=Category(read["category"]) if read and read["category"] else None,
        conflict=bool(read and read["category_conflict"]),
        confidence=float(given["confidence"]) if given else 0.0,
        places=places,
        vehicle=str(row["label"]),
        track=int(row["track"]),
        seconds_in=seconds_in,
    )


def _middle(seconds: float, box: list[Any]) -> Place:
    x_min, y_min, x_max, y_max = map(float, box)
    return Place(seconds, (x_min + x_max) / 2, (y_min + y_max) / 2)


def _seconds(time: Any) -> float:
    return datetime.fromisoformat(str(time)).timestamp()
