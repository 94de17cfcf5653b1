"""The grammar: accepts registrations, cuts them into fields and names their format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lipiyana.ocr.registrations.automaton import Automaton
from lipiyana.ocr.registrations.formats import PATTERNS, Format, Pattern, Variant
from lipiyana.types import Category, Registration


@dataclass(frozen=True, slots=True)
class Reading:
    """A string cut by a pattern: `parts` has one string for each slot."""

    pattern: Pattern
    parts: tuple[str, ...]

    def part(self, role: str) -> str:
        """The text of the slot with that role; "" if the pattern has no such slot."""
        return "".join(self.parts)[self.span(role)]

    def span(self, role: str) -> slice:
        """Position of the slot with that role in the string; empty if there is no such slot."""
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
        """The variant of the format."""
        return self.pattern.variant

    @property
    def category(self) -> Category | None:
        """The category that the text alone gives, if any."""
        return self.variant.class_categories.get(self.part("class"), self.variant.category)

    @property
    def prior(self) -> float:
        """Natural logarithm of the prior probability of such a registration."""
        return self.variant.prior.log_probability(self.part("lot"), self.part("number"))

    def registration(self, confidences: tuple[float, ...] = ()) -> Registration:
        """The reading as a valid registration; `confidences` has one value per character."""
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
    """All valid registrations, as letters and digits without separators.

    Attributes:
        patterns: most preferred first.
        automaton: the same patterns as a finite automaton.
        longest: maximum number of characters of a registration.
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
        """A reading for each pattern that `text` fits, most preferred first.

        The colours of the plate may choose another one than the first.
        """
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
"""The grammar shared by parsing, repair and beam search."""
