from __future__ import annotations

import numpy as np
import pytest

from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.registrations import parse
from lipiyana.ocr.scripts.label_order import to_labels
from lipiyana.ocr.training.plates.lines import PlateRows, as_read, rendered_rows
from lipiyana.rendering.contents.plate_texts import random_registration
from lipiyana.rendering.fonts.families import FontLibrary


@pytest.fixture
def library(font_library: FontLibrary) -> FontLibrary:
    return font_library


def test_the_charset_spells_every_registration() -> None:
    charset, rng = Charset.load(), np.random.default_rng(0)
    for _ in range(300):
        for row in random_registration(rng).rows:
            assert charset.covers(to_labels(as_read(row))), row


@pytest.mark.parametrize(
    ("painted", "read"),
    [
        ("KA 03-AB.1234", "KA03AB1234"),
        ("GJ·15·CG", "GJ15CG"),
        ("↑07 D", "07D"),
        ("mh12 ab", "MH12AB"),
        ("को.३५प", "को.३५प"),
        ("১১-৫৯৫৪", "১১-৫৯৫৪"),
        ("ঢাকা মেট্রো-গ", "ঢাকা মেট্রো-গ"),
    ],
)
def test_english_letters_stand_alone_and_others_as_painted(painted: str, read: str) -> None:
    assert as_read(painted) == read


def test_rendered_rows_are_pictures_of_what_parses(library: FontLibrary) -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        rows = list(rendered_rows(rng, library))
        assert parse([text for _, text in rows]).valid
        for image, _ in rows:
            assert image.ndim == 3
            assert image.shape[2] == 3
            assert image.dtype == np.uint8


def test_both_rows_come_from_one_plate(library: FontLibrary) -> None:
    rng = np.random.default_rng(5)
    plate = random_registration(rng, rows=2)
    rows = list(rendered_rows(rng, library, plate))
    assert [text for _, text in rows] == [as_read(row) for row in plate.rows]


def test_real_rows_have_the_requested_share(library: FontLibrary) -> None:
    image = np.zeros((9, 40, 3), np.uint8)  # the smallest possible picture
    real = ((image, "KA03"), (image, "AB1234"))
    rows = PlateRows(real, np.array([0.5, 0.5]), 1.0).lines(np.random.default_rng(0), library)
    drawn = [next(rows) for _ in range(40)]
    assert all(is_real for _, _, is_real in drawn)
    assert {text for _, text, _ in drawn} == {"KA03", "AB1234"}


def test_without_crops_all_rows_are_rendered(library: FontLibrary) -> None:
    rows = PlateRows.load(None, None, 0.5).lines(np.random.default_rng(0), library)
    assert not any(is_real for _, _, is_real in (next(rows) for _ in range(5)))
