"""The formats of registrations that are known: one record each, by country.

To add one, add its record to the tuple `FORMATS` of its country.
"""

from __future__ import annotations

from lipiyana.ocr.registrations.formats import bangladesh, india, nepal
from lipiyana.ocr.registrations.formats.record import (
    Country,
    Example,
    Format,
    Pattern,
    Prior,
    SceneRule,
    Variant,
)

__all__ = [
    "COUNTRIES",
    "FORMATS",
    "PATTERNS",
    "UPPER_ROW_BEGINNINGS",
    "Country",
    "Example",
    "Format",
    "Pattern",
    "Prior",
    "SceneRule",
    "Variant",
]

FORMATS: tuple[Format, ...] = (*india.FORMATS, *nepal.FORMATS, *bangladesh.FORMATS)
"""All of them."""

PATTERNS: tuple[Pattern, ...] = tuple(
    sorted(
        (Pattern(record, variant) for record in FORMATS for variant in record.variants),
        key=lambda pattern: pattern.variant.rank,
    )
)
"""Every variant, most preferred first. Where a string fits several, the first names its format;
`Grammar.readings` gives them all.
"""

COUNTRIES = {record.country.code: record.country for record in FORMATS}
"""The countries that issue them, by their codes."""

UPPER_ROW_BEGINNINGS: tuple[str, ...] = tuple(
    {
        word: None
        for record in FORMATS
        if record.upper_row_of_letters
        for variant in record.variants
        for slot in variant.slots
        if slot.role == "region"
        for word in slot.words
    }
)
"""What a row of letters alone may begin with that is the upper row of a plate."""
