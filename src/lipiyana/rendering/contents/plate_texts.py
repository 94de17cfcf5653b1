"""Random registrations of every format, laid out as on plates: rows and colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lipiyana.ocr.registrations import parse
from lipiyana.ocr.registrations.transliteration import LETTER_NAMES
from lipiyana.ocr.scripts.table import SCRIPTS, script_of
from lipiyana.rendering.contents.registration_drafts import (
    ARROW,
    Draft,
    VehicleKind,
    draft,
    one_of,
    standard,
    weighted,
)
from lipiyana.types import PlateColour, RegistrationFormat

_FORMAT_ODDS: Mapping[RegistrationFormat, float] = {
    RegistrationFormat.STANDARD: 60, RegistrationFormat.DELHI: 8, RegistrationFormat.BHARAT: 4,
    RegistrationFormat.TEMPORARY: 3, RegistrationFormat.VINTAGE: 1.5,
    RegistrationFormat.TRADE: 1.5,
    RegistrationFormat.MILITARY: 2.5, RegistrationFormat.DIPLOMATIC: 2,
    RegistrationFormat.LEGACY: 1.5,
    RegistrationFormat.NEPAL: 8, RegistrationFormat.BANGLADESH: 8,
}  # fmt: skip
_VEHICLES: Mapping[VehicleKind, float] = {
    "car": 50, "two_wheeler": 25, "three_wheeler": 12, "heavy": 13,
}  # fmt: skip
_ONE_ROW: Mapping[VehicleKind, float] = {
    "car": 0.85, "two_wheeler": 0.2, "three_wheeler": 0.1, "heavy": 0.45,
}  # fmt: skip
_INDIC_SHARE = 0.06
# states whose second plate may be in this script
_SCRIPT_REGIONS: Mapping[str, tuple[str, ...]] = {
    "Deva": ("MH", "UP", "MP", "RJ", "BR", "HR", "UK", "CG", "JH", "HP"),
    "Beng": ("WB", "TR", "AS"),
    "Guru": ("PB",), "Gujr": ("GJ",), "Orya": ("OD",), "Taml": ("TN",), "Telu": ("AP", "TG"),
    "Knda": ("KA",), "Mlym": ("KL",),
}  # fmt: skip
_STANDARD_OR_NONE = (RegistrationFormat.STANDARD, None)
_MAX_TRIES = 2000
INDIC_SCRIPTS = tuple(_SCRIPT_REGIONS)
"""Scripts of the second plate that some states allow beside the one in Latin letters."""


@dataclass(frozen=True, slots=True)
class PlateText:
    """The text of a plate and what decides its looks.

    Attributes:
        rows: from the top, as painted, separators included.
        canonical: the value of `Registration.canonical`.
        format: the registration format that the grammar assigns.
        country: ISO 3166-1 alpha-2 code.
        script: ISO 15924 code of its letters.
        colour: colours of text and ground.
        vehicle: kind of vehicle that carries the plate; decides the plate's size.
    """

    rows: tuple[str, ...]
    canonical: str
    format: RegistrationFormat
    country: str
    script: str
    colour: PlateColour
    vehicle: VehicleKind


def random_registration(
    rng: np.random.Generator,
    kind: RegistrationFormat | None = None,
    *,
    rows: int | None = None,
    script: str | None = None,
    vehicle: VehicleKind | None = None,
    colour: PlateColour | None = None,
) -> PlateText:
    """Draw a registration; all regions of its country are equally likely.

    Args:
        rng: random generator.
        kind: registration format; None draws one by its frequency on the road.
        rows: 1 or 2; None draws by the vehicle. Bangladeshi plates always have two.
        script: paint a standard Indian registration in this Indic script.
        vehicle: kind of vehicle; None draws one.
        colour: of the plate; None draws by frequency.

    Raises:
        ValueError: `script` is not one of `INDIC_SCRIPTS`, or `script` is given with another
            format than standard, or plates of this kind never have this colour.
    """
    if script is not None and (script not in _SCRIPT_REGIONS or kind not in _STANDARD_OR_NONE):
        raise ValueError(f"no {kind or 'standard'} plates are painted in script {script}")
    for _ in range(_MAX_TRIES if colour else 1):
        carrier: VehicleKind = vehicle if vehicle else weighted(rng, _VEHICLES)
        text = _draw(rng, kind, rows, script, carrier)
        if colour in (None, text.colour):
            return text
    raise ValueError(f"no registration with these arguments has a {colour} plate")


def _draw(
    rng: np.random.Generator,
    kind: RegistrationFormat | None,
    rows: int | None,
    script: str | None,
    vehicle: VehicleKind,
) -> PlateText:
    if kind is None:
        kind = RegistrationFormat.STANDARD if script else weighted(rng, _FORMAT_ODDS)
        if kind is RegistrationFormat.STANDARD and not script and rng.random() < _INDIC_SHARE:
            script = one_of(rng, INDIC_SCRIPTS)
    if rows is None:
        rows = 1 if rng.random() < _ONE_ROW[vehicle] else 2
    if script is not None:
        return _indic(rng, script, rows, vehicle)
    drawn = draft(rng, kind, vehicle)
    canonical = "".join(drawn.parts).replace(ARROW, "")
    if kind is RegistrationFormat.NEPAL:
        painted = _nepali_rows(rng, drawn.parts, rows)
        return PlateText(painted, canonical, kind, "NP", "Deva", drawn.colour, vehicle)
    if kind is RegistrationFormat.BANGLADESH:
        painted = _bangladeshi_rows(drawn.parts)
        return PlateText(painted, canonical, kind, "BD", "Beng", drawn.colour, vehicle)
    painted = _rows(rng, drawn.parts, drawn.cuts, rows)
    return PlateText(painted, canonical, kind, "IN", "Latn", drawn.colour, vehicle)


def _rows(
    rng: np.random.Generator, parts: Sequence[str], cuts: Sequence[int], rows: int
) -> tuple[str, ...]:
    separator = str(rng.choice(["", " ", ".", "-", "·"], p=[0.3, 0.48, 0.1, 0.1, 0.02]))
    if separator == "·" and not "".join(parts).isascii():
        separator = "."  # Indic fonts seldom have the middle dot
    if rows == 1:
        return (separator.join(parts),)
    cut = int(rng.choice(cuts))
    return (separator.join(parts[:cut]), separator.join(parts[cut:]))


def _nepali_rows(rng: np.random.Generator, parts: Sequence[str], rows: int) -> tuple[str, ...]:
    zone, lot, letter, number = parts
    top = str(
        rng.choice([f"{zone}.{lot}{letter}", f"{zone}. {lot} {letter}", f"{zone} {lot} {letter}"])
    )
    return (top, number) if rows == 2 else (f"{top} {number}",)


def _bangladeshi_rows(parts: Sequence[str]) -> tuple[str, ...]:
    city, letter, lot, number = parts
    metro = "মেট্রো"
    if city.endswith(metro):
        city = f"{city.removesuffix(metro)} {metro}"
    return (f"{city}-{letter}", f"{lot}-{number}")


def _indic(rng: np.random.Generator, script: str, rows: int, vehicle: VehicleKind) -> PlateText:
    """Draw a registration whose letters are spelled by their names in an Indic script."""
    names = _letter_names(script)
    alphabet = "".join(
        letter for letter in names if letter not in "IO" and _is_plain(names, letter)
    )
    while True:
        region = one_of(rng, _SCRIPT_REGIONS[script])
        drawn = standard(rng, vehicle, region, alphabet)
        native = SCRIPTS[script].digits if rng.random() < 0.6 else "0123456789"
        digits = str.maketrans("0123456789", native)
        parts = [_spell(part, names).translate(digits) for part in drawn.parts]
        painted = _rows(rng, parts, drawn.cuts, rows)
        canonical = "".join(drawn.parts)
        # some spellings can be split in two ways (எஸ் could begin with எ): draw again
        if parse(painted).canonical == canonical:
            return PlateText(
                painted, canonical, RegistrationFormat.STANDARD, "IN", script, drawn.colour, vehicle
            )


def _letter_names(script: str) -> dict[str, str]:
    """Map each letter to its most common name."""
    names: dict[str, str] = {}
    for spelling, letter in LETTER_NAMES:
        if script_of(spelling) == script:
            names.setdefault(letter, spelling)
    return names


def _is_plain(names: Mapping[str, str], letter: str) -> bool:
    return list(names.values()).count(names[letter]) == 1


def _spell(part: str, names: Mapping[str, str]) -> str:
    return "".join(names.get(character, character) for character in part)


__all__ = ["ARROW", "INDIC_SCRIPTS", "Draft", "PlateText", "VehicleKind", "random_registration"]
