"""Whether a line of text somewhere in a scene is a registration."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from lipiyana.ocr.registrations.grammar import Reading
from lipiyana.ocr.registrations.normalization import arabic_digits, normalize_row, normalize_rows
from lipiyana.ocr.registrations.parser import Outcome, examine
from lipiyana.types import Registration, RegistrationFormat

_SEPARATORS = frozenset(" \t\n\u00a0.,:;-‐‑‒–—−_·•*|/'`।")
_ARROWS = frozenset("↑⇑⬆⇧▲△^")
_MOST_REPAIRS = 2
_SHORTEST_WORD = 4
_SHORTEST = 8
_FEWEST_DIGITS = 4


def find(
    rows: Sequence[str] | str, confidences: Sequence[Sequence[float]] | None = None
) -> Registration | None:
    """The registration that a line of scene text (or a plate's rows) is, or None.

    Shop signs, prices and telephone numbers stand in scenes too, so this is stricter than `parse`:
    every row must belong to it; nothing but separators and the noise of plates may stand between;
    at least 8 characters, for Nepal and Bangladesh 4 digits (MP20X30 could be a size). At most two
    repairs, and none where a word of four letters stands (LABOR 2392). Registrations without series
    letters need a number of four digits that stands by itself, and no repair. Military ones need
    six digits or their arrow, and no repair. Those from before 1989 and diplomatic ones are never
    found: too much else looks like them.

    Raises:
        ValueError: `confidences` does not have one list a row, with one number a character.
    """
    raw = rows if isinstance(rows, str) else "\n".join(rows)
    if not all(_may_stand(ch) for ch in raw):
        return None
    outcome = examine(normalize_rows(rows, confidences))
    reading = outcome.reading
    if reading is None or not outcome.whole or not _is_sure(outcome, reading, raw):
        return None
    return outcome.registration


def _may_stand(character: str) -> bool:
    return (
        character in _SEPARATORS
        or character in _ARROWS
        or unicodedata.category(character)[0] in "LMNC"
    )


def _is_sure(outcome: Outcome, reading: Reading, raw: str) -> bool:
    if outcome.repaired and not _is_repair_sure(outcome, reading, raw):
        return False
    number = reading.part("number")
    match reading.pattern.format:
        case RegistrationFormat.LEGACY | RegistrationFormat.DIPLOMATIC:
            return False
        case RegistrationFormat.MILITARY:
            return len(number) == 6 or any(ch in _ARROWS for ch in raw)
        case RegistrationFormat.NEPAL | RegistrationFormat.BANGLADESH:
            return sum(ch.isdecimal() for ch in raw) >= _FEWEST_DIGITS
        case RegistrationFormat.STANDARD if not reading.part("lot"):
            # the gap, if any, is after the district: KA 560001 is a postal code
            pieces = [arabic_digits(normalize_row(piece)) for piece in _pieces(raw)]
            last = next(piece for piece in reversed(pieces) if piece)
            return len(number) == 4 and last in {number, outcome.registration.canonical}
    return len(outcome.registration.canonical) >= _SHORTEST


def _is_repair_sure(outcome: Outcome, reading: Reading, raw: str) -> bool:
    has_letters = reading.part("lot") or reading.part("class")
    military = reading.pattern.format is RegistrationFormat.MILITARY
    few = outcome.repaired <= _MOST_REPAIRS
    return few and bool(has_letters) and not military and not _has_word(raw)


def _has_word(raw: str) -> bool:
    return any(len(piece) >= _SHORTEST_WORD and piece.isalpha() for piece in _pieces(raw))


def _pieces(raw: str) -> list[str]:
    return "".join(" " if ch in _SEPARATORS else ch for ch in raw).split()
