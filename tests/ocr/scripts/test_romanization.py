from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.errors import MissingExtra
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.scripts.romanization import romanize
from lipiyana.ocr.scripts.table import SCRIPTS, script_of_char

CHARSET = Charset.load()


@pytest.mark.parametrize(
    ("text", "script", "expected"),
    [
        ("राष्ट्रीय", "Deva", "rāṣṭrīya"),
        ("को.३२प १७४", "Deva", "kō.32pa 174"),
        ("ज़िला पढ़ाई", "Deva", "zilā paṛhāī"),
        ("ঢাকা মেট্রো-গ ১১", "Beng", "ḍhākā mēṭrō-ga 11"),
        ("গুৱাহাটী উৎসৱ", "Beng", "guvāhāṭī utsava"),
        ("ਪੱਟੀ ਸ਼ੇਰ", "Guru", "paṭṭī śēra"),
        ("ડૉક્ટર", "Gujr", "ḍôkṭara"),
        ("ଓଡ଼ିଶା", "Orya", "ōṛiśā"),
        ("தமிழ்நாடு", "Taml", "tamiḻnāṭu"),
        ("తెలుగు కొత్త", "Telu", "telugu kotta"),
        ("ಬೆಂಗಳೂರು", "Knda", "beṁgaḷūru"),
        ("അവൻ കോഴിക്കോട്", "Mlym", "avan kōḻikkōṭ"),
        ("لاہور ۱۲", "Arab", "lāhor 12"),
        ("ᱚᱞ ᱪᱤᱠᱤ", "Olck", "ol ciki"),
        ("ꯏꯝꯐꯥꯜ ꯁ꯭ꯀꯨꯜ ꯱", "Mtei", "imphāl skul 1"),
        ("KA 01", "Latn", "KA 01"),
        ("बस STOP", "Deva", "basa STOP"),
        ("१२", "Zyyy", "12"),
    ],
)
def test_known_words(text: str, script: str, expected: str) -> None:
    assert romanize(text, script) == expected


@pytest.mark.parametrize("code", [code for code in SCRIPTS if code != "Latn"])
@given(data=st.data())
def test_no_letter_of_the_script_remains(code: str, data: st.DataObject) -> None:
    letters = [ch for ch in CHARSET.characters if script_of_char(ch) == code and ch.isalnum()]
    text = data.draw(st.text(st.sampled_from(letters), max_size=12))
    assert all(script_of_char(ch) in {"Latn", "Zyyy"} for ch in romanize(text, code))


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "indic_transliteration", None)
    with pytest.raises(MissingExtra, match=r"needs the extra .indic.*\.\[indic\]"):
        romanize("बस", "Deva")
    assert romanize("ᱚᱞ", "Olck") == "ol"


def test_a_script_that_is_not_read_is_refused() -> None:
    with pytest.raises(KeyError):
        romanize("ཀ", "Tibt")
