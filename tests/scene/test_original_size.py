from __future__ import annotations

import pytest

from lipiyana.scene.original_size import in_original_pixels, turned_back
from lipiyana.types import Box, Plate, Polygon, Recognition, TextLine, Vehicle, Word

CORNERS: Polygon = ((1, 2), (11, 2), (11, 6), (1, 6))
LINE = TextLine("A1", "Latn", 0.9, CORNERS, words=(Word("A1", 0.9, CORNERS),))
FOUND = Recognition(
    100,
    50,
    vehicles=(Vehicle("car", 0.8, Box(0, 0, 50, 25), plate_indices=(0,)),),
    plates=(Plate("A1", 0.9, Box(1, 2, 11, 6), (LINE,), vehicle_index=0),),
    text_lines=(LINE,),
)


def test_every_place_is_scaled() -> None:
    scaled = in_original_pixels(FOUND, 199, 100)
    x, y = 1.99, 2.0
    polygon = ((x, 2 * y), (11 * x, 2 * y), (11 * x, 6 * y), (x, 6 * y))
    assert (scaled.image_width, scaled.image_height) == (199, 100)
    assert scaled.vehicles[0].box == Box(0, 0, 50 * x, 25 * y)
    assert scaled.plates[0].box == Box(x, 2 * y, 11 * x, 6 * y)
    assert scaled.plates[0].lines[0].polygon == polygon
    assert scaled.text_lines[0].polygon == polygon
    assert scaled.text_lines[0].words[0].polygon == polygon
    assert scaled.plates[0].vehicle_index == 0
    assert scaled.text_lines[0].text == "A1"


def test_a_picture_that_was_not_shrunk_stays_as_it_is() -> None:
    assert in_original_pixels(FOUND, 100, 50) is FOUND


@pytest.mark.parametrize(
    ("degrees", "size", "box", "polygon"),
    [
        (90, (50, 100), Box(2, 89, 6, 99), ((2, 99), (2, 89), (6, 89), (6, 99))),
        (180, (100, 50), Box(89, 44, 99, 48), ((99, 48), (89, 48), (89, 44), (99, 44))),
        (270, (50, 100), Box(44, 1, 48, 11), ((48, 1), (48, 11), (44, 11), (44, 1))),
    ],
)
def test_every_place_is_turned_back(
    degrees: int, size: tuple[int, int], box: Box, polygon: Polygon
) -> None:
    back = turned_back(FOUND, degrees)
    assert (back.image_width, back.image_height) == size
    assert back.rotation_degrees == degrees
    assert back.plates[0].box == box
    assert back.plates[0].lines[0].polygon == polygon
    assert back.text_lines[0].polygon == polygon
    assert back.text_lines[0].words[0].polygon == polygon
    assert back.plates[0].vehicle_index == 0


def test_a_turned_and_shrunk_picture() -> None:
    back = in_original_pixels(turned_back(FOUND, 90), 100, 200)
    assert back.rotation_degrees == 90
    assert back.plates[0].box == Box(4, 178, 12, 198)
