"""Registrations of India.

Sources: S.O.444(E) of 1989 and rules 47, 48, 50 and 51 of the Central Motor Vehicles Rules, with
their later amendments. Colours: S.O.2339(E) of 2020; before 1989, plates of private vehicles were
white on black.
"""

from __future__ import annotations

from collections.abc import Mapping

from lipiyana.ocr.registrations.formats.record import (
    MISSING_DIGIT,
    SELDOM,
    Country,
    Example,
    Format,
    Prior,
    SceneRule,
    Variant,
)
from lipiyana.ocr.registrations.regions import REGION_NAMES
from lipiyana.ocr.registrations.slots import LETTERS, Slot, digits, same
from lipiyana.types import Category, PlateColour, RegistrationFormat

_C = PlateColour

INDIA = Country(
    "IN",
    never_for_transport=frozenset({Category.PRIVATE, Category.ELECTRIC_PRIVATE, Category.VINTAGE}),
)

SERIES_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Letters of a series: all but I and O, which look like digits."""

DELHI_CLASSES = {
    "C": Category.PRIVATE,
    "S": Category.PRIVATE,
    "P": Category.TRANSPORT,
    "R": Category.TRANSPORT,
    "T": Category.TRANSPORT,
    "Y": Category.TRANSPORT,
}
"""Car, two-wheeler, bus, three-wheeler, taxi, hire. V (van, pick-up) and E (electric) are missing:
both private and transport vehicles have them.
"""

COLOURS: Mapping[PlateColour, Category] = {
    _C.BLACK_ON_WHITE: Category.PRIVATE,
    _C.BLACK_ON_YELLOW: Category.TRANSPORT,
    _C.YELLOW_ON_BLACK: Category.RENTAL,
    _C.WHITE_ON_GREEN: Category.ELECTRIC_PRIVATE,
    _C.YELLOW_ON_GREEN: Category.ELECTRIC_TRANSPORT,
    _C.BLACK_ON_GREEN: Category.ELECTRIC_RENTAL,
    _C.RED_ON_YELLOW: Category.TEMPORARY,
    _C.WHITE_ON_RED: Category.TRADE,
    _C.WHITE_ON_BLUE: Category.DIPLOMATIC,
    _C.YELLOW_ON_BLUE: Category.CONSULAR,
    _C.WHITE_ON_BLACK: Category.MILITARY,
}
"""The category that a colour means where the text does not say."""

_PRIVATE = frozenset({Category.PRIVATE, Category.ELECTRIC_PRIVATE})
_TRANSPORT = frozenset(
    {
        Category.TRANSPORT,
        Category.RENTAL,
        Category.ELECTRIC_TRANSPORT,
        Category.ELECTRIC_RENTAL,
    }
)
_FINER: Mapping[Category | None, frozenset[Category]] = {
    None: _PRIVATE | _TRANSPORT,
    Category.PRIVATE: _PRIVATE,
    Category.TRANSPORT: _TRANSPORT,
}
"""For the category of the text (None if it gives none), the categories that a colour may refine it
to."""

_REGION = Slot("region", words=same(*REGION_NAMES))


def _colours(*categories: Category | None) -> dict[Category | None, dict[PlateColour, Category]]:
    """`Format.colours` for the categories that the text of a format may give."""
    return {
        category: {
            colour: shown
            for colour, shown in COLOURS.items()
            if shown in _FINER.get(category, frozenset({category}))
        }
        for category in categories
    }


def _letters(role: str, least: int, most: int | None = None, alphabet: str = LETTERS) -> Slot:
    return Slot(role, alphabet=alphabet, least=least, most=most or least)


def _series(least: int, most: int | None = None) -> Slot:
    return _letters("lot", least, most, SERIES_LETTERS)


def _mark(*words: str) -> Slot:
    return Slot("mark", words=same(*words))


def _number(least: int, most: int | None = None) -> Slot:
    return digits("number", least, most, nonzero=True)


def _district(least: int, most: int | None = None) -> Slot:
    return digits("district", least, most, nonzero=True)


def _mission() -> Slot:
    return digits("mission", 1, 3, nonzero=True)


def _without_series(district: Slot, number: Slot) -> Variant:
    """About 4 % of cars have no series letters. In a scene, a gap may only stand after the
    district: KA 560001 is a postal code.
    """
    return Variant(
        (_REGION, district, number),
        REGION_NAMES,
        prior=Prior(penalty=1.5, missing_digit=1.5 * MISSING_DIGIT),
        looks_like_others=True,
        in_scene=SceneRule(shortest=0, number_length=4, number_apart=True),
    )


def _temporary(*slots: Slot) -> Variant:
    return Variant(slots, REGION_NAMES, Category.TEMPORARY)


def _diplomatic(category: Category, *marks: str) -> Variant:
    """Never accepted in scene text: too many other texts look like it."""
    return Variant(
        (_mission(), _mark(*marks), _number(1, 4)),
        category=category,
        prior=Prior(penalty=SELDOM),
        in_scene=None,
    )


FORMATS: tuple[Format, ...] = (
    Format(
        RegistrationFormat.DELHI,
        INDIA,
        variants=(
            Variant(
                (
                    Slot("region", words=same("DL")),
                    _district(1, 2),
                    Slot("class", words=same(*"CSPRTVYE")),
                    _series(0, 2),
                    _number(4),
                ),
                REGION_NAMES,
                class_categories=DELHI_CLASSES,
            ),
        ),
        examples=(Example(("DL 3C", "AY 2231"), "DL3CAY2231"),),
        colours=_colours(None, Category.PRIVATE, Category.TRANSPORT),
    ),
    Format(
        RegistrationFormat.STANDARD,
        INDIA,
        variants=(
            Variant(
                (_REGION, _district(1, 2), _series(1, 3), _number(1, 4)),
                REGION_NAMES,
                # fewer than 2 % of cars have three series letters
                prior=Prior(missing_digit=MISSING_DIGIT, lot_lengths={3: 2.0}),
            ),
            # Without series letters, at least three digits are needed: MH12 is the upper row of a
            # plate, not a plate.
            _without_series(_district(2), _number(1, 4)),
            _without_series(_district(1), _number(2, 4)),
        ),
        examples=(
            Example(("KA 01 AB", "1234"), "KA01AB1234"),
            Example(("ML 06 8346",), "ML068346"),
            Example(("KA 5", "7725"), "KA57725"),
        ),
        colours=_colours(None),
        upper_row_of_letters=True,
    ),
    Format(
        RegistrationFormat.BHARAT,
        INDIA,
        variants=(
            Variant(
                (digits("year", 2), _mark("BH"), _number(4), _series(1, 2)),
                category=Category.PRIVATE,
            ),
        ),
        examples=(Example(("22 BH 6517 A",), "22BH6517A"),),
        colours=_colours(Category.PRIVATE),
    ),
    Format(
        RegistrationFormat.VINTAGE,
        INDIA,
        variants=(
            Variant((_REGION, _mark("VA"), _series(2), _number(4)), REGION_NAMES, Category.VINTAGE),
        ),
        examples=(Example(("MH VA AB", "1234"), "MHVAAB1234"),),
        colours={Category.VINTAGE: {_C.BLACK_ON_WHITE: Category.VINTAGE}},
    ),
    Format(
        RegistrationFormat.TEMPORARY,
        INDIA,
        variants=(
            _temporary(
                _mark("T"),
                Slot("month", words=same(*(f"{month:02}" for month in range(1, 13)))),
                digits("year", 2),
                _REGION,
                _number(4),
                _series(1, 2),
            ),
            # Older forms. The first looks like a standard registration of the series TC, which
            # some states give to taxis. The standard format is preferred; a plate that is red on
            # yellow is temporary.
            _temporary(_REGION, _district(2), _mark("TC"), _series(0, 1), _number(1, 4)),
            _temporary(_REGION, _district(2), _mark("TC"), _number(1, 4), _series(1)),
            _temporary(
                _REGION, _mark("19", "20"), digits("year", 2), _mark("TR"), _number(4), _series(1)
            ),
        ),
        examples=(
            Example(("T 0521 KA", "1234 AB"), "T0521KA1234AB"),
            Example(("RJ 14 TC", "1234"), "RJ14TC1234", _C.RED_ON_YELLOW),
            Example(("KA 01 TC", "1234 A"), "KA01TC1234A"),
            Example(("KA 2021 TR", "1234 A"), "KA2021TR1234A"),
        ),
        colours=_colours(Category.TEMPORARY),
        colours_decide=True,
    ),
    Format(
        RegistrationFormat.TRADE,
        INDIA,
        variants=(
            # rare, but without a penalty: nothing else ends in TC and four digits
            Variant(
                (
                    _REGION,
                    _district(2),
                    _letters("lot", 1, alphabet="ABCDEFGHIJ"),
                    digits("certificate", 4),
                    _mark("TC"),
                    _number(4),
                ),
                REGION_NAMES,
                Category.TRADE,
            ),
        ),
        examples=(Example(("KA 01 A 1234", "TC 0042"), "KA01A1234TC0042"),),
        colours=_colours(Category.TRADE),
    ),
    Format(
        RegistrationFormat.MILITARY,
        INDIA,
        variants=(
            Variant(
                (digits("year", 2), _letters("lot", 1), _number(4, 6), _letters("check", 1)),
                category=Category.MILITARY,
                prior=Prior(penalty=SELDOM),
                in_scene=SceneRule(shortest=0, number_length=6, repaired=False),
                arrow=True,
            ),
        ),
        examples=(Example(("↑03D 153874W",), "03D153874W"),),
        colours=_colours(Category.MILITARY),
    ),
    Format(
        RegistrationFormat.DIPLOMATIC,
        INDIA,
        variants=(
            _diplomatic(Category.DIPLOMATIC, "CD", "UN"),
            _diplomatic(Category.CONSULAR, "CC"),
        ),
        examples=(
            Example(("77 CD 12",), "77CD12"),
            Example(("14 UN 3",), "14UN3"),
            Example(("23 CC 4",), "23CC4"),
        ),
        colours=_colours(Category.DIPLOMATIC, Category.CONSULAR),
    ),
    # issued before 1989
    Format(
        RegistrationFormat.LEGACY,
        INDIA,
        variants=(
            Variant(
                (_letters("lot", 3), _number(1, 4)),
                repairable=False,
                prior=Prior(penalty=SELDOM, missing_digit=MISSING_DIGIT),
                looks_like_others=True,
                in_scene=None,
            ),
        ),
        examples=(Example(("MMC 8259",), "MMC8259"),),
        colours={
            None: {
                _C.BLACK_ON_WHITE: Category.PRIVATE,
                _C.WHITE_ON_BLACK: Category.PRIVATE,
                _C.BLACK_ON_YELLOW: Category.TRANSPORT,
            }
        },
    ),
)
"""The formats of India; of two that a text fits, the first is preferred."""
