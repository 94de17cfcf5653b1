from __future__ import annotations

from array import array
from dataclasses import replace

import pytest

from lipiyana.ocr.language.model import LEVELS, Grams, LanguageModel, ScriptModel, pack
from lipiyana.ocr.language.settings import LANGUAGE
from lipiyana.ocr.language.word_set import WordSet

# क is 2, म is 3; the edge of a word is 1
UNIGRAMS = Grams(array("Q", [1, 2, 3]), bytes([16, 32, 48]))
BIGRAMS = Grams(array("Q", sorted([pack((1, 2)), pack((2, 3))])), bytes([4, 8]))
NONE = Grams(array("Q"), b"")


@pytest.fixture
def model() -> LanguageModel:
    return LanguageModel({"Deva": ScriptModel("कम", (UNIGRAMS, BIGRAMS, NONE, NONE, NONE))})


@pytest.mark.parametrize(
    ("before", "character", "expected"),
    [
        ("", "क", -4 / LEVELS),
        ("म क", "म", -8 / LEVELS + LANGUAGE.back_off),  # of "edge, क, म" only the last two are kept
        ("", "म", -48 / LEVELS + LANGUAGE.back_off),
        ("कममम", "म", -48 / LEVELS + 4 * LANGUAGE.back_off),
        ("क", "", -16 / LEVELS + 2 * LANGUAGE.back_off),
        ("१", "क", -4 / LEVELS),  # a digit is no part of a word
    ],
)
def test_the_longest_n_gram_that_is_kept_decides(model, before, character, expected):
    assert model.log_probability(before, character) == pytest.approx(expected)


@pytest.mark.parametrize(("before", "character"), [("क", " "), ("क", "A"), ("", ""), ("A", "")])
def test_nothing_is_said_of_what_is_no_word(model, before, character):
    assert model.log_probability(before, character) is None


def test_a_word_in_two_scripts_is_unlikely(model):
    both = LanguageModel(
        {**model.scripts, "Beng": ScriptModel("ক", (UNIGRAMS, NONE, NONE, NONE, NONE))}
    )
    assert both.log_probability("क", "ক") < both.log_probability("क ", "ক")


def test_a_file_gives_back_what_was_saved(model, tmp_path):
    path = tmp_path / "words.npz"
    own = replace(model.scripts["Deva"], words=WordSet.of([(2, 3), (3, 3, 2)]))
    model = LanguageModel({"Deva": own})
    model.save(path)
    assert LanguageModel.load(path).scripts == model.scripts


@pytest.mark.parametrize(
    ("word", "expected"),
    [("कम", ("Deva", (2, 3))), ("कन", None), ("कA", None), ("", None)],
)
def test_the_numbers_of_a_word(model, word, expected):
    assert model.numbered(word) == expected
