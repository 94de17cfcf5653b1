"""What a pattern of registrations is made of: a row of slots, declared as data.

The automaton is compiled from these patterns, and a string that it accepts is cut into its
fields by the same patterns, so the grammar stands in one place.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lipiyana.types import Category, RegistrationFormat

DIGITS = "0123456789"


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


@dataclass(frozen=True, slots=True)
class Pattern:
    """One way to write a registration.

    Attributes:
        region_names: English names for what the `region` slot holds.
        category: what every registration of this pattern is, if that is so.
        class_categories: what the content of the `class` slot says instead.
        repairable: whether a string may be made to fit by a repair; not for patterns that much
            else on the road would fit then.
    """

    format: RegistrationFormat
    country: str
    slots: tuple[Slot, ...]
    region_names: Mapping[str, str] = field(default_factory=dict)
    category: Category | None = None
    class_categories: Mapping[str, Category] = field(default_factory=dict)
    repairable: bool = True

    @property
    def longest(self) -> int:
        """Most characters that a registration of this pattern can have."""
        return sum(slot.longest for slot in self.slots)

    def split(self, text: str) -> tuple[str, ...] | None:
        """Cut `text` into one part a slot, earlier slots as long as possible; None if it fails."""
        return _split(self.slots, text, 0)


def _split(slots: tuple[Slot, ...], text: str, start: int) -> tuple[str, ...] | None:
    if not slots:
        return () if start == len(text) else None
    for end in slots[0].ends(text, start):
        rest = _split(slots[1:], text, end)
        if rest is not None:
            return (text[start:end], *rest)
    return None


def same(*words: str) -> dict[str, str]:
    """Words that are their own form in English letters."""
    return {word: word for word in words}


def digits(role: str, least: int, most: int | None = None, *, nonzero: bool = False) -> Slot:
    """A run of Arabic digits."""
    return Slot(role, alphabet=DIGITS, least=least, most=most or least, nonzero=nonzero)
