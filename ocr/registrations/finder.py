"""Decides whether a line of scene text is a registration."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from lipiyana.ocr.registrations.formats import SceneRule
from lipiyana.ocr.registrations.grammar import Reading
from lipiyana.ocr.registrations.normalization import arabic_digits, normalize_row, normalize_rows
from lipiyana.ocr.registrations.parser import Outcome, examine
from lipiyana.types import Registration

_SEPARATORS = frozenset(" \t\n\u00a0.,:;-‐‑‒–—−_·•*|/'`।")
_ARROWS = frozenset("↑⇑⬆⇧▲△^")
_MOST_REPAIRS = 2
_SHORTEST_WORD = 4


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
    few = outcome.repaired <= _MOST_REPAIRS
    return rule.repaired and few and has_letters and not _has_word(raw)


def _last_piece(raw: str) -> str:
    """The last piece that is not noise."""
    pieces = [arabic_digits(normalize_row(piece)) for piece in _pieces(raw)]
    return next(piece for piece in reversed(pieces) if piece)


def _has_word(raw: str) -> bool:
    return any(len(piece) >= _SHORTEST_WORD and piece.isalpha() for piece in _pieces(raw))


def _pieces(raw: str) -> list[str]:
    return "".join(" " if ch in _SEPARATORS else ch for ch in raw).split()
