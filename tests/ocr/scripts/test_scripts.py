from __future__ import annotations

import unicodedata

import pytest

from lipiyana.ocr.scripts.table import ASCII_DIGITS, LANGUAGES, SCRIPTS, script_of, script_of_char

SCHEDULED = (
    "as", "bn", "brx", "doi", "gu", "hi", "kn", "ks", "kok", "mai", "ml", "mni", "mr", "ne", "or",
    "pa", "sa", "sat", "sd", "ta", "te", "ur",
)  # fmt: skip


def test_every_scheduled_language_has_a_script() -> None:
    assert set(SCHEDULED) <= set(LANGUAGES)
    assert len(SCHEDULED) == 22


@pytest.mark.parametrize("code", SCRIPTS)
def test_digits_count_from_zero_to_nine(code: str) -> None:
    digits = SCRIPTS[code].digits
    assert [unicodedata.digit(digit) for digit in digits] == list(range(10))
    assert digits.translate(ASCII_DIGITS) == "0123456789"


@pytest.mark.parametrize("code", [code for code in SCRIPTS if SCRIPTS[code].virama])
def test_viramas_are_viramas(code: str) -> None:
    assert unicodedata.combining(SCRIPTS[code].virama) == 9


def test_no_character_belongs_to_two_scripts() -> None:
    for point in range(0x20, 0xFFFF):
        owners = [code for code in SCRIPTS if SCRIPTS[code].contains(chr(point))]
        assert len(owners) <= 1, hex(point)


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("भारत", "Deva"),
        ("ঢাকা মেট্রো-গ", "Beng"),
        ("১১-৫৯৫৪", "Beng"),
        ("१७४", "Deva"),
        ("KA 01 बस", "Latn"),
        ("1234", "Zyyy"),
        ("", "Zyyy"),
        ("।", "Zyyy"),
        ("بس اڈہ", "Arab"),
        ("ᱥᱟᱱᱛᱟᱲᱤ", "Olck"),
        ("ꯃꯅꯤꯄꯨꯔ", "Mtei"),
        ("É", "Latn"),
        ("×", "Zyyy"),
    ],
)
def test_script_of(text: str, script: str) -> None:
    assert script_of(text) == script


def test_danda_belongs_to_no_script() -> None:
    assert script_of_char("।") == script_of_char("॥") == "Zyyy"
