"""The plates of a stream of results, or of the rows of `lipiyana read`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.json_format import ParseDict, ParseError

from lipiyana.errors import LipiyanaError
from lipiyana.recognizer import FrameResult
from lipiyana.types import Category, Plate, Recognition
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.wire.results import recognition_from_proto


@dataclass(frozen=True, slots=True)
class Sighting:
    """One plate in one picture.

    Attributes:
        registration: canonical.
        category: whose plate it is, None if that is not known.
        conflict: its colours and its format contradict each other.
        confidence: of the plate.
        x, y: middle of the plate, as parts of the picture.
        vehicle: label of the vehicle that carries it, "" if none was found.
        track_id: of that vehicle in its stream, None if pictures are not of one.
    """

    registration: str
    category: Category | None
    conflict: bool
    confidence: float
    x: float
    y: float
    vehicle: str
    track_id: int | None


@dataclass(frozen=True, slots=True)
class Result:
    """What was found in one picture; `source` names it."""

    source: str
    sightings: tuple[Sighting, ...]


def results_of_stream(results: Iterable[FrameResult]) -> Iterator[Result]:
    """Convert the results of `recognize_stream`; frames with an error have no sightings."""
    for result in results:
        found = () if isinstance(result.outcome, LipiyanaError) else sightings(result.outcome)
        yield Result(f"frame {result.frame_id}", found)


def results_of_rows(lines: Iterable[str]) -> Iterator[Result]:
    """Convert the JSON Lines of `lipiyana read`; pictures with an error have no sightings.

    Raises:
        ValueError: a line is none of these; the message has its number.
    """
    for number, line in enumerate(lines, start=1):
        try:
            row: dict[str, Any] = json.loads(line)
            found = sightings(_recognition(row["recognition"])) if "error" not in row else ()
            yield Result(str(row["path"]), found)
        except (ValueError, KeyError, TypeError, ParseError, LipiyanaError) as error:
            raise ValueError(
                f"line {number} is not a row of `lipiyana read`: {type(error).__name__}"
            ) from None


def sightings(recognition: Recognition) -> tuple[Sighting, ...]:
    """Return the plates with a valid registration."""
    return tuple(
        _sighting(recognition, plate) for plate in recognition.plates if plate.registration.valid
    )


def _sighting(recognition: Recognition, plate: Plate) -> Sighting:
    vehicle = None
    if plate.vehicle_index is not None:
        vehicle = recognition.vehicles[plate.vehicle_index]
    box = plate.box
    return Sighting(
        registration=plate.registration.canonical,
        category=plate.registration.category,
        conflict=plate.category_conflict,
        confidence=plate.confidence,
        x=(box.x_min + box.x_max) / 2 / recognition.image_width,
        y=(box.y_min + box.y_max) / 2 / recognition.image_height,
        vehicle="" if vehicle is None else vehicle.label,
        track_id=None if vehicle is None else vehicle.track_id,
    )


def _recognition(row: dict[str, Any]) -> Recognition:
    message = ParseDict(row, pb.Recognition(), ignore_unknown_fields=True)
    return recognition_from_proto(message)
