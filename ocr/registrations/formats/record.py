"""Everything that the engines know about a registration format, as one frozen record.

`lipiyana.ocr.registrations.formats.FORMATS` lists the records. The grammar, the beam search over
the reader's logits, scenes and categories take every fact about a format from its record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lipiyana.ocr.registrations.slots import Slot
from lipiyana.types import Category, PlateColour, RegistrationFormat

SELDOM = 4.0
"""Penalty in nats of a format that fewer than 2 % of the vehicles on the road have."""

MISSING_DIGIT = 2.0
"""Penalty in nats for each digit that a number lacks to four. Fewer than 2 % of India's numbers
have three digits or fewer; in Nepal 10 % have three and 1 % two. A short number is more likely a
truncated plate than a whole one.
"""

_USUAL_NUMBER = 4  # digits


@dataclass(frozen=True, slots=True)
class Country:
    """A country that issues registrations.

    Attributes:
        code: ISO 3166-1 alpha-2.
        never_for_transport: categories that no transport vehicle can have there. A truck with
            such a registration is a conflict.
    """

    code: str
    never_for_transport: frozenset[Category] = frozenset()


@dataclass(frozen=True, slots=True)
class Prior:
    """How common a registration is, as penalties in nats; they are estimated cautiously.

    Attributes:
        penalty: for every registration.
        missing_digit: for each digit that the number lacks to four.
        lot_lengths: by the number of characters of the `lot`.
    """

    penalty: float = 0.0
    missing_digit: float = 0.0
    lot_lengths: Mapping[int, float] = field(default_factory=dict)

    def log_probability(self, lot: str, number: str) -> float:
        """Natural logarithm of the prior probability of a registration with these parts."""
        missing = self.missing_digit * (_USUAL_NUMBER - len(number))
        return -self.penalty - missing - self.lot_lengths.get(len(lot), 0.0)


@dataclass(frozen=True, slots=True)
class SceneRule:
    """When a line of scene text that parses as a registration is accepted as one.

    Scenes also show shop signs, prices and telephone numbers.

    Attributes:
        shortest: minimum number of characters of the registration.
        fewest_digits: minimum number of digits in the line, of any script.
        number_length: required number of digits of the number; 0 for any. Any number of digits is
            accepted if the line has the broad arrow of the format.
        number_apart: whether the number must be separated from what precedes it, unless the whole
            registration has no gap.
        repaired: whether a registration that needed a repair is accepted.
    """

    shortest: int = 8
    fewest_digits: int = 0
    number_length: int = 0
    number_apart: bool = False
    repaired: bool = True


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to write the registrations of a format.

    Attributes:
        slots: its parts from left to right.
        region_names: English name for each text of the `region` slot.
        category: category of all registrations of this variant, if they share one.
        class_categories: category by the text of the `class` slot; it takes precedence.
        rank: where a string fits several variants, the lowest rank is preferred; among equal ranks,
            the one that is listed first.
        repairable: whether misread characters may be repaired to fit this variant. False if too
            many other texts on the road would then fit.
        prior: how common its registrations are.
        looks_like_others: whether telephone numbers and parts of other registrations look like it.
            Its `prior` then counts even if every character was read clearly.
        in_scene: when a line of scene text is accepted; None means never.
        arrow: whether a broad arrow stands before or after the first slot, which has two
            characters. The arrow is no part of the registration.
    """

    slots: tuple[Slot, ...]
    region_names: Mapping[str, str] = field(default_factory=dict)
    category: Category | None = None
    class_categories: Mapping[str, Category] = field(default_factory=dict)
    rank: int = 0
    repairable: bool = True
    prior: Prior = field(default_factory=Prior)
    looks_like_others: bool = False
    in_scene: SceneRule | None = field(default_factory=SceneRule)
    arrow: bool = False

    def __post_init__(self) -> None:
        _require_tuple("slots of a variant", self.slots)
        if "number" not in (slot.role for slot in self.slots):
            roles = ", ".join(slot.role for slot in self.slots)
            raise ValueError(f"a variant needs a slot with the role 'number'; it has {roles}")

    @property
    def longest(self) -> int:
        """Maximum number of characters of a registration of this variant."""
        return sum(slot.longest for slot in self.slots)

    def split(self, text: str) -> tuple[str, ...] | None:
        """Cut `text` into one part per slot, the earlier ones as long as possible, or give None."""
        return _split(self.slots, text, 0)


@dataclass(frozen=True, slots=True)
class Example:
    """An example plate.

    Attributes:
        rows: rows as painted, from the top.
        canonical: the expected `Registration.canonical`.
        colour: colour of the plate, where the format cannot be decided without it.
    """

    rows: tuple[str, ...]
    canonical: str
    colour: PlateColour | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """A registration format: everything that is known about it.

    Attributes:
        format: its public name. Formats of different countries may share a name.
        country: where it is issued.
        variants: the ways to write it, the preferred one first.
        examples: example plates, at least one for each variant; a test parses them.
        colours: for the category that the text gives (None if it gives none), the allowed colours
            of the plate, each with the category that follows from text and colour together. Any
            other colour is a conflict. If a category is missing, its colours are unknown.
        colours_decide: whether this format replaces a preferred one if only this format allows the
            plate's colours.
        upper_row_of_letters: whether a row without digits that begins with one of its regions may
            be an upper row whose digits were misread as letters (HR26AB read as HRZGAB). Such a
            row is not treated as a slogan.
    """

    format: RegistrationFormat
    country: Country
    variants: tuple[Variant, ...]
    examples: tuple[Example, ...]
    colours: Mapping[Category | None, Mapping[PlateColour, Category]] = field(default_factory=dict)
    colours_decide: bool = False
    upper_row_of_letters: bool = False

    def __post_init__(self) -> None:
        _require_tuple(f"variants of the format {self.format!s}", self.variants)
        _require_tuple(f"examples of the format {self.format!s}", self.examples)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A variant together with its format; the grammar is a list of these."""

    record: Format
    variant: Variant

    @property
    def format(self) -> RegistrationFormat:
        """Public name of the format."""
        return self.record.format

    @property
    def country(self) -> str:
        """ISO 3166-1 alpha-2 code."""
        return self.record.country.code

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The parts of the variant from left to right."""
        return self.variant.slots

    def split(self, text: str) -> tuple[str, ...] | None:
        """Cut `text` into one part per slot, the earlier ones as long as possible, or give None."""
        return self.variant.split(text)


def _split(slots: tuple[Slot, ...], text: str, start: int) -> tuple[str, ...] | None:
    if not slots:
        return () if start == len(text) else None
    for end in slots[0].ends(text, start):
        rest = _split(slots[1:], text, end)
        if rest is not None:
            return (text[start:end], *rest)
    return None


def _require_tuple(name: str, value: object) -> None:
    if not isinstance(value, tuple) or not value:
        raise TypeError(f"{name}: a tuple with members is needed; one member has a comma behind it")
