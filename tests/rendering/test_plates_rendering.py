from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.ocr.registrations import REGION_NAMES, parse
from lipiyana.ocr.scripts.table import script_of
from lipiyana.rendering.contents.plate_texts import INDIC_SCRIPTS, random_registration
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.rendering.plates.painting import paint_plate
from lipiyana.rendering.plates.pictures import render_plate
from lipiyana.rendering.plates.styles import random_style
from lipiyana.rendering.recipe import RenderRecipe
from lipiyana.types import PlateColour, RegistrationFormat

FORMATS = tuple(RegistrationFormat)
ALL_FONTS = RenderRecipe(split="all")
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture
def library(font_library: FontLibrary) -> FontLibrary:
    return font_library


@given(seeds, st.sampled_from(FORMATS), st.sampled_from([1, 2]))
def test_painted_rows_parse_to_the_canonical_form(seed, kind, rows):
    text = random_registration(np.random.default_rng(seed), kind, rows=rows)
    found = parse(text.rows)
    assert (found.canonical, found.format, found.country) == (text.canonical, kind, text.country)
    assert len(text.rows) == (2 if kind is RegistrationFormat.BANGLADESH else rows)


@given(seeds, st.sampled_from(INDIC_SCRIPTS))
def test_indian_plates_in_native_scripts_parse_to_english_letters(seed, script):
    text = random_registration(np.random.default_rng(seed), script=script)
    assert script_of("".join(text.rows)) == script
    assert text.canonical.isascii()
    assert parse(text.rows).canonical == text.canonical


def test_a_colour_can_be_requested_and_an_impossible_one_is_refused():
    rng = np.random.default_rng(0)
    wanted = PlateColour.YELLOW_ON_BLUE
    text = random_registration(rng, RegistrationFormat.DIPLOMATIC, colour=wanted)
    assert text.colour is wanted
    assert "CC" in text.canonical
    with pytest.raises(ValueError, match="white_on_red"):
        random_registration(rng, RegistrationFormat.BHARAT, colour=PlateColour.WHITE_ON_RED)


@pytest.mark.parametrize("kind", [None, RegistrationFormat.NEPAL])
def test_a_script_with_another_format_is_refused(kind):
    script = "Deva" if kind else "Olck"
    with pytest.raises(ValueError, match=script):
        random_registration(np.random.default_rng(0), kind, script=script)


def test_regions_are_balanced():
    rng = np.random.default_rng(0)
    counts = Counter(
        random_registration(rng, RegistrationFormat.STANDARD).canonical[:2] for _ in range(6000)
    )
    assert counts.keys() == REGION_NAMES.keys() - {"DL"}
    assert max(counts.values()) < 2 * min(counts.values())


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("rows", [1, 2])
def test_a_plate_is_a_picture_with_a_quad_for_every_row(library, kind, rows):
    rng = np.random.default_rng(3)
    text = random_registration(rng, kind, rows=rows)
    plate = render_plate(rng, library, text, height=64, recipe=ALL_FONTS)
    assert plate.image.shape[0] == 64
    assert plate.image.dtype == np.uint8
    assert plate.image.std() > 3
    assert plate.quads.shape == (len(text.rows), 4, 2)
    tops = plate.quads[:, :2, 1].mean(axis=1)
    assert (np.diff(tops) > 0).all()
    low, high = plate.outline.min(axis=0) - 6, plate.outline.max(axis=0) + 6
    assert (plate.quads > low).all()
    assert (plate.quads < high).all()
    assert (plate.rows, plate.canonical, plate.colour) == (text.rows, text.canonical, text.colour)


def test_crops_are_at_least_20_pixels_high(library):
    rng = np.random.default_rng(0)
    heights = [render_plate(rng, library, recipe=ALL_FONTS).image.shape[0] for _ in range(40)]
    assert min(heights) >= 20
    assert max(heights) <= 160
    assert render_plate(rng, library, height=20, recipe=ALL_FONTS).image.shape[0] == 20


def test_same_seed_gives_same_plate(library):
    one, other = (render_plate(np.random.default_rng(9), library) for _ in range(2))
    assert one.text == other.text
    assert np.array_equal(one.image, other.image)


@pytest.mark.parametrize(
    ("colour", "darker", "lighter"),
    [
        (PlateColour.BLACK_ON_YELLOW, 2, 0),
        (PlateColour.WHITE_ON_GREEN, 0, 1),
        (PlateColour.WHITE_ON_RED, 2, 0),
        (PlateColour.WHITE_ON_BLUE, 0, 2),
    ],
)
def test_the_ground_has_the_labelled_colour(library, colour, darker, lighter):
    rng = np.random.default_rng(5)
    for _ in range(5):
        text = random_registration(rng, colour=colour)
        style = random_style(rng, text, library, "all")
        flat = paint_plate(rng, text, style, 1.0)
        ground = np.median(flat.image[flat.alpha > 0], axis=0)
        assert ground[darker] + 20 < ground[lighter]


def test_ink_lies_in_the_quads(library):
    rng = np.random.default_rng(6)
    text = random_registration(rng, RegistrationFormat.STANDARD, rows=1, vehicle="car")
    style = random_style(rng, text, library, "all")
    flat = paint_plate(rng, text, style, 2.0)
    (x0, y0), (x1, y1) = flat.rows[0].min(axis=0).astype(int), flat.rows[0].max(axis=0).astype(int)
    row = flat.image[y0:y1, x0:x1].astype(np.float32)
    ink = np.abs(row - style.ink).sum(axis=2) < np.abs(row - style.ground).sum(axis=2)
    assert 0.1 < ink.mean() < 0.8
    assert ink[:, :12].any()
    assert ink[:, -12:].any()
