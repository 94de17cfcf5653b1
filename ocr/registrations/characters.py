"""A string with the confidence of each of its characters, kept aligned through every change."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Characters:
    """`confidences` is one a character of `text`, or empty where none are known."""

    text: str
    confidences: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.confidences and len(self.confidences) != len(self.text):
            raise ValueError(f"{len(self.confidences)} confidences for {len(self.text)} characters")

    def with_text(self, text: str) -> Characters:
        """Other characters of the same number."""
        return Characters(text, self.confidences)

    def expand(self, change: Callable[[str], str]) -> Characters:
        """Put `change(character)` for each character; all it gives share its confidence."""
        changed = [change(ch) for ch in self.text]
        spread = (
            confidence
            for new, confidence in zip(changed, self.confidences, strict=False)
            for _ in new
        )
        return Characters("".join(changed), tuple(spread))

    def merge(self, groups: Iterable[tuple[str, int]]) -> Characters:
        """Put each string in the place of the next so many characters, with their least
        confidence; the string has one character, or as many as it stands for.
        """
        text, confidences, start = [], [], 0
        for new, length in groups:
            text.append(new)
            if self.confidences:
                least = min(self.confidences[start : start + length])
                confidences.extend([least] * len(new))
            start += length
        return Characters("".join(text), tuple(confidences))

    def compose(self) -> Characters:
        """NFC of a string that is fully decomposed."""
        composed = unicodedata.normalize("NFC", self.text)
        return self.merge((ch, len(unicodedata.normalize("NFD", ch))) for ch in composed)


def join(rows: Iterable[Characters]) -> Characters:
    """Rows one after the other; confidences are kept where every row has them."""
    rows = [row for row in rows if row.text]
    known = all(row.confidences for row in rows)
    confidences = tuple(c for row in rows for c in row.confidences) if known else ()
    return Characters("".join(row.text for row in rows), confidences)
