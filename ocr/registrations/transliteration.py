"""Plates of Indian states in Indian scripts: native digits and spelt-out letters to English.

The main plate is in English letters, but a state may allow one more in a language of the Eighth
Schedule, where letters are written by their English names (एमएच १२ एबी १२३४ is MH 12 AB 1234).
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
"""What spellings stand for; a state's own word can only begin a registration."""

_LENGTHS = sorted({len(spelling) for spelling in _AT_THE_START}, reverse=True)


def transliterate(read: Characters) -> list[Characters]:
    """Every way to write `read` in English letters and Arabic digits.

    Names are taken as long as possible, as far as the rest can then be read too (जेडी is no Z but
    J and D); a name that stands for two letters gives both. Empty where a native letter belongs to
    no name. A letter has the least confidence of its name.
    """
    text = arabic_digits(read.text)
    results: list[Characters] = []
    for units in _units(text, 0, set()):
        results.append(read.merge(units))
        if len(results) == _MOST_RESULTS:
            break
    return results


def _units(text: str, start: int, dead: set[int]) -> Iterator[_Units]:
    """Cut `text` from `start` on into (English, length of the native spelling).

    From the places in `dead` on there is no way; those that turn out so are added, else names that
    stand for two letters each would be tried in all their combinations.
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
    """What stands at a place, the longest name first, and its length."""
    if text[start].isascii():
        yield text[start], 1
        return
    names = _LETTERS if start else _AT_THE_START
    for length in _LENGTHS:
        spelling = text[start : start + length]
        if len(spelling) == length and spelling in names:
            yield names[spelling], length
