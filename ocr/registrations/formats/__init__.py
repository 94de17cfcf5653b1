"""The known formats of registrations: one record for each format, one module for each country.

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
"""All formats."""

PATTERNS: tuple[Pattern, ...] = tuple(
    sorted(
        (Pattern(record, variant) for record in FORMATS for variant in record.variants),
        key=lambda pattern: pattern.variant.rank,
    )
)
"""Every variant, most preferred first. A string that fits several has the format of the first;
`Grammar.readings` gives all of them.
"""

COUNTRIES = {record.country.code: record.country for record in FORMATS}
"""The countries that issue registrations, by ISO 3166-1 alpha-2 code."""

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
"""Region codes with which the upper row of a plate may begin even if it has no digits; see
`Format.upper_row_of_letters`.
"""
