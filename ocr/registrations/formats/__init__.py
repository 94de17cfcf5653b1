"""The grammar: every pattern of registrations that is known, in order of preference.

Sources: S.O.444(E) of 1989 and rules 47, 48, 50 and 51 of the Central Motor Vehicles Rules for
India, with their later amendments. Where a string fits several patterns, the first one here
names its format; `Grammar.readings` gives them all.
"""

from __future__ import annotations

from lipiyana.ocr.registrations.formats.bangladesh import BANGLADESH_PATTERNS
from lipiyana.ocr.registrations.formats.nepal import NEPAL_BEFORE_INDIA, NEPAL_PATTERNS
from lipiyana.ocr.registrations.regions import REGION_NAMES
from lipiyana.ocr.registrations.slots import Pattern, Slot, digits, same
from lipiyana.types import Category, RegistrationFormat

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SERIES_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
"""No I and no O: they would look like digits."""

DELHI_CLASSES = {
    "C": Category.PRIVATE,
    "S": Category.PRIVATE,
    "P": Category.TRANSPORT,
    "R": Category.TRANSPORT,
    "T": Category.TRANSPORT,
    "Y": Category.TRANSPORT,
}
"""Car, two-wheeler, bus, three-wheeler, taxi, hire. V (van, pick-up) and E (electric) tell
neither private from transport.
"""

_REGION = Slot("region", words=same(*REGION_NAMES))


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


def _india(kind: RegistrationFormat, *slots: Slot, category: Category | None = None) -> Pattern:
    return Pattern(kind, "IN", slots, REGION_NAMES, category)


_DELHI = Pattern(
    RegistrationFormat.DELHI,
    "IN",
    (
        Slot("region", words=same("DL")),
        _district(1, 2),
        Slot("class", words=same(*"CSPRTVYE")),
        _series(0, 2),
        _number(4),
    ),
    REGION_NAMES,
    class_categories=DELHI_CLASSES,
)

_STANDARD = (
    _india(RegistrationFormat.STANDARD, _REGION, _district(1, 2), _series(1, 3), _number(1, 4)),
    # Without series letters two digits in all (MH12) are the upper row of a plate, not a plate.
    _india(RegistrationFormat.STANDARD, _REGION, _district(2), _number(1, 4)),
    _india(RegistrationFormat.STANDARD, _REGION, _district(1), _number(2, 4)),
)

_TEMPORARY = (
    (_mark("T"), Slot("month", words=same(*(f"{month:02}" for month in range(1, 13)))),
     digits("year", 2), _REGION, _number(4), _series(1, 2)),
    # Older forms. The first is also a standard registration of the series TC, which some states
    # give to taxis; the text cannot tell them apart, so it stands after the standard pattern.
    (_REGION, _district(2), _mark("TC"), _series(0, 1), _number(1, 4)),
    (_REGION, _district(2), _mark("TC"), _number(1, 4), _series(1)),
    (_REGION, _mark("19", "20"), digits("year", 2), _mark("TR"), _number(4), _series(1)),
)  # fmt: skip

INDIA_PATTERNS = (
    _DELHI,
    *_STANDARD,
    _india(
        RegistrationFormat.BHARAT, digits("year", 2), _mark("BH"), _number(4), _series(1, 2),
        category=Category.PRIVATE,
    ),
    _india(
        RegistrationFormat.VINTAGE, _REGION, _mark("VA"), _series(2), _number(4),
        category=Category.VINTAGE,
    ),
    *(
        _india(RegistrationFormat.TEMPORARY, *slots, category=Category.TEMPORARY)
        for slots in _TEMPORARY
    ),
    _india(
        RegistrationFormat.TRADE, _REGION, _district(2), _letters("lot", 1, alphabet="ABCDEFGHIJ"),
        digits("certificate", 4), _mark("TC"), _number(4), category=Category.TRADE,
    ),
    _india(
        RegistrationFormat.MILITARY, digits("year", 2), _letters("lot", 1), _number(4, 6),
        _letters("check", 1), category=Category.MILITARY,
    ),
    _india(
        RegistrationFormat.DIPLOMATIC, digits("mission", 1, 3, nonzero=True), _mark("CD", "UN"),
        _number(1, 4), category=Category.DIPLOMATIC,
    ),
    _india(
        RegistrationFormat.DIPLOMATIC, digits("mission", 1, 3, nonzero=True), _mark("CC"),
        _number(1, 4), category=Category.CONSULAR,
    ),
    Pattern(
        RegistrationFormat.LEGACY, "IN", (_letters("lot", 3), _number(1, 4)), repairable=False
    ),
)  # fmt: skip

PATTERNS: tuple[Pattern, ...] = (
    NEPAL_BEFORE_INDIA + INDIA_PATTERNS + NEPAL_PATTERNS + BANGLADESH_PATTERNS
)
"""The whole table, most preferred first."""
