"""The parts of a registration, declared as data.

The automaton is compiled from rows of slots, and a string that it accepts is cut into its fields
by the same slots, so the grammar stands in one place.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

DIGITS = "0123456789"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Slot:
    """A part of a registration: one of some words, or a run of characters.

    Attributes:
        role: `region`, `class`, `lot` and `number` become the fields of a registration; other
            names are for the reader.
        words: what may stand here, each with its form in English letters; empty for a run.
        alphabet: the characters of a run.
        least: the fewest characters of a run.
        most: the most characters of a run.
        nonzero: a run of digits must not be all zeros.
        lengths: how many characters may stand here, the most first.
    """

    role: str
    words: Mapping[str, str] = field(default_factory=dict)
    alphabet: str = ""
    least: int = 1
    most: int = 1
    nonzero: bool = False
    lengths: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        lengths = {len(word) for word in self.words} or range(self.least, self.most + 1)
        object.__setattr__(self, "lengths", tuple(sorted(lengths, reverse=True)))

    @property
    def longest(self) -> int:
        """Most characters that this slot can hold."""
        return self.lengths[0]

    def ends(self, text: str, start: int) -> Iterator[int]:
        """Where this slot may end if it begins at `start`, the longest first."""
        if self.words:
            for length in self.lengths:
                if text[start : start + length] in self.words:
                    yield start + length
            return
        end = start
        while end < len(text) and end - start < self.most and text[end] in self.alphabet:
            end += 1
        while end - start >= self.least:
            if not self.nonzero or any(unicodedata.decimal(ch) for ch in text[start:end]):
                yield end
            end -= 1

    def romanize(self, text: str) -> str:
        """`text`, which fills this slot, in English letters and Arabic digits."""
        if self.words:
            return self.words[text]
        return "".join(str(unicodedata.decimal(ch, ch)) for ch in text)


def same(*words: str) -> dict[str, str]:
    """Words that are their own form in English letters."""
    return {word: word for word in words}


def digits(role: str, least: int, most: int | None = None, *, nonzero: bool = False) -> Slot:
    """A run of Arabic digits."""
    return Slot(role, alphabet=DIGITS, least=least, most=most or least, nonzero=nonzero)
