from __future__ import annotations

from lipiyana.scene.original_size import in_original_pixels
from lipiyana.types import Box, Plate, Recognition, TextLine, Vehicle

LINE = TextLine("A1", "Latn", 0.9, ((1, 2), (11, 2), (11, 6), (1, 6)))
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
    assert scaled.plates[0].vehicle_index == 0
    assert scaled.text_lines[0].text == "A1"


def test_a_picture_that_was_not_shrunk_stays_as_it_is() -> None:
    assert in_original_pixels(FOUND, 100, 50) is FOUND
