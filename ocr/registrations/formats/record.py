"""What the engines know of a format of registrations, as one frozen record.

`lipiyana.ocr.registrations.formats.FORMATS` lists the records. The grammar, the search in what a
reader saw, scenes and categories take every fact on a format from its record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lipiyana.ocr.registrations.slots import Slot
from lipiyana.types import Category, PlateColour, RegistrationFormat

SELDOM = 4.0
"""Penalty of a format that fewer than 2 % of the vehicles on the road have, in nats."""

MISSING_DIGIT = 2.0
"""Penalty for each digit that a number has less than four, in nats: fewer than 2 % of India's
numbers have three digits or fewer; in Nepal a tenth has three, a hundredth two. A short number is
rather a part of a plate than a plate.
"""

_USUAL_NUMBER = 4  # digits


@dataclass(frozen=True, slots=True)
class Country:
    """A country that issues registrations.

    Attributes:
        code: ISO 3166-1 alpha-2.
        never_for_transport: categories that no vehicle for transport can have there. A truck with
            such a registration is a conflict.
    """

    code: str
    never_for_transport: frozenset[Category] = frozenset()


@dataclass(frozen=True, slots=True)
class Prior:
    """How usual a registration is, cautiously: penalties in nats, natural logarithms.

    Attributes:
        penalty: of every registration.
        missing_digit: for each digit that its number has less than four.
        lot_lengths: for a `lot` of so many characters.
    """

    penalty: float = 0.0
    missing_digit: float = 0.0
    lot_lengths: Mapping[int, float] = field(default_factory=dict)

    def log_probability(self, lot: str, number: str) -> float:
        """Natural logarithm of how usual a registration with these parts is."""
        missing = self.missing_digit * (_USUAL_NUMBER - len(number))
        return -self.penalty - missing - self.lot_lengths.get(len(lot), 0.0)


@dataclass(frozen=True, slots=True)
class SceneRule:
    """When a line of scene text that reads as a registration is taken for one.

    Shop signs, prices and telephone numbers stand in scenes too.

    Attributes:
        shortest: fewest characters of the registration.
        fewest_digits: fewest digits of any script in the line.
        number_length: how many digits the number must have, 0 for any. Where the broad arrow of
            the format stands in the line, any will do.
        number_apart: the number must stand by itself, or the whole registration without a gap.
        repaired: whether a registration may be found that needed a repair.
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
        region_names: English names for what the `region` slot holds.
        category: what every registration of this variant is, if that is so.
        class_categories: what the content of the `class` slot says instead.
        rank: where a string fits several variants, the one with the least rank is preferred; of
            equal ranks, the one that is listed first.
        repairable: whether a string may be made to fit by a repair. Not for variants that much
            else on the road would fit then.
        prior: how usual its registrations are.
        looks_like_others: parts of other registrations and telephone numbers look like it, so that
            its `prior` counts however clearly it was seen.
        in_scene: when a line of scene text is one; None for never.
        arrow: the broad arrow stands before its first slot, of two characters, or behind it. The
            arrow is no part of the registration.
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

    @property
    def longest(self) -> int:
        """Most characters that a registration of this variant can have."""
        return sum(slot.longest for slot in self.slots)

    def split(self, text: str) -> tuple[str, ...] | None:
        """Cut `text` into one part a slot, earlier slots as long as possible; None if it fails."""
        return _split(self.slots, text, 0)


@dataclass(frozen=True, slots=True)
class Example:
    """A plate.

    Attributes:
        rows: from the top, as they are painted.
        canonical: its `Registration.canonical`.
        colour: of the plate, where it takes that to tell the format.
    """

    rows: tuple[str, ...]
    canonical: str
    colour: PlateColour | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """A format of registrations: everything that is known of it.

    Attributes:
        format: its public name. Formats of different countries may share one.
        country: where it is issued.
        variants: the ways to write it, the preferred first.
        examples: plates of it, at least one a variant; a test parses them.
        colours: by the category that the text says (None where it leaves it open) the colours that
            such a plate may have, and the category that text and colour say together. Another
            colour is a conflict. The colours of a category that is not listed are not known.
        colours_decide: whether a text that is first taken for another format is of this one where
            only this one may have the plate's colours.
        upper_row_of_letters: whether a row of letters alone that begins with one of its regions
            may be its upper row, the digits of which were read as letters (HRZGAB), and no slogan.
    """

    format: RegistrationFormat
    country: Country
    variants: tuple[Variant, ...]
    examples: tuple[Example, ...]
    colours: Mapping[Category | None, Mapping[PlateColour, Category]] = field(default_factory=dict)
    colours_decide: bool = False
    upper_row_of_letters: bool = False


@dataclass(frozen=True, slots=True)
class Pattern:
    """A variant with its format, as the grammar lists it."""

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
        """Cut `text` into one part a slot, earlier slots as long as possible; None if it fails."""
        return self.variant.split(text)


def _split(slots: tuple[Slot, ...], text: str, start: int) -> tuple[str, ...] | None:
    if not slots:
        return () if start == len(text) else None
    for end in slots[0].ends(text, start):
        rest = _split(slots[1:], text, end)
        if rest is not None:
            return (text[start:end], *rest)
    return None
