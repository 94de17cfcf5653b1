from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lipiyana.annotation import draw, marks
from lipiyana.annotation.colours import contrast, ink_on, of_vehicle
from lipiyana.annotation.settings import DRAWING
from lipiyana.types import Box, Plate, Recognition, Registration, TextLine, Vehicle
from lipiyana.vehicles.taxonomy import TAXONOMY

PLATE_COLOUR, TEXT_COLOUR, VEHICLE_COLOUR = DRAWING.plate, DRAWING.text, of_vehicle("bus")
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
    assert (drawn[62:89, 42:199] == 200).all()


def test_a_label_without_room_above_goes_below() -> None:
    line = TextLine("abc", "Latn", 0.9, ((40.0, 2.0), (200.0, 2.0), (200.0, 30.0), (40.0, 30.0)))
    drawn = draw(blank(), Recognition(320, 240, text_lines=(line,)))
    assert has(drawn[32:60], TEXT_COLOUR)
    assert (drawn[4:29, 42:199] == 200).all()


def test_labels_hide_no_plate_no_text_and_no_label() -> None:
    vehicle = Vehicle("bus", 0.9, Box(30, 40, 290, 200))
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
        assert painted[0] > 0.9 * painted[1]  # outlines cross


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


def test_a_script_without_a_font_is_labelled_in_latin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "can_draw", str.isascii)
    unread = TextLine("बस", "Deva", 0.9, POLYGON)
    romanized = TextLine("बस", "Deva", 0.9, POLYGON, romanized="basa")
    in_latin = TextLine("basa", "Latn", 0.9, POLYGON)
    in_code = TextLine("[Deva]", "Latn", 0.9, POLYGON)
    for line, same in ((romanized, in_latin), (unread, in_code)):
        drawn = draw(blank(), Recognition(320, 240, text_lines=(line,)))
        expected = draw(blank(), Recognition(320, 240, text_lines=(same,)))
        assert (drawn == expected).all()


def test_a_vehicle_has_the_colour_of_its_class() -> None:
    for entry in TAXONOMY:
        drawn = draw(blank(), Recognition(320, 240, vehicles=(Vehicle(entry.name, 0.9, BOX),)))
        assert has(drawn, tuple(bytes.fromhex(entry.colour[1:])))
    assert of_vehicle("snow_groomer") == of_vehicle("snow_groomer")


def test_labels_are_legible_on_their_grounds() -> None:
    grounds = [of_vehicle(entry.name) for entry in TAXONOMY] + [PLATE_COLOUR, TEXT_COLOUR]
    assert all(contrast(ground, ink_on(ground)) >= 4.5 for ground in grounds)
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_any_ground_has_a_legible_ink(ground: tuple[int, int, int]) -> None:
    assert contrast(ground, ink_on(ground)) >= 4.5


def test_what_has_no_room_stands_in_a_legend() -> None:
    full = Recognition(320, 240, plates=(Plate("KA 01 AB 1234", 0.9, Box(0, 0, 319, 239)),))
    drawn = draw(blank(), full)
    assert drawn.shape[0] > 240
    assert has(drawn[240:], PLATE_COLOUR)
    assert (drawn[4:236, 4:316] == 200).all()
    assert draw(blank(), full, legend=False).shape == (240, 320, 3)


def test_numbers_stand_for_labels_with_little_room() -> None:
    # lines that leave strips of 20 pixels at the sides: wide enough for a number
    lines = tuple(
        TextLine(
            f"line number {i}",
            "Latn",
            0.9,
            ((20.0, y), (299.0, y), (299.0, y + 17), (20.0, y + 17)),
        )
        for i, y in enumerate(range(2, 238, 18))
    )
    drawn = draw(blank(), Recognition(320, 240, text_lines=lines))
    assert drawn.shape[0] > 240
    assert has(drawn[:240, :18], TEXT_COLOUR)
    assert draw(blank(), Recognition(320, 240, text_lines=lines), legend=False).shape[0] == 240


def test_a_legend_is_no_higher_than_its_picture() -> None:
    boxes = [Box(x, y, x + 3, y + 3) for x in range(0, 320, 8) for y in range(0, 80, 8)]
    plates = tuple(Plate(f"KA01AB{i:04}", 0.9, box) for i, box in enumerate(boxes))
    drawn = draw(blank(80), Recognition(320, 80, plates=plates))
    assert 80 < drawn.shape[0] <= 80 + 80 + 10


def test_a_long_label_is_cut_at_a_whole_letter() -> None:
    line = TextLine("क्षत्रिय " * 40, "Deva", 0.9, POLYGON)
    drawn = draw(blank(), Recognition(320, 240, text_lines=(line,)))
    assert drawn.shape == (240, 320, 3)
    assert has(drawn, TEXT_COLOUR)


anything = st.floats(allow_nan=True, allow_infinity=True) | st.floats(-50, 400)
texts = st.text(max_size=30)
odd_lines = st.builds(
    TextLine, texts, st.just("Deva"), anything, st.tuples(*[st.tuples(anything, anything)] * 4)
)
odd_boxes = st.builds(Box, anything, anything, anything, anything)
odd_vehicles = st.builds(Vehicle, texts, anything, odd_boxes, st.none() | st.integers())
odd_plates = st.builds(Plate, texts, anything, odd_boxes)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([(1, 1), (1, 300), (300, 1), (9, 14), (120, 160)]),
    st.lists(odd_vehicles, max_size=6),
    st.lists(odd_plates, max_size=6),
    st.lists(odd_lines, max_size=6),
)
@example((9, 14), [Vehicle("", 1.8e306, Box(0, 0, 0, 0))], [], [])
def test_odd_results_are_drawn(
    shape: tuple[int, int],
    vehicles: list[Vehicle],
    plates: list[Plate],
    lines: list[TextLine],
) -> None:
    found = Recognition(shape[1], shape[0], tuple(vehicles), tuple(plates), tuple(lines))
    drawn = draw(blank(*shape), found)
    assert drawn.shape[1] == shape[1]
    assert shape[0] <= drawn.shape[0] <= 2 * shape[0] + 40
    assert (draw(blank(*shape), found) == drawn).all()
    assert draw(blank(*shape), found, legend=False).shape[:2] == shape
