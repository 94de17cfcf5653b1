from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.scripts.clusters import clusters


@pytest.mark.parametrize(
    "parts",
    [
        ["रा", "ष्ट्री", "य"],
        ["प", "ढ़ा", "ई"],
        ["ज्", "1"],
        ["ক্ষু", "দ্র", " ", "বাং", "লা"],
        ["স", "ৎ"],
        ["ਅੰ", "ਮ੍ਰਿ", "ਤ", "ਸ", "ਰ"],
        ["ପ", "ଡ଼ା"],
        ["க்", "க", "ரு"],
        ["ல", "க்ஷ்", "மி"],
        ["ஸ்ரீ"],
        ["స్త్రీ"],
        ["ಮಂ", "ಜು"],
        ["അ", "തി", "ർ", "ത്തി"],
        ["بِ", "ن"],
        ["ᱟᱹ", "ᱛ", "ᱩ"],
        ["ꯁ꯭ꯀꯨ", "ꯜ"],
        ["K", "A", "é"],
    ],
)
def test_known_clusters(parts: list[str]) -> None:
    assert clusters("".join(parts)) == parts


@given(st.text(st.sampled_from(Charset.load().characters) | st.characters()))
def test_nothing_is_lost(text: str) -> None:
    parts = clusters(text)
    assert "".join(parts) == text
    assert all(parts)
