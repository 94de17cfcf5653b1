import numpy as np
import numpy.typing as npt

from lipiyana.ocr.language.script_choice import keep_one_script
from lipiyana.ocr.recognition.decoding import greedy

# Devanagari, Gurmukhi, Latin, shared
CHARSET = tuple("कमਕਮAB12 ")


def line(*steps: dict[str, float]) -> npt.NDArray[np.float32]:
    """Each step's likeliest characters; what is left over goes to the blank."""
    out = np.zeros((1, 2 * len(steps), 1 + len(CHARSET)), np.float32)
    out[0, 1::2, 0] = 1
    for index, step in enumerate(steps):
        for character, probability in step.items():
            out[0, 2 * index, 1 + CHARSET.index(character)] = probability
        out[0, 2 * index, 0] = 1 - sum(step.values())
    return out


def read(probabilities: npt.NDArray[np.float32], *hints: str) -> str:
    return greedy(keep_one_script(probabilities, CHARSET, hints)[0], CHARSET).text


def test_an_intruder_gives_way_to_the_script_of_the_line() -> None:
    probabilities = line({"क": 0.9}, {"ਮ": 0.5, "म": 0.4}, {"क": 0.8})
    assert greedy(probabilities[0], CHARSET).text == "कਮक"
    assert read(probabilities) == "कमक"


def test_digits_stand_beside_any_script() -> None:
    assert read(line({"ਕ": 0.9}, {"1": 0.9}, {"2": 0.9})) == "ਕ12"


def test_latin_may_stand_beside_an_indic_script() -> None:
    assert read(line({"A": 0.99}, {"B": 0.99}, {"क": 0.99}, {"म": 0.99})) == "ABकम"


def test_a_doubtful_letter_does_not_bring_a_second_script() -> None:
    assert read(line({"A": 0.99}, {"क": 0.5, "B": 0.4}, {"B": 0.99})) == "ABB"


def test_each_line_of_a_batch_has_its_own_script() -> None:
    both = np.concatenate([line({"क": 0.9, "ਕ": 0.1}), line({"ਕ": 0.9, "क": 0.1})])
    kept = keep_one_script(both, CHARSET)
    assert [greedy(row, CHARSET).text for row in kept] == ["क", "ਕ"]


def test_a_reader_of_one_script_is_left_alone() -> None:
    probabilities = np.full((1, 2, 3), 1 / 3, np.float32)
    assert keep_one_script(probabilities, ("A", "1")) is probabilities


def test_a_hint_decides_where_letters_leave_a_doubt_and_nowhere_else() -> None:
    doubtful = line({"क": 0.5, "ਕ": 0.4}, {"म": 0.5, "ਮ": 0.4})
    assert read(doubtful) == "कम"
    assert read(doubtful, "Guru") == "ਕਮ"
    assert read(doubtful, "Guru", "Deva") == "कम"
    assert read(doubtful, "Knda") == "कम"  # which this reader does not know
    clear = line({"क": 0.99}, {"म": 0.99})
    assert read(clear, "Guru") == "कम"
    assert read(line({"A": 0.99}, {"B": 0.99}, {"क": 0.99}, {"म": 0.99}), "Guru") == "ABकम"
