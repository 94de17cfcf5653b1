"""Parses the rows of a plate, or a line of scene text, to a `Registration`."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from lipiyana.ocr.registrations.characters import Characters, join
from lipiyana.ocr.registrations.formats import UPPER_ROW_BEGINNINGS, SceneRule
from lipiyana.ocr.registrations.grammar import GRAMMAR, Reading
from lipiyana.ocr.registrations.normalization import (
    arabic_digits,
    mixes_digits,
    native_digits,
    normalize_row,
    normalize_rows,
)
from lipiyana.ocr.registrations.repair import repairs
from lipiyana.ocr.registrations.settings import REGISTRATIONS
from lipiyana.ocr.registrations.transliteration import transliterate
from lipiyana.types import Registration

_SEPARATORS = frozenset(" \t\n\u00a0.,:;-‐‑‒–—−_·•*|/'`।")
_ARROWS = frozenset("↑⇑⬆⇧▲△^")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A registration and how it was found.

    Attributes:
        reading: the registration cut into its slots; None if nothing parses.
        repaired: number of repaired characters.
        whole: whether all rows are part of the registration.
    """

    registration: Registration = field(default_factory=Registration)
    reading: Reading | None = None
    repaired: int = 0
    whole: bool = True


def parse(
    rows: Sequence[str] | str, confidences: Sequence[Sequence[float]] | None = None
) -> Registration:
    """Parse the rows of one plate, top to bottom; a single string is split at its newlines.

    The attempts, in this order; the first one that succeeds counts:

    1. All rows joined, unchanged; then with the fewest repairs that make them valid.
    2. The same without foreign rows (a slogan, a serial number).
    3. Without foreign rows and without words that may be a misread upper row (HRZGAB), unchanged
       only: these words are dropped only if the rest needs no repair.

    Characters read with high confidence are not repaired; a repaired character keeps its
    confidence. If several repairs of the same size are possible, nothing parses, and
    `alternatives` has them all, those that change the least confident characters first. Nothing
    parses either if Arabic digits are mixed with digits of another script; `alternatives` then has
    the possible registrations.

    Args:
        rows: what was read, with any separators.
        confidences: for each row, one number per character; None if unknown.

    Returns:
        The registration; `valid` is False if nothing parses. Any text is accepted.

    Raises:
        ValueError: `confidences` does not have one list per row, with one number per character.
    """
    return examine(normalize_rows(rows, confidences)).registration


def find(
    rows: Sequence[str] | str, confidences: Sequence[Sequence[float]] | None = None
) -> Registration | None:
    """Parse a line of scene text (or a plate's rows); None if it is no registration.

    Scenes also show shop signs, prices and telephone numbers, so this is stricter than `parse`:
    every row must be part of the registration, with nothing between but separators and the noise
    of plates (IND, laser number). At most two characters are repaired, only in registrations with
    a series or a class, and never beside a word of four letters (LABOR 2392). The `SceneRule` of a
    format adds its own conditions, such as a minimum of eight characters.

    Raises:
        ValueError: `confidences` does not have one list per row, with one number per character.
    """
    raw = rows if isinstance(rows, str) else "\n".join(rows)
    if not all(_is_allowed(ch) for ch in raw):
        return None
    outcome = examine(normalize_rows(rows, confidences))
    reading = outcome.reading
    if reading is None or not outcome.whole or not _is_sure(outcome, reading, raw):
        return None
    return outcome.registration


def examine(rows: Sequence[Characters]) -> Outcome:
    """Do the same as `parse` for normalized rows; also return how the registration was found."""
    for window in _windows(rows, _is_foreign):
        read = join(window)
        found = _exact(read) or _repaired(read)
        if found and mixes_digits(read.text):
            return Outcome(Registration(alternatives=_texts(found)))
        if found:
            return replace(_choose(read, found), whole=len(window) == len(rows))
    return _without_words(rows)


def _without_words(rows: Sequence[Characters]) -> Outcome:
    """Parse without words that may be a misread upper row; no character is repaired."""
    if any(_is_word(row.text) for row in rows):
        for window in _windows(rows, _is_foreign_or_word):
            read = join(window)
            found = [] if mixes_digits(read.text) else _exact(read)
            outcome = _choose(read, found) if found else Outcome()
            if outcome.registration.region_code:
                return replace(outcome, whole=len(window) == len(rows))
    return Outcome()


def _windows(
    rows: Sequence[Characters], may_drop: Callable[[str], bool]
) -> Iterator[Sequence[Characters]]:
    """Consecutive rows that may be the plate: all, then without rows that `may_drop` accepts."""
    needed = [index for index, row in enumerate(rows) if not may_drop(row.text)]
    first, last = (needed[0], needed[-1]) if needed else (len(rows), -1)
    for size in range(len(rows), max(0, len(rows) - REGISTRATIONS.max_foreign_rows - 1), -1):
        for start in range(len(rows) - size + 1):
            window = rows[start : start + size]
            covers = start <= first and start + size > last
            if covers and sum(len(row.text) for row in window) <= REGISTRATIONS.max_characters:
                yield window


