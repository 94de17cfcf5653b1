from __future__ import annotations

import math

import pytest

from lipiyana.ocr.language.model import LanguageModel
from lipiyana.ocr.language.word_search import count_unknown
from lipiyana.ocr.scripts.label_order import to_text
from lipiyana.ocr.scripts.table import SCRIPTS
from lipiyana.ocr.training.build_language_model import board_words, build, count_script

WORDS = ["कमल", "कमला", "कलम", "नमक", "मकान", "नाम"]


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return build({"Deva": WORDS})


@pytest.mark.parametrize("context", ["", "क", "कम", "न"])
def test_probabilities_after_a_seen_context_sum_to_at_most_one(model, context):
    counted = count_script("Deva", WORDS)
    letters = [*counted.letters, ""] if context else [*counted.letters]
    chances = [model.log_probability(context, letter) for letter in letters]
    assert sum(math.exp(chance) for chance in chances) < 1.1  # stored in steps of 6 %


def test_seen_sequences_are_likelier_than_unseen_ones(model):
    assert model.log_probability("कम", "ल") > model.log_probability("कम", "न")
    assert model.log_probability("नाम", "") > model.log_probability("ना", "")


def test_the_least_useful_n_grams_are_pruned():
    full, small = build({"Deva": WORDS}), build({"Deva": WORDS}, kept=5)

    def longer(model: LanguageModel) -> int:
        return sum(len(grams.keys) for grams in model.scripts["Deva"].grams[2:])

    assert longer(full) > 20
    assert 5 <= longer(small) < longer(full)
    assert small.scripts["Deva"].grams[0] == full.scripts["Deva"].grams[0]


def test_words_with_digits_are_not_counted():
    assert count_script("Deva", [*WORDS, "क१"]).letters == count_script("Deva", WORDS).letters


def test_additional_words_are_known_but_not_counted(model):
    more = build({"Deva": WORDS}, known={"Deva": ["कनक", "कদ"], "Beng": ["কমল"]})
    assert more.scripts.keys() == {"Deva"}
    assert more.scripts["Deva"].grams == model.scripts["Deva"].grams
    assert count_unknown("कनक", model) == 1
    assert count_unknown("कनक", more) == 0


def test_words_of_boards_are_in_visual_order_without_punctuation():
    words = board_words()
    assert "আিলপুরদুয়ার" in words["Beng"]
    for code, own in words.items():
        letters = set("".join(to_text(word) for word in own))
        assert all(SCRIPTS[code].contains(letter) for letter in letters)
