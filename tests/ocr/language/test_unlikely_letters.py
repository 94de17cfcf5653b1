from __future__ import annotations

import numpy as np
import pytest

from lipiyana.ocr.language.script_choice import has_unlikely, without_unlikely


@pytest.mark.parametrize("text", ["中", "TATA二", "दवाॵ", "ひ", "ૠષિ"])
def test_texts_with_unlikely_letters(text: str) -> None:
    assert has_unlikely(text)


@pytest.mark.parametrize(
    "text", ["", "TATA 12/-", "दवाओं", "ঢাকা", "ಬಸ್", "ᱚᱞ", "ꯃꯤꯇꯩ", "دکان", "₹ 5.50", "Ünïcode", "ઋષિ"]
)
def test_texts_without_unlikely_letters(text: str) -> None:
    assert not has_unlikely(text)


def test_ideographs_go_and_rare_letters_must_be_clear() -> None:
    charset = ("A", "中", "ॵ", "ओ")
    seen = np.array([[0.1, 0.2, 0.7, 0, 0], [0, 0, 0, 0.6, 0.4], [0, 0, 0, 0.999, 0.001]], "f4")
    left = without_unlikely(seen, charset)
    assert left.argmax(axis=1).tolist() == [1, 4, 3]
    assert left[0, 2] == 0
    assert seen[0, 2] > 0
