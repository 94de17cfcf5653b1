"""Normalization, confidences, repair, transliteration, regions, automaton: one by one."""

from __future__ import annotations

import dataclasses
import itertools
import threading
import unicodedata

import pytest

from lipiyana.ocr.registrations import (
    CONFUSIONS,
    GRAMMAR,
    REGION_NAMES,
    SUCCESSORS,
    Automaton,
    normalize_row,
    parse,
    repairs,
    successor,
)
from lipiyana.ocr.registrations.characters import Characters
from lipiyana.ocr.registrations.formats.bangladesh import CITIES
from lipiyana.ocr.registrations.formats.nepal import ZONES
from lipiyana.ocr.registrations.settings import REGISTRATIONS
from lipiyana.ocr.registrations.transliteration import LETTER_NAMES, transliterate
from lipiyana.types import Category, RegistrationFormat


@pytest.mark.parametrize(
    ("row", "normalized"),
    [
        (" mh-12 · ab.1234 ", "MH12AB1234"),
        ("IND MH12", "MH12"),
        ("INDMH12", "MH12"),
        ("INDORE 4520", "INDORE4520"),
        ("GJ 1ND 1234", "GJ1ND1234"),
        ("AA 123456789", ""),
        ("↑03D153874W", "03D153874W"),
        ("को.३२प", "को३२प"),
        ("কো", "কো"),
        ("എല\u0d4d\u200d", "എല\u0d4d"),
        ("①２", "12"),
        ("\ud800", ""),
    ],
)
def test_normalize_row(row: str, normalized: str) -> None:
    assert normalize_row(row) == normalized


def _spelt_letters() -> list[tuple[str, tuple[str, str]]]:
    """Script, and a letter with its first spelling, of all that plates are written in."""
    spelt = {}
    for spelling, letter in LETTER_NAMES:
        script = unicodedata.name(spelling[0]).split()[0]
        spelt.setdefault((script, letter), spelling)
    return [(script, (letter, spelling)) for (script, letter), spelling in spelt.items()]


def test_confidences_follow_their_characters() -> None:
    parsed = parse(["IND MH-1", "2AB1234"], [[0.1] * 4 + [0.5, 0.6, 0.0, 0.7], [0.9] * 7])
    assert parsed.character_confidences == (0.5, 0.6, 0.7, *[0.9] * 7)


def test_a_repaired_character_keeps_its_confidence() -> None:
    parsed = parse(["MHI2AB1234"], [[0.9, 0.9, 0.4, *[0.9] * 7]])
    assert parsed.canonical == "MH12AB1234"
    assert parsed.character_confidences[2] == 0.4


def test_a_spelt_letter_has_the_least_confidence_of_its_name() -> None:
    text = "एमएच १२ एबी १२३४"
    confidences = [0.9] * len(text)
    confidences[1] = 0.2
    assert parse([text], [confidences]).character_confidences == (0.2, *[0.9] * 9)


def test_the_least_confident_repair_comes_first() -> None:
    sure = [0.9] * 8
    assert parse("KA05B2Z5").alternatives == ("KA05B225", "KA05BZZ5")
    series, number = sure.copy(), sure.copy()
    series[5] = number[6] = 0.3
    assert parse(["KA05B2Z5"], [series]).alternatives == ("KA05BZZ5", "KA05B225")
    assert parse(["KA05B2Z5"], [number]).alternatives == ("KA05B225", "KA05BZZ5")


@pytest.mark.parametrize(
    "confidences",
    [[[0.5]], [[0.5] * 10, [0.5]], [], [[0.5] * 11]],
    ids=["few", "rows", "none", "many"],
)
def test_confidences_of_another_length_are_an_error(confidences: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=r"confidences|zip"):
        parse(["MH12AB1234"], confidences)


