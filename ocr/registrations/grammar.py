"""Patterns and their automaton as one object: accepts, cuts into fields, names the format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lipiyana.ocr.registrations.automaton import Automaton
from lipiyana.ocr.registrations.formats import PATTERNS, Format, Pattern, Variant
from lipiyana.types import Category, Registration


@dataclass(frozen=True, slots=True)
class Reading:
    """A string cut by a pattern: `parts` holds one string a slot."""

    pattern: Pattern
    parts: tuple[str, ...]

    def part(self, role: str) -> str:
        """What the slot of that role holds; "" where the pattern has none."""
        return "".join(self.parts)[self.span(role)]

    def span(self, role: str) -> slice:
        """Where the slot of that role stands in the string; empty where there is none."""
        start = 0
        for slot, text in zip(self.pattern.slots, self.parts, strict=True):
            if slot.role == role:
                return slice(start, start + len(text))
            start += len(text)
        return slice(0, 0)

    @property
    def record(self) -> Format:
        """The record of its format."""
        return self.pattern.record

    @property
    def variant(self) -> Variant:
        """The way in which it is written."""
        return self.pattern.variant

    @property
    def category(self) -> Category | None:
        """Whom the registration belongs to, where the text alone tells."""
        return self.variant.class_categories.get(self.part("class"), self.variant.category)

    @property
    def prior(self) -> float:
        """Natural logarithm of how usual such a registration is."""
        return self.variant.prior.log_probability(self.part("lot"), self.part("number"))

    def registration(self, confidences: tuple[float, ...] = ()) -> Registration:
        """The reading as a valid registration; `confidences` are one a character."""
        region = self.part("region")
        slots = zip(self.pattern.slots, self.parts, strict=True)
        return Registration(
            canonical="".join(self.parts),
            valid=True,
            format=self.pattern.format,
            country=self.pattern.country,
            region_code=region,
            region_name=self.variant.region_names.get(region, ""),
            category=self.category,
            vehicle_class=self.part("class"),
            lot=self.part("lot"),
            number=self.part("number"),
            romanized="".join(slot.romanize(text) for slot, text in slots),
            character_confidences=confidences,
        )


class Grammar:
    """Everything that may be painted on a plate, as letters and digits without separators.

    Attributes:
        patterns: most preferred first.
        automaton: the same patterns, to be walked one character at a time.
        longest: most characters that a registration can have.
    """

    def __init__(self, patterns: Sequence[Pattern] = PATTERNS) -> None:
        self.patterns = tuple(patterns)
        self.automaton = Automaton(self.patterns)
        self.longest = max(pattern.variant.longest for pattern in self.patterns)

    def allows_prefix(self, text: str) -> bool:
        """Whether some registration begins with `text`."""
        return self.automaton.run(text) is not None

    def accepts(self, text: str) -> bool:
        """Whether `text` is a whole registration."""
        state = self.automaton.run(text)
        return state is not None and bool(self.automaton.accepting(state))

    def reading(self, text: str) -> Reading | None:
        """The most preferred reading of `text`, or None."""
        state = self.automaton.run(text)
        if state is None:
            return None
        indices = self.automaton.accepting(state)
        return self._cut(indices[0], text) if indices else None

    def readings(self, text: str) -> tuple[Reading, ...]:
        """Every pattern that `text` fits, most preferred first (the colours may decide)."""
        state = self.automaton.run(text)
        if state is None:
            return ()
        return tuple(self._cut(index, text) for index in self.automaton.accepting(state))

    def _cut(self, index: int, text: str) -> Reading:
        pattern = self.patterns[index]
        parts = pattern.split(text)
        if parts is None:
            raise AssertionError("the automaton and its pattern disagree")
        return Reading(pattern, parts)


GRAMMAR = Grammar()
"""The one grammar that parsing, repair and beam search share."""
