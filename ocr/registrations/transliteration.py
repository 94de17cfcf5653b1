"""Transliterates Indian plates in Indian scripts: native digits, and letters spelt by their names.

The main plate is in English letters, but a state may allow a second plate in a language of the
Eighth Schedule. It spells the letters by their English names: एमएच १२ एबी १२३४ is MH 12 AB 1234.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from lipiyana.ocr.registrations.characters import Characters
from lipiyana.ocr.registrations.letter_names import LETTER_NAMES, STATE_WORDS
from lipiyana.ocr.registrations.normalization import arabic_digits

_MOST_RESULTS = 32
_Units = list[tuple[str, int]]


def _tables() -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    letters: dict[str, tuple[str, ...]] = {}
    for spelling, latin in LETTER_NAMES:
        key = unicodedata.normalize("NFC", spelling)
        letters[key] = (*letters.get(key, ()), latin)
    states = {unicodedata.normalize("NFC", word): (code,) for word, code in STATE_WORDS}
    return letters, letters | states


_LETTERS, _AT_THE_START = _tables()
"""The letters that a spelling may stand for. State names are only allowed at the start."""

_LENGTHS = sorted({len(spelling) for spelling in _AT_THE_START}, reverse=True)


def transliterate(read: Characters) -> list[Characters]:
    """All transliterations of `read` to English letters and Arabic digits, at most 32.

    At each position the longest name is taken that leaves a readable rest: जेडी is J and D, since
    Z would leave a rest that is no name. A name of two letters gives both results. The list is
    empty if a native letter belongs to no name. A letter has the lowest confidence of its name.
    """
    text = arabic_digits(read.text)
    results: list[Characters] = []
    for units in _units(text, 0, set()):
        results.append(read.merge(units))
        if len(results) == _MOST_RESULTS:
            break
    return results


def _units(text: str, start: int, dead: set[int]) -> Iterator[_Units]:
    """Cut `text` from `start` on into pairs of an English letter and its native spelling's length.

    `dead` collects the positions from which the rest cannot be cut. Without it, names of two
    letters would be tried in all combinations.
    """
    if start == len(text):
        yield []
    if start >= len(text) or start in dead:
        return
    found = False
    for latins, length in _names_at(text, start):
        for latin in latins:
            for rest in _units(text, start + length, dead):
                found = True
                yield [(latin, length), *rest]
        if found:
            return
    dead.add(start)


def _names_at(text: str, start: int) -> Iterator[tuple[Sequence[str], int]]:
    """The letters that each name at `start` may stand for, and its length; longest name first."""
    if text[start].isascii():
        yield text[start], 1
        return
    names = _LETTERS if start else _AT_THE_START
    for length in _LENGTHS:
        spelling = text[start : start + length]
        if len(spelling) == length and spelling in names:
            yield names[spelling], length
