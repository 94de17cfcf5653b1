"""Plates of Indian states in Indian scripts: native digits and spelt-out letters to English.

The main plate is in English letters, but a state may allow one more in a language of the Eighth
Schedule, where letters are written by their English names (एमएच १२ एबी १२३४ is MH 12 AB 1234).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from lipiyana.ocr.registrations.characters import Characters
from lipiyana.ocr.registrations.letter_names import LETTER_NAMES, STATE_WORDS
from lipiyana.ocr.registrations.normalization import arabic_digits

_MOST_RESULTS = 32
_Units = list[tuple[str, int]]


def _table() -> dict[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {}
    for spelling, latin in LETTER_NAMES:
        key = unicodedata.normalize("NFC", spelling)
        table[key] = (*table.get(key, ()), latin)
    for word, code in STATE_WORDS:
        table[unicodedata.normalize("NFC", word)] = (code,)
    return table


_SPELLINGS = _table()
_LENGTHS = sorted({len(spelling) for spelling in _SPELLINGS}, reverse=True)


def transliterate(read: Characters) -> list[Characters]:
    """Every way to write `read` in English letters and Arabic digits.

    Names are taken as long as possible; a name that stands for two letters gives both. Empty where
    a native letter belongs to no name. A letter has the least confidence of its name.
    """
    text = arabic_digits(read.text)
    results: list[Characters] = []
    for units in _units(text, 0):
        results.append(read.merge(units))
        if len(results) == _MOST_RESULTS:
            break
    return results


def _units(text: str, start: int) -> Iterator[_Units]:
    """Cut `text` from `start` on into (English, length of the native spelling)."""
    if start == len(text):
        yield []
        return
    if text[start].isascii():
        for rest in _units(text, start + 1):
            yield [(text[start], 1), *rest]
        return
    for length in _LENGTHS:
        spelling = text[start : start + length]
        if len(spelling) == length and spelling in _SPELLINGS:
            for latin in _SPELLINGS[spelling]:
                for rest in _units(text, start + length):
                    yield [(latin, length), *rest]
            return
