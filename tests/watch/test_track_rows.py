"""Rows of tracks: from recognitions of single frames, with the project's tracker and votes."""

from __future__ import annotations

import dataclasses
import json
import re

import numpy as np
import pytest

from lipiyana.events.crops import Crop
from lipiyana.types import (
    Box,
    Category,
    Plate,
    Recognition,
    Registration,
    RegistrationFormat,
    TextLine,
    Vehicle,
)
from lipiyana.watch.directions import Direction, direction_of
from lipiyana.watch.inputs.frames import CameraFrame, StillPicture
from lipiyana.watch.passage import Row, time_text
from lipiyana.watch.regions import RegionMap, Regions
from lipiyana.watch.track_log import TrackLog

START = 1_796_040_000.0
EMPTY = StillPicture(np.zeros((1, 1, 3), np.uint8))
RIGHT_HALF = Regions(regions={"right": [(0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)]})


def frame(number: int, rate: float = 10.0) -> CameraFrame:
    return CameraFrame(number, number / rate, START + number / rate, EMPTY)


def plate(
    canonical: str, box: Box, *, confidence: float = 0.9, vehicle: int | None = None,
    category: Category = Category.PRIVATE, conflict: bool = False, valid: bool = True,
) -> Plate:  # fmt: skip
    registration = Registration(
        canonical=canonical,
        valid=valid,
        format=RegistrationFormat.STANDARD if canonical else None,
        country="IN",
        region_name="Karnataka",
        category=category,
        character_confidences=(0.95,) * len(canonical),
    )
    return Plate(
        canonical or "UNREAD", confidence, box, registration=registration,
        category_conflict=conflict, vehicle_index=vehicle,
    )  # fmt: skip


def car(
    x: float, canonical: str | None = "KA01AB1234", *, text: str | None = None, **of_plate: object
) -> Recognition:
    """A car 200 pixels wide in a picture of 1000x500, with its plate and a text on its door."""
    box = Box(x, 200, x + 200, 400)
    at = Box(x + 60, 350, x + 140, 380)
    plates = () if canonical is None else (plate(canonical, at, vehicle=0, **of_plate),)  # type: ignore[arg-type]
    vehicle = Vehicle("car", 0.8, box, plate_indices=(0,) if plates else ())
    lines = ()
    if text is not None:
        corners = ((x + 50, 250), (x + 150, 250), (x + 150, 270), (x + 50, 270))
        lines = (TextLine(text, "Latn", 0.9, corners),)
    return Recognition(1000, 500, (vehicle,), plates, lines)


NOTHING = Recognition(1000, 500)


def rows_of(log: TrackLog, founds: list[Recognition], rate: float = 10.0) -> list[Row]:
    rows = []
    for number, found in enumerate(founds):
        rows += log.see(frame(number, rate), found)
    return rows + log.end_all()


def test_a_track_that_ends_is_one_row_with_all_its_keys() -> None:
    log = TrackLog("gate", RegionMap(RIGHT_HALF))
    passing = [car(20 * number, text="HORN OK") for number in range(30)]
    (row,) = rows_of(log, passing + [NOTHING] * 40)
    assert json.loads(json.dumps(row)) == row
    path = row.pop("path")
    assert row == {
        "kind": "track",
        "id": "gate-1796040000000-1",
        "source": "gate",
        "track": 1,
        "label": "car",
        "confidence": 0.8,
        "registration": {
            "canonical": "KA01AB1234",
            "text": "KA01AB1234",
            "format": "standard",
            "region": "Karnataka",
            "category": "private",
            "valid": True,
            "confidence": 0.9,
            "readings": 30,
            "category_conflict": False,
        },
        "text": ["HORN OK"],
        "first_seen": "2026-11-30T12:00:00.000Z",
        "last_seen": "2026-11-30T12:00:02.900Z",
        "frames": 30,
        "direction": "right",
        # its middle crosses the line in frame 20
        "seconds_in": {"right": pytest.approx(0.9)},
    }
    assert len(path) <= 20
    assert path[0] == [0.0, 0.0, 0.4, 0.2, 0.8]
    assert path[-1] == [2.9, 0.58, 0.4, 0.78, 0.8]
    assert path == sorted(path)


def test_a_row_comes_when_the_tracker_has_forgotten_not_at_the_end() -> None:
    log = TrackLog("gate")
    for number in range(5):
        assert not log.see(frame(number), car(100 + number))
    ended = [log.see(frame(number), NOTHING) for number in range(5, 60)]
    assert [len(rows) for rows in ended].count(1) == 1
    assert log.is_empty
    assert log.end_all() == []