def _is_foreign(row: str) -> bool:
    """Whether a row may be a slogan, a maker's name or a serial number."""
    digits = sum(ch.isdecimal() for ch in row)
    if digits:
        return digits >= REGISTRATIONS.min_serial_digits
    # the digits of an upper row (HR26AB) may have been misread as letters (HRZGAB)
    upper_row = (
        row.startswith(UPPER_ROW_BEGINNINGS) and len(row) <= REGISTRATIONS.max_upper_row_characters
    )
    return _is_word(row) and not upper_row


def _is_word(row: str) -> bool:
    return len(row) >= REGISTRATIONS.min_word_letters and not any(ch.isdecimal() for ch in row)


def _is_foreign_or_word(row: str) -> bool:
    return _is_foreign(row) or _is_word(row)


def _exact(read: Characters) -> list[Characters]:
    """Every spelling of `read` that is a registration without repair."""
    if read.text.isascii():
        spellings = [read]
    else:
        native = read.with_text(native_digits(read.text))
        spellings = [native, *transliterate(native)]
    return [spelling for spelling in spellings if GRAMMAR.accepts(spelling.text)]


def _repaired(read: Characters) -> list[Characters]:
    # known confusions are between English letters and Arabic digits
    if not read.text.isascii():
        return []
    return [read.with_text(text) for text in repairs(read.text, read.confidences)]


def _texts(found: Sequence[Characters]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(candidate.text for candidate in found))


def _choose(read: Characters, found: Sequence[Characters]) -> Outcome:
    """The registration of `found` if there is only one, else all of them as alternatives."""
    distinct = list({candidate.text: candidate for candidate in found}.values())
    if len(distinct) > 1:
        if read.confidences:
            distinct.sort(key=lambda candidate: _lost_confidence(read, candidate))
        return Outcome(Registration(alternatives=_texts(distinct)))
    chosen = distinct[0]
    reading = GRAMMAR.reading(chosen.text)
    if reading is None:
        raise AssertionError("a candidate is not a registration")
    return Outcome(
        reading.registration(chosen.confidences), reading, _changes(read.text, chosen.text)
    )


def _changes(read: str, chosen: str) -> int:
    """Number of characters that a repair changed; 0 for a transliteration."""
    if len(read) != len(chosen) or not read.isascii():
        return 0
    return sum(a != b for a, b in zip(read, chosen, strict=True))


def _lost_confidence(read: Characters, candidate: Characters) -> float:
    if len(candidate.text) != len(read.text):
        return 0.0
    changes = zip(read.confidences, read.text, candidate.text, strict=True)
    return sum((confidence for confidence, old, new in changes if old != new), start=0.0)


def _is_allowed(character: str) -> bool:
    return (
        character in _SEPARATORS
        or character in _ARROWS
        or unicodedata.category(character)[0] in "LMNC"
    )


def _is_sure(outcome: Outcome, reading: Reading, raw: str) -> bool:
    rule, number = reading.variant.in_scene, reading.part("number")
    if rule is None or (outcome.repaired and not _is_repair_sure(outcome, reading, rule, raw)):
        return False
    has_arrow = reading.variant.arrow and any(ch in _ARROWS for ch in raw)
    return (
        (rule.number_length in {0, len(number)} or has_arrow)
        and sum(ch.isdecimal() for ch in raw) >= rule.fewest_digits
        and (not rule.number_apart or _last_piece(raw) in {number, outcome.registration.canonical})
        and len(outcome.registration.canonical) >= rule.shortest
    )


def _is_repair_sure(outcome: Outcome, reading: Reading, rule: SceneRule, raw: str) -> bool:
    has_letters = bool(reading.part("lot") or reading.part("class"))
    few = outcome.repaired <= REGISTRATIONS.max_repairs_in_scene
    return rule.repaired and few and has_letters and not _has_word(raw)


def _last_piece(raw: str) -> str:
    """The last piece that is not noise."""
    pieces = [arabic_digits(normalize_row(piece)) for piece in _pieces(raw)]
    return next(piece for piece in reversed(pieces) if piece)


def _has_word(raw: str) -> bool:
    return any(
        len(piece) >= REGISTRATIONS.min_unrepaired_letters and piece.isalpha()
        for piece in _pieces(raw)
    )


def _pieces(raw: str) -> list[str]:
    return "".join(" " if ch in _SEPARATORS else ch for ch in raw).split()
