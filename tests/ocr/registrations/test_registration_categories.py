"""Formats and colours together: whom a registration belongs to, and when they disagree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.ocr.registrations import categorize, parse
from lipiyana.scene.vehicle_plates import conflicts
from lipiyana.types import Category, PlateColour, Registration, RegistrationFormat
from lipiyana.vehicles.taxonomy import CLASSES

C, K = Category, PlateColour


@pytest.mark.parametrize(
    ("text", "colour", "category"),
    [
        ("KA01AB1234", K.BLACK_ON_WHITE, C.PRIVATE),
        ("KA01AB1234", K.BLACK_ON_YELLOW, C.TRANSPORT),
        ("KA01AB1234", K.YELLOW_ON_BLACK, C.RENTAL),
        ("KA01AB1234", K.WHITE_ON_GREEN, C.ELECTRIC_PRIVATE),
        ("KA01AB1234", K.YELLOW_ON_GREEN, C.ELECTRIC_TRANSPORT),
        ("KA01AB1234", K.BLACK_ON_GREEN, C.ELECTRIC_RENTAL),
        ("DL3CAY2231", K.BLACK_ON_WHITE, C.PRIVATE),
        ("DL3CAY2231", K.WHITE_ON_GREEN, C.ELECTRIC_PRIVATE),
        ("DL1RTA4567", K.BLACK_ON_YELLOW, C.TRANSPORT),
        ("DL1RTA4567", K.YELLOW_ON_GREEN, C.ELECTRIC_TRANSPORT),
        ("DL7EA3434", K.YELLOW_ON_GREEN, C.ELECTRIC_TRANSPORT),
        ("22BH6517A", K.BLACK_ON_WHITE, C.PRIVATE),
        ("22BH6517A", K.WHITE_ON_GREEN, C.ELECTRIC_PRIVATE),
        ("T0521KA1234AB", K.RED_ON_YELLOW, C.TEMPORARY),
        ("KA01A1234TC0042", K.WHITE_ON_RED, C.TRADE),
        ("77CD12", K.WHITE_ON_BLUE, C.DIPLOMATIC),
        ("14UN3", K.WHITE_ON_BLUE, C.DIPLOMATIC),
        ("23CC4", K.YELLOW_ON_BLUE, C.CONSULAR),
        ("03D153874W", K.WHITE_ON_BLACK, C.MILITARY),
        ("MHVAAB1234", K.BLACK_ON_WHITE, C.VINTAGE),
        ("MMC8259", K.WHITE_ON_BLACK, C.PRIVATE),
        ("MMC8259", K.BLACK_ON_YELLOW, C.TRANSPORT),
        ("बा१२च३४५६", K.WHITE_ON_RED, C.PRIVATE),
        ("बा२ख१२०५", K.WHITE_ON_BLACK, C.TRANSPORT),
        ("लु१झ३२१", K.RED_ON_WHITE, C.GOVERNMENT),
        ("ঢাকামেট্রোগ১১৫৯৫৪", K.BLACK_ON_WHITE, C.PRIVATE),
        ("চট্টমেট্রোথ১২২২৩৪", K.BLACK_ON_GREEN, C.TRANSPORT),
    ],
)
def test_every_row_of_the_table(text: str, colour: PlateColour, category: Category) -> None:
    found = categorize(parse(text), colour)
    assert found.registration.category is category
    assert not found.conflict
    assert found.registration.canonical == parse(text).canonical


@pytest.mark.parametrize(
    ("text", "colour", "category"),
    [
        ("22BH6517A", K.BLACK_ON_YELLOW, C.PRIVATE),
        ("DL3CAY2231", K.BLACK_ON_YELLOW, C.PRIVATE),
        ("DL1RTA4567", K.BLACK_ON_WHITE, C.TRANSPORT),
        ("77CD12", K.BLACK_ON_WHITE, C.DIPLOMATIC),
        ("03D153874W", K.BLACK_ON_WHITE, C.MILITARY),
        ("KA01AB1234", K.WHITE_ON_BLUE, None),
        ("बा१२च३४५६", K.WHITE_ON_BLACK, C.PRIVATE),
        ("ঢাকামেট্রোগ১১৫৯৫৪", K.WHITE_ON_GREEN, C.PRIVATE),
    ],
)
def test_a_contradiction_is_reported(
    text: str, colour: PlateColour, category: Category | None
) -> None:
    found = categorize(parse(text), colour)
    assert found.conflict
    assert found.registration.category is category


def test_red_on_yellow_tells_a_temporary_plate_from_a_taxi_s_series() -> None:
    read = parse("RJ14TC1234", [[0.9] * 10])
    assert read.format is RegistrationFormat.STANDARD
    assert categorize(read, K.BLACK_ON_YELLOW).registration.category is C.TRANSPORT
    settled = categorize(read, K.RED_ON_YELLOW).registration
    assert settled.format is RegistrationFormat.TEMPORARY
    assert settled.category is C.TEMPORARY
    assert settled.character_confidences == read.character_confidences


def test_unknown_colours_change_nothing() -> None:
    for text in ("KA01AB1234", "22BH6517A", "BAKERY"):
        found = categorize(parse(text), None)
        assert (found.registration, found.conflict) == (parse(text), False)


def test_classes_whose_colours_are_not_known_do_not_conflict() -> None:
    assert not categorize(parse("बा१य२२"), K.BLACK_ON_WHITE).conflict
    assert not categorize(parse("বগুড়াট১১০৪৫০"), K.WHITE_ON_BLUE).conflict


@given(st.sampled_from(list(PlateColour)))
def test_texts_without_a_registration_have_no_category(colour: PlateColour) -> None:
    found = categorize(Registration(alternatives=("KA01AB1234",)), colour)
    assert found.registration == Registration(alternatives=("KA01AB1234",))
    assert not found.conflict


@pytest.mark.parametrize("label", ["auto_rickshaw", "e_rickshaw", "truck", "bus", "tempo"])
def test_vehicles_for_hire_are_not_private(label: str) -> None:
    assert label in CLASSES
    assert conflicts(C.PRIVATE, label)
    assert conflicts(C.ELECTRIC_PRIVATE, label)
    assert not conflicts(C.TRANSPORT, label)
    assert not conflicts(C.MILITARY, label)
    assert not conflicts(None, label)
    assert not conflicts(C.PRIVATE, label, country="BD")


def test_cars_may_be_anything_and_unknown_labels_too() -> None:
    for category in Category:
        assert not conflicts(category, "car")
        assert not conflicts(category, "combine_harvester")


def test_white_on_red_tells_a_zone_of_nepal_from_a_state_of_india() -> None:
    registration = parse("KA 12 PA 3456")
    assert registration.country == "IN"
    found = categorize(registration, PlateColour.WHITE_ON_RED)
    assert not found.conflict
    assert (found.registration.country, found.registration.region_name) == ("NP", "Karnali")
    assert found.registration.category is Category.PRIVATE
    assert categorize(registration, PlateColour.BLACK_ON_WHITE).registration.country == "IN"
