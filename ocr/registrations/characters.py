"""A string with a confidence for each character; both stay aligned through every change."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Characters:
    """A text; `confidences` has one value for each character, or is empty if unknown."""

    text: str
    confidences: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.confidences and len(self.confidences) != len(self.text):
            raise ValueError(f"{len(self.confidences)} confidences for {len(self.text)} characters")

    def with_text(self, text: str) -> Characters:
        """Replace the text by one of the same length."""
        return Characters(text, self.confidences)

    def expand(self, change: Callable[[str], str]) -> Characters:
        """Replace each character by `change(character)`, a string that takes its confidence."""
        changed = [change(ch) for ch in self.text]
        spread = (
            confidence
            for new, confidence in zip(changed, self.confidences, strict=False)
            for _ in new
        )
        return Characters("".join(changed), tuple(spread))

    def merge(self, groups: Iterable[tuple[str, int]]) -> Characters:
        """Replace groups of characters.

        Args:
            groups: from left to right, the new string and how many characters it replaces. Each
                character of the new string gets the lowest confidence of its group.
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
        """NFC of a fully decomposed string."""
        composed = unicodedata.normalize("NFC", self.text)
        return self.merge((ch, len(unicodedata.normalize("NFD", ch))) for ch in composed)


def join(rows: Iterable[Characters]) -> Characters:
    """Concatenate rows; the result has confidences only if every row has them."""
    rows = [row for row in rows if row.text]
    known = all(row.confidences for row in rows)
    confidences = tuple(c for row in rows for c in row.confidences) if known else ()
    return Characters("".join(row.text for row in rows), confidences)