def test_confusions_are_the_eight_pairs() -> None:
    assert CONFUSIONS["0"] == "DOQ"
    assert {a + b for a in CONFUSIONS for b in CONFUSIONS[a] if a.isalpha()} == {
        "O0", "I1", "Z2", "S5", "B8", "G6", "D0", "Q0",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["TAXI", "9845012345", "SHOPBOSS1", "MH12AB", "BIG"])
def test_words_and_numbers_are_not_repaired(text: str) -> None:
    assert repairs(text) == []


def test_repairs_follow_the_settings() -> None:
    text, sure = "MHI2AB1234", [0.9] * 10
    assert repairs(text, sure) == ["MH12AB1234"]
    strict = dataclasses.replace(REGISTRATIONS, repair_max_confidence=0.8)
    assert repairs(text, sure, settings=strict) == []
    assert repairs(text, settings=dataclasses.replace(REGISTRATIONS, max_repairs=0)) == []


def test_a_row_with_a_digit_is_never_left_out() -> None:
    assert not parse(["HR26X#Y", "BR5514"]).valid
    assert not parse(["HRZG", "BR55I4", "7"]).valid


def test_an_upper_row_is_repaired_not_left_out() -> None:
    assert parse(["HRZ6", "BR5514"]).canonical == "HR26BR5514"
    # two rows that are one registration, though the lower one would be one by itself
    assert parse(["HRZG", "BR5514"]).canonical == "HR2GBR5514"


def test_regions() -> None:
    assert len(REGION_NAMES) == 40
    assert all(old not in SUCCESSORS.values() for old in SUCCESSORS)
    assert successor("TS") == "TG"
    assert successor("TG") == "TG"
    assert REGION_NAMES["OR"] == REGION_NAMES["OD"] == "Odisha"


def test_all_zones_and_cities_are_known() -> None:
    assert len(ZONES) == 14
    assert len({name for name in CITIES.values() if "Metro" not in name}) == 64


@pytest.mark.parametrize("zone", ZONES)
def test_zone(zone: str) -> None:
    parsed = parse([f"{zone} १२ प", "१२३४"])
    assert (parsed.region_code, parsed.region_name) == (zone, ZONES[zone][1])
    assert parsed.romanized == f"{ZONES[zone][0]}12PA1234"


@pytest.mark.parametrize("city", CITIES)
def test_city(city: str) -> None:
    parsed = parse([f"{city}-গ", "১১-৫৯৫৪"])
    assert (parsed.region_code, parsed.region_name) == (city, CITIES[city])
    assert parsed.romanized.isascii()
    assert parsed.romanized.isalnum()


def test_every_format_has_a_pattern() -> None:
    assert {pattern.format for pattern in GRAMMAR.patterns} == set(RegistrationFormat)


def test_readings_give_every_format() -> None:
    formats = [reading.pattern.format for reading in GRAMMAR.readings("RJ14TC1234")]
    assert formats == [RegistrationFormat.STANDARD, RegistrationFormat.TEMPORARY]


def test_automaton_step_by_step() -> None:
    automaton = Automaton(GRAMMAR.patterns)
    state = automaton.start
    for character in "MH12AB1":
        following = automaton.step(state, character)
        assert following is not None
        state = following
    assert [GRAMMAR.patterns[i].format for i in automaton.accepting(state)] == ["standard"]
    assert automaton.next_characters(state) == set("0123456789")
    assert automaton.step(state, "O") is None
    assert automaton.step(state, "\u4e00") is None
    assert automaton.run("ZZ9Z") is None


def test_threads_share_an_automaton() -> None:
    automaton = Automaton(GRAMMAR.patterns)
    texts = [f"{code}{n:02}AB{n}234" for code in REGION_NAMES for n in (1, 5, 9)]
    barrier = threading.Barrier(4)
    results: list[list[bool]] = []

    def walk() -> None:
        barrier.wait()
        results.append([automaton.run(text) is not None for text in texts])

    threads = [threading.Thread(target=walk) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[True] * len(texts)] * 4
    states = {automaton.run(text) for text in texts}
    fresh = Automaton(GRAMMAR.patterns)
    assert len(states) == len({fresh.run(text) for text in texts})