def test_a_misreading_does_not_win_and_categories_are_voted_on() -> None:
    founds = [car(100 + number, confidence=0.8) for number in range(6)]
    founds[0] = car(100, "KA01AB1284", confidence=0.99)
    founds[3] = car(103, category=Category.TRANSPORT, conflict=True, confidence=0.85)
    (row,) = rows_of(TrackLog("gate"), founds)
    assert row["registration"]["canonical"] == "KA01AB1234"
    assert row["registration"]["category"] == "private"
    assert row["registration"]["category_conflict"] is False


def test_a_valid_registration_comes_before_a_doubtful_one() -> None:
    founds = [car(100 + n, "MH12DE1433", valid=False, confidence=0.99) for n in range(6)]
    founds += [car(106, "TN09BC0001", confidence=0.7), car(107, "TN09BC0001", confidence=0.7)]
    (row,) = rows_of(TrackLog("gate"), founds)
    assert row["registration"]["canonical"] == "TN09BC0001"
    assert row["registration"]["readings"] == 2


def test_a_plate_that_fits_no_format_is_a_text() -> None:
    (row,) = rows_of(TrackLog("gate"), [car(100 + number, "") for number in range(3)])
    assert row["registration"] is None
    assert row["text"] == ["UNREAD"]


def test_frames_without_motion_count_as_seen_but_not_as_read() -> None:
    log = TrackLog("gate")
    found = car(100)
    log.see(frame(0), found)
    for number in range(1, 600):
        assert not log.see(frame(number), found, read=False)
    (row,) = log.end_all()
    assert row["frames"] == 600
    assert row["registration"]["readings"] == 1
    assert row["direction"] == "still"
    assert row["last_seen"] == "2026-11-30T12:00:59.900Z"
    assert len(row["path"]) <= 20


def test_a_plate_alone_is_a_track_and_becomes_its_vehicle_later() -> None:
    alone = [
        Recognition(1000, 500, plates=(plate("KA01AB1234", Box(160 + n, 350, 240 + n, 380)),))
        for n in range(4)
    ]
    (row,) = rows_of(TrackLog("gate"), alone)
    assert row["label"] == "plate"
    assert row["registration"]["readings"] == 4
    (row,) = rows_of(TrackLog("gate"), [*alone, *(car(104 + n) for n in range(4))])
    assert row["label"] == "car"
    assert row["registration"]["readings"] == 8
    assert row["frames"] == 8
    assert row["first_seen"] == "2026-11-30T12:00:00.000Z"
    assert row["path"][0][1:] == [0.104, 0.4, 0.304, 0.8]  # of the car


def test_a_frame_that_misses_the_vehicle_but_not_its_plate_is_counted() -> None:
    founds = [car(100 + number) for number in range(6)]
    alone = dataclasses.replace(founds[3].plates[0], vehicle_index=None)
    founds[3] = dataclasses.replace(founds[3], vehicles=(), plates=(alone,))
    (row,) = rows_of(TrackLog("gate"), founds)
    assert (row["label"], row["frames"], row["registration"]["readings"]) == ("car", 6, 6)


def test_a_gap_and_another_size_end_all_tracks() -> None:
    log = TrackLog("gate")
    log.see(frame(0), car(100))
    (row,) = log.see(frame(100), car(100))
    assert row["track"] == 1
    larger = dataclasses.replace(car(100), image_width=2000, image_height=1000)
    (row,) = log.see(frame(101), larger)
    assert row["track"] == 2
    assert row["id"] == "gate-1796040010000-2"
    (row,) = log.end_all()
    assert row["track"] == 3


def test_rates_of_frames_do_not_lose_a_vehicle() -> None:
    for rate in (2.0, 5.0, 25.0, 60.0):
        founds = [car(100 + 50 * number / rate) for number in range(round(4 * rate))]
        assert len(rows_of(TrackLog("gate"), founds, rate)) == 1


def test_two_vehicles_are_two_rows_in_order() -> None:
    both = [
        Recognition(1000, 500, (*car(50 + n, None).vehicles, *car(700 - n, None).vehicles))
        for n in range(5)
    ]
    rows = rows_of(TrackLog("gate"), both)
    assert [row["track"] for row in rows] == [1, 2]
    assert all(row["registration"] is None for row in rows)


def test_a_row_of_a_frame() -> None:
    log = TrackLog("gate")
    log.see(frame(3), car(100, text="HORN OK"))
    row = log.frame_row(frame(3))
    assert json.loads(json.dumps(row)) == row
    assert row == {
        "kind": "frame",
        "id": "gate-1796040000300-f3",
        "source": "gate",
        "seen": "2026-11-30T12:00:00.300Z",
        "vehicles": [
            {
                "track": 1,
                "label": "car",
                "confidence": 0.8,
                "box": [0.1, 0.4, 0.3, 0.8],
                "registration": {
                    "canonical": "KA01AB1234",
                    "text": "KA01AB1234",
                    "format": "standard",
                    "region": "Karnataka",
                    "category": "private",
                    "valid": True,
                    "confidence": 0.9,
                    "readings": 1,
                    "category_conflict": False,
                },
            }
        ],
        "text": ["HORN OK"],
    }


