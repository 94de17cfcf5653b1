from __future__ import annotations

import numpy as np
import pytest

from lipiyana.ocr.language.model import LanguageModel
from lipiyana.ocr.language.settings import LanguageSettings
from lipiyana.ocr.language.word_search import read_words
from lipiyana.ocr.recognition.decoding import greedy
from lipiyana.ocr.training.build_language_model import build

CHARSET = ("क", "म", "ल", "न", "1", " ")


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return build({"Deva": ["कमल", "कमल", "कलम", "नमक"]})


def steps(*rows: dict[str, float]) -> np.ndarray:
    """One row a step; what is left over goes to the blank."""
    out = np.zeros((len(rows), len(CHARSET) + 1), np.float32)
    for row, chances in zip(out, rows, strict=True):
        for letter, chance in chances.items():
            row[CHARSET.index(letter) + 1] = chance
        row[0] = 1 - row.sum()
    return out


def test_words_decide_where_the_reader_is_in_doubt(model):
    doubtful = steps({"क": 0.99}, {}, {"म": 0.99}, {}, {"न": 0.5, "ल": 0.45})
    assert greedy(doubtful, CHARSET).text == "कमन"
    read = read_words(doubtful, CHARSET, model)
    assert read.text == "कमल"
    assert read.character_confidences == pytest.approx((0.99, 0.99, 0.45))


def test_a_sure_reader_is_believed(model):
    sure = steps({"न": 0.99}, {}, {"न": 0.99}, {}, {"न": 0.99})
    assert read_words(sure, CHARSET, model) == greedy(sure, CHARSET)


def test_paths_of_one_text_are_added_up(model):
    twice = steps({"1": 0.4}, {"1": 0.4})
    assert greedy(twice, CHARSET).text == ""
    assert (
        read_words(twice, CHARSET, model, settings=LanguageSettings(weight=0, bonus=0)).text == "1"
    )


def test_a_repeat_needs_a_blank_between(model):
    apart = steps({"1": 0.9}, {"1": 0.02}, {"1": 0.9})
    joined = steps({"1": 0.9}, {"1": 0.9}, {"1": 0.9})
    assert read_words(apart, CHARSET, model).text == "11"
    assert read_words(joined, CHARSET, model).text == "1"


def test_blanks_are_no_text(model):
    assert read_words(steps({}, {"1": 0.1}, {}), CHARSET, model).text == ""


def test_a_known_word_is_tried_that_the_search_left_out(model):
    # the reader gives the word a chance far below what is tried
    wrong = steps({"क": 0.9}, {}, {"म": 0.99}, {}, {"न": 0.95, "ल": 0.0005})
    assert (
        read_words(wrong, CHARSET, model, settings=LanguageSettings(unknown_word_cost=0)).text
        == "कमन"
    )
    assert (
        read_words(wrong, CHARSET, model, settings=LanguageSettings(unknown_word_cost=8)).text
        == "कमल"
    )


def test_a_reader_that_sees_no_known_word_is_believed(model):
    other = steps({"न": 0.9}, {}, {"न": 0.9}, {}, {"ल": 0.9})
    assert read_words(other, CHARSET, model).text == "ननल"


def test_letters_that_the_reader_does_not_have_are_not_written():
    wide = build({"Deva": ["कमला"]})
    assert read_words(steps({"क": 0.9}, {"म": 0.9}, {"ल": 0.9}), CHARSET, wide).text == "कमल"