@pytest.mark.parametrize("digits", ["१२", "12"])
@pytest.mark.parametrize("zone", ZONES)
def test_every_zone_of_nepal(zone: str, digits: str) -> None:
    parsed = parse([f"{zone}. {digits} च", digits])
    assert (parsed.region_code, parsed.region_name) == (zone, ZONES[zone][1])
    assert (parsed.lot, parsed.vehicle_class, parsed.number) == (digits, "च", digits)
    assert parsed.romanized == f"{ZONES[zone][0]}12CHA12"


def test_nepal_has_fourteen_zones_and_bangladesh_64_districts() -> None:
    metros = {name for name in CITIES.values() if name.endswith("Metro")}
    assert len(ZONES) == 14
    assert len({*CITIES.values()} - metros) == 64


@pytest.mark.parametrize("city", CITIES)
def test_every_city_of_bangladesh(city: str) -> None:
    parsed = parse([f"{city}-গ", "১১-০০৮৩"])
    assert (parsed.region_code, parsed.region_name) == (city, CITIES[city])
    assert (parsed.vehicle_class, parsed.lot, parsed.number) == ("গ", "১১", "০০৮৩")
    assert parsed.romanized.endswith("GA110083")


@pytest.mark.parametrize(
    ("text", "possible"), [("बा१२च38५६", "बा१२च३८५६"), ("ঢাকাগ১১23৪৫", "ঢাকাগ১১২৩৪৫")]
)
def test_mixed_digits_are_ambiguous(text: str, possible: str) -> None:
    """A Latin 8 among Devanagari digits may be ८ (eight), or ४ (four), which looks like it."""
    assert not GRAMMAR.accepts(text)
    parsed = parse(text)
    assert not parsed.valid
    assert parsed.canonical == ""
    assert parsed.alternatives == (possible,)


def test_a_zero_is_the_same_in_all_scripts() -> None:
    assert parse("बा१0च३00६").canonical == "बा१०च३००६"


def test_a_letter_of_high_confidence_is_not_repaired() -> None:
    unsure = [0.9, 0.9, 0.6, *[0.9] * 7]
    assert parse(["MHI2AB1234"], [unsure]).canonical == "MH12AB1234"
    assert not parse(["MHI2AB1234"], [[0.95] * 10]).valid
    # nothing is known of these
    assert parse("MHI2AB1234").canonical == "MH12AB1234"


@pytest.mark.parametrize("zone", ["ME", "KO", "SA", "JA", "BA", "NA", "LU", "DHA", "RA", "BHE"])
@pytest.mark.parametrize("lot", ["1", "12", "102"])
def test_zones_of_nepal_in_latin_letters(zone: str, lot: str) -> None:
    parsed = parse([f"{zone} {lot}", "CHA 9081"])
    assert (parsed.canonical, parsed.country) == (f"{zone}{lot}CHA9081", "NP")
    assert (parsed.lot, parsed.vehicle_class, parsed.number) == (lot, "CHA", "9081")
    assert parsed.category is Category.PRIVATE


@pytest.mark.parametrize("script", sorted({name for name, _ in _spelt_letters()}))
def test_any_two_letters_are_read_in_any_script(script: str) -> None:
    """Names that begin like others (ए and एस, जे and जेड) hide none of them."""
    letters = dict(pair for name, pair in _spelt_letters() if name == script)
    for first, second in itertools.product(letters, repeat=2):
        # at the beginning they might be a state's own word
        ways = transliterate(Characters(f"1{letters[first]}{letters[second]}"))
        assert f"1{first}{second}" in {way.text for way in ways}


def test_unreadable_names_take_linear_time() -> None:
    # each of them stands for two letters, and the last for none
    assert transliterate(Characters("பி" * 49 + "ங")) == []
