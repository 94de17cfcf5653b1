"""The parts of a registration, declared as data.

The automaton is compiled from sequences of slots, and the same slots cut an accepted string into
its fields, so the grammar is defined once.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

DIGITS = "0123456789"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Slot:
    """A part of a registration: a word of a list, or a run of characters of an alphabet.

    Attributes:
        role: `region`, `class`, `lot` and `number` become the fields of a registration; other
            names only document the slot.
        words: allowed words, each with its romanization; empty for a run.
        alphabet: allowed characters of a run.
        least: minimum length of a run.
        most: maximum length of a run.
        nonzero: whether a run of digits must not be all zeros.
        lengths: allowed lengths in characters, longest first.
    """

    role: str
    words: Mapping[str, str] = field(default_factory=dict)
    alphabet: str = ""
    least: int = 1
    most: int = 1
    nonzero: bool = False
    lengths: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        if not self.words and not (self.alphabet and 0 <= self.least <= self.most > 0):
            raise ValueError(
                f"slot {self.role!r} matches nothing: give words, or an alphabet and its lengths"
            )
        for word in self.words:
            if not word or word != word.upper():
                raise ValueError(f"slot {self.role!r}: write {word!r} in capitals, as plates do")
        lengths = {len(word) for word in self.words} or range(self.least, self.most + 1)
        object.__setattr__(self, "lengths", tuple(sorted(lengths, reverse=True)))

    @property
    def longest(self) -> int:
        """Maximum number of characters."""
        return self.lengths[0]

    def ends(self, text: str, start: int) -> Iterator[int]:
        """The positions where this slot may end if it begins at `start`, the last first."""
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
        """Convert `text`, which fills this slot, to English letters and Arabic digits."""
        if self.words:
            return self.words[text]
        return "".join(str(unicodedata.decimal(ch, ch)) for ch in text)


def same(*words: str) -> dict[str, str]:
    """Words that are in English letters already, as `Slot.words`."""
    return {word: word for word in words}


def digits(role: str, least: int, most: int | None = None, *, nonzero: bool = False) -> Slot:
    """A run of Arabic digits."""
    return Slot(role, alphabet=DIGITS, least=least, most=most or least, nonzero=nonzero)
