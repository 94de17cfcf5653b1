"""The records of formats: each is whole and true to its own examples."""

from __future__ import annotations

import itertools

import pytest

from lipiyana.ocr.registrations import FORMATS, GRAMMAR, PATTERNS, categorize, parse
from lipiyana.ocr.registrations.formats import COUNTRIES, Example, Format
from lipiyana.types import RegistrationFormat

EXAMPLES = [(record, example) for record in FORMATS for example in record.examples]


def test_every_public_format_has_a_record() -> None:
    assert {record.format for record in FORMATS} == set(RegistrationFormat)


@pytest.mark.parametrize(("record", "example"), EXAMPLES, ids=[e.canonical for _, e in EXAMPLES])
def test_an_example_is_read_as_its_format(record: Format, example: Example) -> None:
    read = parse(example.rows)
    found = categorize(read, example.colour).registration
    assert read.valid
    assert read.canonical == found.canonical == example.canonical
    assert (found.format, found.country) == (record.format, record.country.code)


@pytest.mark.parametrize(("record", "example"), EXAMPLES, ids=[e.canonical for _, e in EXAMPLES])
def test_the_colours_of_a_record_agree_with_its_examples(record: Format, example: Example) -> None:
    said = categorize(parse(example.rows), example.colour).registration
    text = next(r.category for r in GRAMMAR.readings(example.canonical) if r.record is record)
    for colour, category in record.colours.get(text, {}).items():
        found = categorize(said, colour)
        assert (found.registration.category, found.conflict) == (category, False)
        assert found.registration.country == record.country.code


def test_every_variant_has_an_example() -> None:
    shown = [
        reading.pattern
        for record, example in EXAMPLES
        for reading in GRAMMAR.readings(example.canonical)
        if reading.record is record
    ]
    assert [pattern for pattern in PATTERNS if not any(pattern is one for one in shown)] == []


def test_a_country_has_one_rule() -> None:
    for record in FORMATS:
        assert COUNTRIES[record.country.code] == record.country


def test_the_least_rank_is_preferred() -> None:
    ranks = [pattern.variant.rank for pattern in PATTERNS]
    assert ranks == sorted(ranks)
    ranked = [pattern for pattern in PATTERNS if pattern.variant.rank]
    assert [pattern.country for pattern in ranked] == ["NP"]
    listed = [FORMATS.index(p.record) for p in PATTERNS if not p.variant.rank]
    assert all(one <= other for one, other in itertools.pairwise(listed))
