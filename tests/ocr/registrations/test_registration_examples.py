"""The table of real-world examples, good and bad."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import NamedTuple

import pytest

from lipiyana.ocr.registrations import find, parse

TABLE = Path(__file__).with_name("examples.tsv")


class Example(NamedTuple):
    rows: list[str]
    canonical: str
    format: str
    country: str
    region_name: str
    category: str


def _examples() -> list[Example]:
    lines = TABLE.read_text(encoding="utf-8").splitlines()[1:]
    cells = [unicodedata.normalize("NFC", line).split("\t") for line in lines]
    return [
        Example(rows.split("|"), canonical.replace("-", ""), *rest[:4])
        for rows, canonical, *rest in cells
    ]


EXAMPLES = _examples()


def test_there_are_enough_examples() -> None:
    assert len(EXAMPLES) >= 120
    assert sum(not example.canonical for example in EXAMPLES) >= 30


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: " ".join(example.rows))
def test_example(example: Example) -> None:
    parsed = parse(example.rows)
    assert parsed.canonical == example.canonical
    assert parsed.valid == bool(example.canonical)
    assert (parsed.format or "") == example.format
    assert parsed.country == example.country
    assert parsed.region_name == example.region_name
    assert (parsed.category or "") == example.category


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: " ".join(example.rows))
def test_find_agrees_with_parse(example: Example) -> None:
    found = find(example.rows)
    assert found is None or found == parse(example.rows)


def test_fields_of_an_indian_registration() -> None:
    parsed = parse("DL 10 CAA 1111")
    assert parsed.region_code == "DL"
    assert parsed.vehicle_class == "C"
    assert parsed.lot == "AA"
    assert parsed.number == "1111"
    assert parsed.romanized == "DL10CAA1111"


def test_fields_of_a_nepali_registration() -> None:
    parsed = parse(["को.३२प", "१७४"])
    assert parsed.region_code == "को"
    assert parsed.lot == "३२"
    assert parsed.vehicle_class == "प"
    assert parsed.number == "१७४"
    assert parsed.romanized == "KO32PA174"


def test_fields_of_a_bangladeshi_registration() -> None:
    parsed = parse(["ঢাকা মেট্রো-গ", "১১-৫৯৫৪"])
    assert parsed.region_code == "ঢাকামেট্রো"
    assert parsed.vehicle_class == "গ"
    assert parsed.lot == "১১"
    assert parsed.number == "৫৯৫৪"
    assert parsed.romanized == "DHAKAMETROGA115954"


def test_an_old_code_keeps_its_letters() -> None:
    parsed = parse("TS09FA2211")
    assert parsed.region_code == "TS"
    assert parsed.region_name == "Telangana"


@pytest.mark.parametrize(
    ("read", "alternatives"),
    [
        ("MH120A1234", {"MH12DA1234", "MH12QA1234"}),
        ("0D02J0435", {"OD02J0435", "DD02J0435"}),
        ("டிஎன் 38 பி 4477", {"TN38B4477", "TN38P4477"}),
        # the state's word is one at the beginning alone
        ("டிஎன் 01 டிஎன் 1234", {"TN01DN1234", "TN01TN1234"}),
    ],
)
def test_ambiguous_text_is_not_decided(read: str, alternatives: set[str]) -> None:
    parsed = parse(read)
    assert not parsed.valid
    assert parsed.canonical == ""
    assert set(parsed.alternatives) == alternatives