def test_what_is_counted_of_one_track_has_a_bound() -> None:
    log = TrackLog("gate")
    for number in range(300):
        letters = f"{chr(65 + number % 26)}{chr(65 + number // 26)}"
        log.see(frame(number), car(100, f"KA01{letters}{number:04d}", text=f"TEXT {number}"))
    (row,) = log.end_all()
    assert len(row["text"]) == 10
    assert len(row["path"]) <= 20


def box(x: float, y: float, width: float = 0.2, height: float = 0.2) -> Box:
    return Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([box(0.3, 0.5), box(0.7, 0.52)], Direction.RIGHT),
        ([box(0.7, 0.5), box(0.3, 0.52)], Direction.LEFT),
        ([box(0.5, 0.7), box(0.52, 0.3)], Direction.UP),
        ([box(0.5, 0.3), box(0.52, 0.7)], Direction.DOWN),
        ([box(0.5, 0.5)], Direction.STILL),
        ([box(0.5, 0.5), box(0.52, 0.51), box(0.5, 0.5)], Direction.STILL),
        ([box(0.5, 0.4, 0.1, 0.1), box(0.5, 0.5, 0.3, 0.3)], Direction.TOWARD),
        ([box(0.5, 0.5, 0.3, 0.3), box(0.5, 0.4, 0.1, 0.1)], Direction.AWAY),
        # it comes in at the left edge, and grows only since less of it is cut off
        ([Box(0, 0.4, 0.05, 0.6), Box(0, 0.4, 0.2, 0.6), Box(0.3, 0.4, 0.5, 0.6)], Direction.RIGHT),
        ([Box(0, 0.4, 0.05, 0.6), Box(0, 0.4, 0.5, 0.6)], Direction.RIGHT),
    ],
)
def test_directions(boxes: list[Box], expected: Direction) -> None:
    assert direction_of(boxes) is expected


def test_times_are_utc_to_the_millisecond() -> None:
    assert time_text(START) == "2026-11-30T12:00:00.000Z"
    assert time_text(START + 0.9996) == "2026-11-30T12:00:01.000Z"
    assert re.fullmatch(r"[-0-9]{10}T[0-9:]{8}\.[0-9]{3}Z", time_text(0.1))


def cropped(founds: list[Recognition]) -> list[list[tuple[str, int]]]:
    """Kinds of the crops of each row, and the number of the frame that they were cut from."""
    log = TrackLog("gate", has_crops=True)
    rows = []
    for number, found in enumerate(founds):

        def cut(shown: Recognition, number: int = number) -> list[Crop]:
            assert not shown.vehicles
            kinds = ["plate"] * len(shown.plates) + ["text"] * len(shown.text_lines)
            return [Crop(kind, 0, (number, 0, 1, 1), b"webp") for kind in kinds]

        rows += log.see(frame(number), found, cut=cut)
    return [
        [(crop["kind"], crop["box"][0]) for crop in row["crops"]] for row in rows + log.end_all()
    ]


def test_crops_are_of_the_frame_that_shows_the_registration_best() -> None:
    founds = [
        car(100, text="SCHOOL VAN"),
        car(110, confidence=0.95, text="SCHOOL VAN"),
        car(120, confidence=0.94),
        car(130, "MH12XY9876", confidence=0.99, valid=False),
        car(140),
    ]
    assert cropped(founds) == [[("plate", 1), ("text", 1)]]


def test_crops_of_a_plate_that_was_not_read_are_of_the_surest_frame() -> None:
    founds = [
        car(100, None, text="SCHOOL VAN"),
        car(110, "", confidence=0.5),
        car(120, "", confidence=0.6, text="SCHOOL VAN"),
        car(130, "", confidence=0.4),
        car(140, None, text="SCHOOL VAN"),
    ]
    assert cropped(founds) == [[("plate", 2), ("text", 2)]]


def test_crops_without_a_plate_are_of_text() -> None:
    founds = [car(100, None), car(110, None, text="SCHOOL VAN"), car(120, None, text="SCHOOL VAN")]
    assert cropped(founds) == [[("text", 1)]]
    assert cropped([car(100, None), car(110, None)]) == [[]]


def test_rows_without_crops_do_not_speak_of_them() -> None:
    (row,) = rows_of(TrackLog("gate"), [car(100), car(110)])
    assert "crops" not in row
