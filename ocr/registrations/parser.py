"""What a plate, or a line of text in a scene, says: from rows as read to a `Registration`."""

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
from lipiyana.ocr.registrations.transliteration import transliterate
from lipiyana.types import Registration

_MOST_CHARACTERS = 100
"""Longer text is no plate, not even with every letter spelt out in a native script."""
_MOST_FOREIGN_ROWS = 3
_SHORTEST_WORD = 3
_LONGEST_UPPER_ROW = 7
_FEWEST_DIGITS_OF_A_SERIAL = 7
_SEPARATORS = frozenset(" \t\n\u00a0.,:;-‐‑‒–—−_·•*|/'`।")
_ARROWS = frozenset("↑⇑⬆⇧▲△^")
_MOST_REPAIRS = 2
_SHORTEST_UNREPAIRED_WORD = 4


@dataclass(frozen=True, slots=True)
class Outcome:
    """A registration and how it was found.

    Attributes:
        reading: the registration cut into its slots; None where nothing parses.
        repaired: how many characters were repaired.
        whole: no row was left out.
    """

    registration: Registration = field(default_factory=Registration)
    reading: Reading | None = None
    repaired: int = 0
    whole: bool = True


def parse(
    rows: Sequence[str] | str, confidences: Sequence[Sequence[float]] | None = None
) -> Registration:
    """Parse the rows of one plate, top to bottom; one string is cut at its newlines.

    All rows joined are tried as they are, then with the fewest repairs that make them valid, then
    both again without rows that belong to something else (a slogan, a serial number); what begins
    as a region's code goes, as words do, only from beside what needs no repair. A repair
    counts if it is the only one of its size; where several are possible nothing parses and
    `alternatives` has them, those that change the least confident characters first. A repaired
    character keeps the confidence it was read with; one that was read surely is not repaired. Where
    Arabic digits stand among those of another script nothing parses: what they may stand for is
    among the `alternatives`.

    Args:
        rows: what was read, with any separators.
        confidences: for each row, one number a character; None where they are not known.

    Returns:
        The registration; `valid` is False where nothing parses. Any text is accepted.

    Raises:
        ValueError: `confidences` does not have one list a row, with one number a character.
    """
    return examine(normalize_rows(rows, confidences)).registration


