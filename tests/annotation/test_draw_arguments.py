"""What `draw` says about arguments of a wrong kind, and its labels in Latin letters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lipiyana.annotation import draw
from lipiyana.errors import InvalidImage, InvalidRequest
from lipiyana.types import Box, Plate, Recognition, Registration, TextLine

PICTURE = np.full((240, 320, 3), 200, np.uint8)
NOTHING = Recognition(320, 240)
POLYGON = ((40.0, 60.0), (200.0, 60.0), (200.0, 90.0), (40.0, 90.0))


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (PICTURE[..., 0], "numpy.stack([image] * 3, axis=-1)"),
        (PICTURE / 255, 'write (array * 255).astype("uint8")'),
        (PICTURE.astype(np.int64), 'array.astype("uint8")'),
        (np.dstack([PICTURE, PICTURE[..., :1]]), "array[..., :3]"),
        (PICTURE[:, :0], "has no pixels"),
        ("street.jpg", 'numpy.asarray(PIL.Image.open(path).convert("RGB"))'),
        (Path("street.jpg"), "not PosixPath"),
        (Image.fromarray(PICTURE).convert("L"), "is grey"),
        (b"jpeg", "not bytes"),
        (None, "not NoneType"),
        (NOTHING, "not Recognition"),
    ],
)
def test_a_picture_of_another_kind_is_refused_with_what_to_write(image: Any, says: str) -> None:
    with pytest.raises(InvalidImage) as raised:
        draw(image, NOTHING)
    assert says in raised.value.message


@pytest.mark.parametrize("found", [None, [NOTHING], InvalidImage("damaged"), {"plates": []}])
def test_what_is_no_result_is_refused(found: Any) -> None:
    with pytest.raises(InvalidRequest, match="a Recognition, not"):
        draw(PICTURE, found)


def test_views_orders_of_memory_and_pillow_do_not_matter() -> None:
    found = Recognition(320, 240, text_lines=(TextLine("KA 01", "Latn", 0.9, POLYGON),))
    expected = draw(PICTURE, found)
    repeated = np.repeat(PICTURE, 2, axis=0)
    sames: list[Any] = [np.asfortranarray(PICTURE), repeated[::2], Image.fromarray(PICTURE)]
    for same in sames:
        assert (draw(same, found) == expected).all()


def test_labels_can_be_in_latin_letters() -> None:
    line = TextLine("\u0939\u093f\u0928\u094d\u0926\u0940", "Deva", 0.9, POLYGON, "hindi")
    latin = TextLine("hindi", "Latn", 0.9, POLYGON)
    box = Box(40, 60, 200, 90)
    number = Registration(canonical="\u092c\u093e 2", romanized="BA 2")
    plate, latin_plate = (
        Plate(text, 0.9, box, registration=Registration(canonical=text, romanized="BA 2"))
        for text in (number.canonical, "BA 2")
    )
    of_lines = Plate(line.text, 0.9, box, lines=(line,))
    for native, letters in (
        (Recognition(320, 240, text_lines=(line,)), Recognition(320, 240, text_lines=(latin,))),
        (Recognition(320, 240, plates=(plate,)), Recognition(320, 240, plates=(latin_plate,))),
        (
            Recognition(320, 240, plates=(of_lines,)),
            Recognition(320, 240, plates=(Plate("hindi", 0.9, box, lines=(latin,)),)),
        ),
    ):
        assert (draw(PICTURE, native, romanized=True) == draw(PICTURE, letters)).all()
