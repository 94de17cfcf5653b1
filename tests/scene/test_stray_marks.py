from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.scene.reader import downweight_stray_marks


@pytest.mark.parametrize("text", ["''", "-", '"', "।", "•", "", " - "])
def test_punctuation_alone_says_nothing(text: str) -> None:
    assert downweight_stray_marks(text, 0.9) == 0


@pytest.mark.parametrize("text", ["e", "L", "7", "क", "ی", '"T', "-2", "3."])
def test_one_character_is_half_as_sure(text: str) -> None:
    assert downweight_stray_marks(text, 0.8) == pytest.approx(0.4)


@pytest.mark.parametrize("text", ["ृ॥क", "ি3095", "ाज"])
def test_a_mark_without_its_letter_is_half_as_sure(text: str) -> None:
    assert downweight_stray_marks(text, 0.8) == pytest.approx(0.4)


@pytest.mark.parametrize("text", ["की", "NO", "92", "₹5", "दुकान", "ᱚᱞ", "STD-PCO", "में"])
def test_words_and_numbers_stay_as_sure(text: str) -> None:
    assert downweight_stray_marks(text, 0.8) == 0.8


@given(st.text(), st.floats(0, 1))
def test_confidence_never_rises(text: str, confidence: float) -> None:
    assert 0 <= downweight_stray_marks(unicodedata.normalize("NFC", text), confidence) <= confidence