def find(
    rows: Sequence[str] | str, confidences: Sequence[Sequence[float]] | None = None
) -> Registration | None:
    """The registration that a line of scene text (or a plate's rows) is, or None.

    Shop signs, prices and telephone numbers stand in scenes too, so this is stricter than `parse`:
    every row must belong to it, and nothing but separators and the noise of plates may stand
    between. At most two repairs are made, only where a series or a class stands, and none where a
    word of four letters stands (LABOR 2392). What else is asked for is said by the `SceneRule` of
    each format: eight characters by default.

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


def examine(rows: Sequence[Characters]) -> Outcome:
    """`parse` for normalized rows, with how the registration was found."""
    for window in _windows(rows, _is_foreign):
        read = join(window)
        found = _exact(read) or _repaired(read)
        if found and mixes_digits(read.text):
            return Outcome(Registration(alternatives=_texts(found)))
        if found:
            return replace(_choose(read, found), whole=len(window) == len(rows))
    return _beside_words(rows)


def _beside_words(rows: Sequence[Characters]) -> Outcome:
    """What is a registration as it stands, beside words that might have been its upper row."""
    if any(_is_word(row.text) for row in rows):
        for window in _windows(rows, _is_foreign_or_word):
            read = join(window)
            found = [] if mixes_digits(read.text) else _exact(read)
            outcome = _choose(read, found) if found else Outcome()
            if outcome.registration.region_code:
                return replace(outcome, whole=len(window) == len(rows))
    return Outcome()


def _windows(
    rows: Sequence[Characters], may_go: Callable[[str], bool]
) -> Iterator[Sequence[Characters]]:
    """Rows that may be the plate: all of them, then fewer, as long as what goes is foreign."""
    needed = [index for index, row in enumerate(rows) if not may_go(row.text)]
    first, last = (needed[0], needed[-1]) if needed else (len(rows), -1)
    for size in range(len(rows), max(0, len(rows) - _MOST_FOREIGN_ROWS - 1), -1):
        for start in range(len(rows) - size + 1):
            window = rows[start : start + size]
            covers = start <= first and start + size > last
            if covers and sum(len(row.text) for row in window) <= _MOST_CHARACTERS:
                yield window


def _is_foreign(row: str) -> bool:
    """Whether a row can be a slogan, a maker or a serial number, and no part of a plate."""
    digits = sum(ch.isdecimal() for ch in row)
    if digits:
        return digits >= _FEWEST_DIGITS_OF_A_SERIAL
    # an upper row (HR26AB) may have been read without any digit (HRZGAB)
    upper_row = row.startswith(UPPER_ROW_BEGINNINGS) and len(row) <= _LONGEST_UPPER_ROW
    return _is_word(row) and not upper_row


def _is_word(row: str) -> bool:
    return len(row) >= _SHORTEST_WORD and not any(ch.isdecimal() for ch in row)


def _is_foreign_or_word(row: str) -> bool:
    return _is_foreign(row) or _is_word(row)


def _exact(read: Characters) -> list[Characters]:
    """`read` in every spelling that is a registration as it stands."""
    if read.text.isascii():
        spellings = [read]
    else:
        native = read.with_text(native_digits(read.text))
        spellings = [native, *transliterate(native)]
    return [spelling for spelling in spellings if GRAMMAR.accepts(spelling.text)]


def _repaired(read: Characters) -> list[Characters]:
    # the confusions are those of English letters and Arabic digits
    if not read.text.isascii():
        return []
    return [read.with_text(text) for text in repairs(read.text, read.confidences)]


def _texts(found: Sequence[Characters]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(candidate.text for candidate in found))


def _choose(read: Characters, found: Sequence[Characters]) -> Outcome:
    """The only registration in `found`, or all of them as alternatives."""
    distinct = list({candidate.text: candidate for candidate in found}.values())
    if len(distinct) > 1:
        if read.confidences:
            distinct.sort(key=lambda candidate: _lost_confidence(read, candidate))
        return Outcome(Registration(alternatives=_texts(distinct)))
    chosen = distinct[0]
    reading = GRAMMAR.reading(chosen.text)
    if reading is None:
        raise AssertionError("only registrations are to be chosen from")
    return Outcome(
        reading.registration(chosen.confidences), reading, _changes(read.text, chosen.text)
    )


def _changes(read: str, chosen: str) -> int:
    """How many characters a repair changed; a transliteration is not one."""
    if len(read) != len(chosen) or not read.isascii():
        return 0
    return sum(a != b for a, b in zip(read, chosen, strict=True))


def _lost_confidence(read: Characters, candidate: Characters) -> float:
    if len(candidate.text) != len(read.text):
        return 0.0
    changes = zip(read.confidences, read.text, candidate.text, strict=True)
    return sum((confidence for confidence, old, new in changes if old != new), start=0.0)


def _may_stand(character: str) -> bool:
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
    few = outcome.repaired <= _MOST_REPAIRS
    return rule.repaired and few and has_letters and not _has_word(raw)


def _last_piece(raw: str) -> str:
    """What stands behind the last gap that is not noise."""
    pieces = [arabic_digits(normalize_row(piece)) for piece in _pieces(raw)]
    return next(piece for piece in reversed(pieces) if piece)


def _has_word(raw: str) -> bool:
    return any(
        len(piece) >= _SHORTEST_UNREPAIRED_WORD and piece.isalpha() for piece in _pieces(raw)
    )


def _pieces(raw: str) -> list[str]:
    return "".join(" " if ch in _SEPARATORS else ch for ch in raw).split()
