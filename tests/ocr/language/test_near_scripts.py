from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from lipiyana.ocr.language.model import LanguageModel
from lipiyana.ocr.language.script_choice import choose_telugu_or_kannada
from lipiyana.ocr.recognition.decoding import greedy
from lipiyana.ocr.training.build_language_model import build

# ka, la, ma and ra of Telugu and of Kannada, another script, Latin, shared
CHARSET = tuple("కలమరಕಲಮರकA1 ")


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return build({"Telu": ["కలరమ", "రమక"], "Knda": ["ಕಮಲ", "ಕಮಲ", "ಮರ"], "Deva": ["कक"]})


def steps(*rows: dict[str, float]) -> npt.NDArray[np.float32]:
    """One letter a row, a blank after each; what is left over goes to the blank."""
    out = np.zeros((2 * len(rows), len(CHARSET) + 1), np.float32)
    out[1::2, 0] = 1
    for row, chances in zip(out[::2], rows, strict=True):
        for letter, chance in chances.items():
            row[CHARSET.index(letter) + 1] = chance
        row[0] = 1 - row.sum()
    return out


def both(telugu: str, kannada: str, first: float, second: float) -> npt.NDArray[np.float32]:
    return steps(*({a: first, b: second} for a, b in zip(telugu, kannada, strict=True)))


def test_words_say_which_of_two_scripts_a_line_is_in(model: LanguageModel) -> None:
    # a little likelier in Telugu, where it is no word
    seen = both("కమల", "ಕಮಲ", 0.5, 0.45)
    apart = choose_telugu_or_kannada(seen, "కమల", CHARSET, model)
    assert apart is not None
    assert greedy(apart, CHARSET).text == "ಕಮಲ"


def test_the_likelier_script_stays_where_words_tell_nothing(model: LanguageModel) -> None:
    seen = both("రమక", "ರಮಕ", 0.5, 0.45)
    apart = choose_telugu_or_kannada(seen, "రమక", CHARSET, model)
    assert apart is not None
    assert greedy(apart, CHARSET).text == "రమక"


@pytest.mark.parametrize(
    ("hints", "text"), [([], "లర"), (["Knda"], "ಲರ"), (["Knda", "Telu"], "లర"), (["Deva"], "లర")]
)
def test_a_hint_weighs_as_words_do(model: LanguageModel, hints: list[str], text: str) -> None:
    apart = choose_telugu_or_kannada(both("లర", "ಲರ", 0.5, 0.45), "లర", CHARSET, model, hints)
    assert apart is not None
    assert greedy(apart, CHARSET).text == text


def test_letters_of_the_other_script_count_for_those_in_their_places(model: LanguageModel) -> None:
    seen = steps({"ಕ": 0.9}, {"మ": 0.5, "ಮ": 0.2, "ರ": 0.25}, {"ಲ": 0.9})
    apart = choose_telugu_or_kannada(seen, "ಕರಲ", CHARSET, model)
    assert apart is not None
    read = greedy(apart, CHARSET)
    assert read.text == "ಕಮಲ"
    assert read.character_confidences[1] == pytest.approx(0.7)


def test_a_clear_line_and_other_scripts_are_left_alone(model: LanguageModel) -> None:
    clear = both("రమక", "ರಮಕ", 0.99999, 1e-6)
    assert choose_telugu_or_kannada(clear, "రమక", CHARSET, model) is None
    assert choose_telugu_or_kannada(steps({"क": 0.9}), "क", CHARSET, model) is None
    assert choose_telugu_or_kannada(steps({"A": 0.9}), "A", CHARSET, model) is None
    assert choose_telugu_or_kannada(steps({}), "", CHARSET, model) is None


def test_without_words_of_both_nothing_is_decided() -> None:
    alone = build({"Telu": ["రమక"]})
    assert choose_telugu_or_kannada(both("కమల", "ಕಮಲ", 0.5, 0.45), "కమల", CHARSET, alone) is None


def test_digits_and_latin_beside_the_script_are_kept(model: LanguageModel) -> None:
    seen = steps({"ಕ": 0.9, "క": 0.01}, {"ಮ": 0.9, "మ": 0.01}, {"A": 0.9}, {"1": 0.9})
    apart = choose_telugu_or_kannada(seen, "ಕಮA1", CHARSET, model)
    assert apart is not None
    assert greedy(apart, CHARSET).text == "ಕಮA1"
