"""Random registrations as separate parts (state, district, series, number), with plate colours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from lipiyana.ocr.registrations import REGION_NAMES
from lipiyana.ocr.registrations.formats.bangladesh import BENGALI_DIGITS, CITIES
from lipiyana.ocr.registrations.formats.bangladesh import CLASS_CATEGORIES as BANGLADESHI_CLASSES
from lipiyana.ocr.registrations.formats.india import COLOURS as INDIAN_CATEGORIES
from lipiyana.ocr.registrations.formats.india import SERIES_LETTERS
from lipiyana.ocr.registrations.formats.nepal import CLASS_CATEGORIES as NEPALI_CLASSES
from lipiyana.ocr.registrations.formats.nepal import COLOURS as NEPALI_COLOURS
from lipiyana.ocr.registrations.formats.nepal import DEVANAGARI_DIGITS, ZONES
from lipiyana.types import Category, PlateColour, RegistrationFormat

VehicleKind = Literal["car", "two_wheeler", "three_wheeler", "heavy"]

ARROW = "↑"
"""The broad arrow of military plates; it is painted but not part of the canonical form."""

_METRO = "মেট্রো"
_DELHI_CLASSES: Mapping[VehicleKind, str] = {
    "car": "CCCCVTYE", "two_wheeler": "SSSE", "three_wheeler": "RRE", "heavy": "PYV",
}  # fmt: skip
_INDIAN_COLOURS = {category: colour for colour, category in INDIAN_CATEGORIES.items()}
_USES: Mapping[VehicleKind, Mapping[Category, float]] = {
    "car": {Category.PRIVATE: 66, Category.TRANSPORT: 20, Category.RENTAL: 4,
            Category.ELECTRIC_PRIVATE: 6, Category.ELECTRIC_TRANSPORT: 3,
            Category.ELECTRIC_RENTAL: 1},
    "two_wheeler": {Category.PRIVATE: 82, Category.RENTAL: 5, Category.ELECTRIC_PRIVATE: 10,
                    Category.ELECTRIC_RENTAL: 3},
    "three_wheeler": {Category.TRANSPORT: 85, Category.ELECTRIC_TRANSPORT: 15},
    "heavy": {Category.TRANSPORT: 85, Category.ELECTRIC_TRANSPORT: 8, Category.PRIVATE: 7},
}  # fmt: skip
Choice = TypeVar("Choice")


@dataclass(frozen=True, slots=True)
class Draft:
    """The parts of a registration.

    Attributes:
        parts: in reading order; joined, without the arrow, they are the canonical form.
        cuts: numbers of parts after which the second row may begin, most common first.
        colour: of the plate.
    """

    parts: tuple[str, ...]
    cuts: tuple[int, ...]
    colour: PlateColour


def weighted(rng: np.random.Generator, odds: Mapping[Choice, float]) -> Choice:
    """Draw one key; the values are relative weights."""
    weights = np.array(list(odds.values()), np.float64)
    return list(odds)[int(rng.choice(len(odds), p=weights / weights.sum()))]


def one_of(rng: np.random.Generator, choices: Sequence[str]) -> str:
    """Draw one item, or one character if `choices` is a string."""
    return str(choices[int(rng.integers(len(choices)))])


def draft(rng: np.random.Generator, kind: RegistrationFormat, vehicle: VehicleKind) -> Draft:
    """Draw a registration of one format.

    Args:
        rng: random generator.
        kind: the format; its regions are equally likely.
        vehicle: kind of vehicle that carries the plate.
    """
    return _MAKERS[kind](rng, vehicle)


def standard(
    rng: np.random.Generator, vehicle: VehicleKind, region: str = "", alphabet: str = SERIES_LETTERS
) -> Draft:
    """Draw a registration of an Indian state other than Delhi, which has its own format."""
    region = region or one_of(rng, [code for code in REGION_NAMES if code != "DL"])
    length = int(rng.choice([0, 1, 2, 3], p=[0.05, 0.26, 0.66, 0.03]))
    number = _number(rng)
    if length == 0:
        number = _digits(rng, 4)
    short = rng.random() < 0.12 and length > 0
    district = str(int(rng.integers(1, 10))) if short else f"{int(rng.integers(1, 100)):02d}"
    parts = [region, district, "".join(one_of(rng, alphabet) for _ in range(length)), number]
    cuts = (2, 2, 3) if length else (2,)
    return Draft(tuple(filter(None, parts)), cuts, _indian_colour(rng, vehicle))


def _digits(rng: np.random.Generator, count: int) -> str:
    """Draw `count` digits that are not all zeros."""
    return f"{int(rng.integers(1, 10**count)):0{count}d}"


def _number(rng: np.random.Generator) -> str:
    kind = rng.random()
    if kind < 0.75:
        return str(int(rng.integers(1000, 10000)))
    number = str(int(rng.integers(1, 10 ** int(rng.integers(1, 4)))))
    return number if kind < 0.87 else number.zfill(4)


def _letters(rng: np.random.Generator, low: int, high: int) -> str:
    return "".join(one_of(rng, SERIES_LETTERS) for _ in range(int(rng.integers(low, high + 1))))


def _region(rng: np.random.Generator) -> str:
    return one_of(rng, list(REGION_NAMES))


def _indian_colour(rng: np.random.Generator, vehicle: VehicleKind) -> PlateColour:
    return _INDIAN_COLOURS[weighted(rng, _USES[vehicle])]


def _delhi(rng: np.random.Generator, vehicle: VehicleKind) -> Draft:
    letter = one_of(rng, _DELHI_CLASSES[vehicle])
    if letter in "CS":
        colour = _INDIAN_COLOURS[Category.PRIVATE]
    elif letter == "E":
        private = vehicle in ("car", "two_wheeler")
        use = Category.ELECTRIC_PRIVATE if private else Category.ELECTRIC_TRANSPORT
        colour = _INDIAN_COLOURS[use]
    else:
        colour = _INDIAN_COLOURS[Category.TRANSPORT]
    district = str(int(rng.integers(1, 15)))
    parts = ("DL", district + letter, _letters(rng, 0, 2), _digits(rng, 4))
    return Draft(tuple(filter(None, parts)), (2,), colour)


def _bharat(rng: np.random.Generator, _vehicle: VehicleKind) -> Draft:
    electric = rng.random() < 0.15
    use = Category.ELECTRIC_PRIVATE if electric else Category.PRIVATE
    parts = (str(int(rng.integers(21, 30))), "BH", _digits(rng, 4), _letters(rng, 1, 2))
    return Draft(parts, (2,), _INDIAN_COLOURS[use])


def _vintage(rng: np.random.Generator, _vehicle: VehicleKind) -> Draft:
    parts = (_region(rng), "VA", _letters(rng, 2, 2), _digits(rng, 4))
    return Draft(parts, (2, 3), PlateColour.BLACK_ON_WHITE)


def _temporary(rng: np.random.Generator, _vehicle: VehicleKind) -> Draft:
    kind, region = rng.random(), _region(rng)
    year = int(rng.integers(19, 30))
    if kind < 0.7:
        when = f"T{int(rng.integers(1, 13)):02d}{year}"
        parts: tuple[str, ...] = (when, region, _digits(rng, 4), _letters(rng, 1, 2))
        cuts: tuple[int, ...] = (2, 1)
    elif kind < 0.85:
        district = f"{int(rng.integers(1, 100)):02d}"
        parts = (region, district, "TC", _digits(rng, 4), _letters(rng, 1, 1))
        cuts = (2, 3)
    else:
        parts = (region, f"20{year}", "TR", _digits(rng, 4), _letters(rng, 1, 1))
        cuts = (2, 3)
    return Draft(parts, cuts, PlateColour.RED_ON_YELLOW)


def _trade(rng: np.random.Generator, _vehicle: VehicleKind) -> Draft:
    district = f"{int(rng.integers(1, 100)):02d}"
    parts = (
        _region(rng),
        district,
        one_of(rng, "ABCDEFGHJ"),
        _digits(rng, 4),
        "TC",
        _digits(rng, 4),
    )
    return Draft(parts, (4,), PlateColour.WHITE_ON_RED)


def _military(rng: np.random.Generator, _vehicle: VehicleKind) -> Draft:
    year, letter = f"{int(rng.integers(0, 100)):02d}", one_of(rng, "BCDEPX")
    number = _digits(rng, int(rng.choice([4, 5, 6], p=[0.05, 0.25, 0.7]))) + one_of(
        rng, SERIES_LETTERS
    )
    parts = (ARROW + year + letter if rng.random() < 0.6 else year + ARROW + letter, number)
    return Draft(parts, (1,), PlateColour.WHITE_ON_BLACK)


def _diplomatic(rng: np.random.Generator, _vehicle: VehicleKind) -> Draft:
    mark = one_of(rng, ("CD", "CD", "CC", "UN"))
    colour = PlateColour.YELLOW_ON_BLUE if mark == "CC" else PlateColour.WHITE_ON_BLUE
    parts = (str(int(rng.integers(1, 200))), mark, str(int(rng.integers(1, 1000))))
    return Draft(parts, (2,), colour)


def _legacy(rng: np.random.Generator, vehicle: VehicleKind) -> Draft:
    private = vehicle in ("car", "two_wheeler")
    colour = PlateColour.WHITE_ON_BLACK if private else PlateColour.BLACK_ON_YELLOW
    return Draft((_letters(rng, 3, 3), _number(rng)), (1,), colour)


def _nepali(rng: np.random.Generator, _vehicle: VehicleKind) -> Draft:
    use = weighted(rng, {Category.PRIVATE: 70, Category.TRANSPORT: 22, Category.GOVERNMENT: 8})
    letters = [letter for letter, owner in NEPALI_CLASSES.items() if owner is use]
    native = str.maketrans("0123456789", DEVANAGARI_DIGITS)
    lot = str(int(rng.integers(1, 100))).translate(native)
    number = str(int(rng.integers(1, 10000))).translate(native)
    parts = (one_of(rng, list(ZONES)), lot, one_of(rng, letters), number)
    return Draft(parts, (3,), NEPALI_COLOURS[use])


def _bangladeshi(rng: np.random.Generator, _vehicle: VehicleKind) -> Draft:
    transport = rng.random() < 0.25
    use = Category.TRANSPORT if transport else Category.PRIVATE
    letters = [letter for letter, owner in BANGLADESHI_CLASSES.items() if owner is use]
    metros = [city for city in CITIES if city.endswith(_METRO)]
    city = one_of(rng, metros if rng.random() < 0.6 else list(CITIES))
    native = str.maketrans("0123456789", BENGALI_DIGITS)
    lot, number = (_digits(rng, count).translate(native) for count in (2, 4))
    colour = PlateColour.BLACK_ON_GREEN if transport else PlateColour.BLACK_ON_WHITE
    return Draft((city, one_of(rng, letters), lot, number), (2,), colour)


_MAKERS: Mapping[RegistrationFormat, Callable[[np.random.Generator, VehicleKind], Draft]] = {
    RegistrationFormat.STANDARD: standard,
    RegistrationFormat.DELHI: _delhi,
    RegistrationFormat.BHARAT: _bharat,
    RegistrationFormat.VINTAGE: _vintage,
    RegistrationFormat.TEMPORARY: _temporary,
    RegistrationFormat.TRADE: _trade,
    RegistrationFormat.MILITARY: _military,
    RegistrationFormat.DIPLOMATIC: _diplomatic,
    RegistrationFormat.LEGACY: _legacy,
    RegistrationFormat.NEPAL: _nepali,
    RegistrationFormat.BANGLADESH: _bangladeshi,
}
