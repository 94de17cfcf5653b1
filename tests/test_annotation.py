from __future__ import annotations

import numpy as np
import pytest

from lipiyana import annotation
from lipiyana.annotation import PLATE_COLOUR, TEXT_COLOUR, VEHICLE_COLOUR, draw
from lipiyana.types import Box, Plate, Recognition, Registration, TextLine, Vehicle

POLYGON = ((40.0, 60.0), (200.0, 60.0), (200.0, 90.0), (40.0, 90.0))
LINE = TextLine("KA 01 AB 1234", "Latn", 0.9, POLYGON)
BOX = Box(40, 60, 200, 90)


def blank(height: int = 240, width: int = 320) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.full((height, width, 3), 200, np.uint8)


def has(image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], colour: object) -> bool:
    return bool((image == colour).all(axis=2).any())


def test_the_picture_of_the_caller_stays_as_it_is() -> None:
    image = blank()
    image.flags.writeable = False
    drawn = draw(image, Recognition(320, 240, text_lines=(LINE,)))
    assert (image == 200).all()
    assert drawn.shape == image.shape
    assert drawn.dtype == np.uint8
    assert drawn.flags.writeable


def test_nothing_found_nothing_drawn() -> None:
    assert (draw(blank(), Recognition(320, 240)) == 200).all()


@pytest.mark.parametrize(
    ("found", "colour"),
    [
        (Recognition(320, 240, vehicles=(Vehicle("bus", 0.9, BOX, track_id=3),)), VEHICLE_COLOUR),
        (Recognition(320, 240, plates=(Plate("KA 01", 0.9, BOX),)), PLATE_COLOUR),
        (Recognition(320, 240, text_lines=(LINE,)), TEXT_COLOUR),
    ],
)
def test_each_kind_has_its_colour(found: Recognition, colour: object) -> None:
    drawn = draw(blank(), found)
    assert (drawn[60, 41:199] == colour).all()
    assert (drawn[90, 41:199] == colour).all()
    # the label stands above and leaves what is inside as it was
    assert has(drawn[30:60], colour)
    assert (drawn[61:90, 41:200] == 200).all()


def test_a_label_without_room_above_goes_below() -> None:
    line = TextLine("abc", "Latn", 0.9, ((40.0, 2.0), (200.0, 2.0), (200.0, 30.0), (40.0, 30.0)))
    drawn = draw(blank(), Recognition(320, 240, text_lines=(line,)))
    assert has(drawn[32:60], TEXT_COLOUR)
    assert (drawn[3:30, 41:200] == 200).all()


def test_labels_hide_no_plate_no_text_and_no_label() -> None:
    vehicle = Vehicle("auto_rickshaw", 0.9, Box(30, 40, 290, 200))
    # where the label of the vehicle would stand
    line = TextLine("abc", "Latn", 0.9, ((30.0, 22.0), (110.0, 22.0), (110.0, 39.0), (30.0, 39.0)))
    plate = Plate("KA 01 AB 1234", 0.9, Box(100, 150, 220, 180))
    found = Recognition(320, 240, (vehicle,), (plate,), (line,))
    drawn = draw(blank(), found)
    assert (drawn[152:178, 102:218] == 200).all()
    assert (drawn[24:38, 34:108] == 200).all()
    for colour, alone in (
        (VEHICLE_COLOUR, Recognition(320, 240, vehicles=(vehicle,))),
        (PLATE_COLOUR, Recognition(320, 240, plates=(plate,))),
        (TEXT_COLOUR, Recognition(320, 240, text_lines=(line,))),
    ):
        painted = [
            (picture == colour).all(axis=2).sum() for picture in (drawn, draw(blank(), alone))
        ]
        assert painted[0] > 0.95 * painted[1]


def test_lines_of_a_plate_are_drawn_once() -> None:
    plate = Plate(
        "KA 01 AB 1234", 0.9, BOX, lines=(LINE,), registration=Registration("KA01AB1234", True)
    )
    drawn = draw(blank(), Recognition(320, 240, plates=(plate,), text_lines=(LINE,)))
    assert has(drawn, PLATE_COLOUR)
    assert not has(drawn, TEXT_COLOUR)


@pytest.mark.parametrize(
    ("x_min", "drawn_too"), [(105.0, False), (90.0, False), (60.0, True), (230.0, True)]
)
def test_a_line_that_was_read_again_on_a_plate_is_not_drawn(x_min: float, drawn_too: bool) -> None:
    plate = Plate("KA 01 AB 1234", 0.9, Box(100, 150, 220, 180))
    x_max = x_min + 80
    polygon = ((x_min, 152.0), (x_max, 152.0), (x_max, 178.0), (x_min, 178.0))
    line = TextLine("KA-01", "Latn", 0.9, polygon)
    drawn = draw(blank(), Recognition(320, 240, plates=(plate,), text_lines=(line,)))
    assert has(drawn, TEXT_COLOUR) == drawn_too


@pytest.mark.parametrize("side", [1, 8, 40])
def test_small_pictures_and_boxes_outside(side: int) -> None:
    vehicle = Vehicle("auto_rickshaw", 0.9, Box(-50, -50, 500, 500))
    drawn = draw(blank(side, side), Recognition(side, side, (vehicle,), text_lines=(LINE,)))
    assert drawn.shape == (side, side, 3)


def test_runs_go_to_the_fonts_of_their_scripts() -> None:
    assert annotation.runs("KA १२ 34") == [("Latn", "KA "), ("Deva", "१२ "), ("Latn", "34")]
    assert annotation.runs("क्\u200dष") == [("Deva", "क्\u200dष")]
    assert annotation.runs("شہر 24") == [("Latn", "24"), ("Arab", "شہر ")]
    assert annotation.runs("") == []


def test_a_script_without_a_font_is_labelled_in_latin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annotation.drawing, "drawable_scripts", lambda: frozenset({"Latn"}))
    unread = TextLine("बस", "Deva", 0.9, POLYGON)
    romanized = TextLine("बस", "Deva", 0.9, POLYGON, romanized="basa")
    in_latin = TextLine("basa", "Latn", 0.9, POLYGON)
    in_code = TextLine("[Deva]", "Latn", 0.9, POLYGON)
    for line, same in ((romanized, in_latin), (unread, in_code)):
        drawn = draw(blank(), Recognition(320, 240, text_lines=(line,)))
        expected = draw(blank(), Recognition(320, 240, text_lines=(same,)))
        assert (drawn == expected).all()
