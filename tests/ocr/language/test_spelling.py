from __future__ import annotations

import pytest

from lipiyana.ocr.language.model import LanguageModel
from lipiyana.ocr.language.word_search import count_unknown, respelt
from lipiyana.ocr.training.build_language_model import build

LETTERS = "कमलना"


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return build({"Deva": ["कमल", "कलम", "नमक"], "Beng": ["কমল"]})


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("कमल", 0),
        ("कमल कलम", 0),
        ("कमल-कलम.", 0),
        ("कमन", 1),
        ("कमन नमन", 2),
        ("कमलकलम", 1),
        ("क", 1),
        ("कমল", 1),
        ("कमल কমল", 0),
        ("Kamal 12", 0),
    ],
)
def test_words_that_are_not_known_are_counted(model, text, count):
    assert count_unknown(text, model) == count


def test_one_word_at_a_time_is_replaced(model):
    assert set(respelt("(कमन, नमन)", model, LETTERS)) == {"(कमल, नमन)", "(कमन, नमक)"}
    assert set(respelt("कम", model, LETTERS)) == {"कमल", "कलम"}
    assert list(respelt("Kamal क १२", model, LETTERS)) == []


def test_a_known_word_may_be_another_one():
    model = build({"Deva": ["कमल", "कमला", "कम"]})
    assert set(respelt("कमल", model, LETTERS)) == {"कमला", "कम"}


def test_letters_that_were_not_seen_do_not_come_in(model):
    assert list(respelt("कम", model, "न")) == []
    assert set(respelt("कमलम", model, "")) == {"कलम", "कमल"}
