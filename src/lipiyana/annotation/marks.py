"""What is drawn for a result: an outline, a colour and a label for each thing that was found."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lipiyana.annotation import colours
from lipiyana.annotation.geometry import Rectangle, Rectangles, bounds, clip
from lipiyana.annotation.settings import Colour, DrawingSettings
from lipiyana.annotation.text_runs import can_draw
from lipiyana.types import Box, Plate, Point, Recognition, TextLine, Vehicle

Kind = Literal["vehicle", "text", "plate"]


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing that was found.

    Attributes:
        kind: what it is.
        outline: its polygon, cut to the picture and a margin of it.
        label: its text; "" for none.
        colour: of the outline and of the label's ground.
    """

    kind: Kind
    outline: tuple[Point, ...]
    label: str
    colour: Colour


def marks_of(
    recognition: Recognition,
    picture: tuple[int, int],
    margin: int,
    settings: DrawingSettings,
    *,
    romanized: bool = False,
) -> list[Mark]:
    """List the marks in the order in which they are drawn: vehicles, text, plates.

    What lies outside the picture or has no finite place is left out, and so are lines that lie on a
    plate: its label says their text.

    Args:
        recognition: what was found.
        picture: width and height in pixels.
        margin: pixels around the picture to which outlines go on, so that their cut is not seen.
        settings: tuned constants.
        romanized: whether labels are in Latin letters where the result has them.
    """
    frame = (-margin, -margin, picture[0] - 1 + margin, picture[1] - 1 + margin)
    found: list[Mark] = []
    for mark in _all_marks(recognition, settings, romanized):
        outline = clip(mark.outline, frame)
        if outline and clip(outline, (0, 0, picture[0] - 1, picture[1] - 1)):
            found.append(Mark(mark.kind, outline, mark.label, mark.colour))
    boxes = [bounds(mark.outline) for mark in found if mark.kind == "plate"]
    plates = np.array(boxes, np.int32).reshape(-1, 4)
    return [
        mark
        for mark in found
        if mark.kind != "text" or not _on_a_plate(bounds(mark.outline), plates, settings.on_plate)
    ]


def _all_marks(
    recognition: Recognition, settings: DrawingSettings, romanized: bool
) -> Iterator[Mark]:
    for vehicle in recognition.vehicles:
        colour = colours.of_vehicle(vehicle.label)
        yield Mark("vehicle", _corners(vehicle.box), _vehicle_label(vehicle), colour)
    for line in recognition.text_lines:
        yield Mark("text", line.polygon, _line_label(line, romanized), settings.text)
    for plate in recognition.plates:
        yield Mark("plate", _corners(plate.box), _plate_label(plate, romanized), settings.plate)


def _on_a_plate(line: Rectangle, plates: Rectangles, share: float) -> bool:
    """Say whether most of a line lies on one plate."""
    starts = np.maximum(plates[:, :2], line[:2])
    ends = np.minimum(plates[:, 2:], line[2:])
    shared = (ends - starts).clip(0).prod(axis=1)
    return bool((shared > share * (line[2] - line[0]) * (line[3] - line[1])).any())


def _corners(box: Box) -> tuple[Point, ...]:
    return (
        (box.x_min, box.y_min),
        (box.x_max, box.y_min),
        (box.x_max, box.y_max),
        (box.x_min, box.y_max),
    )


def _vehicle_label(vehicle: Vehicle) -> str:
    track = "" if vehicle.track_id is None else f" #{vehicle.track_id}"
    return f"{vehicle.label.replace('_', ' ')}{track} {_percent(vehicle.confidence)}"


def _percent(share: float) -> str:
    percent = 100 * share + 0.5  # halves go up, as on the page
    return f"{math.floor(percent) if math.isfinite(percent) else percent} %"


def _line_label(line: TextLine, romanized: bool) -> str:
    if romanized and line.romanized:
        return line.romanized
    return line.text if can_draw(line.text) else line.romanized or f"[{line.script}]"


def _plate_label(plate: Plate, romanized: bool) -> str:
    if romanized and plate.registration.romanized:
        return plate.registration.romanized
    if romanized and any(line.romanized for line in plate.lines):
        return " / ".join(_line_label(line, romanized) for line in plate.lines)
    text = plate.registration.canonical or plate.text.replace("\n", " / ")
    if can_draw(text):
        return text
    return plate.registration.romanized or " / ".join(
        _line_label(line, romanized) for line in plate.lines
    )
