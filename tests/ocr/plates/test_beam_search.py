from __future__ import annotations

import itertools
import math
from collections import defaultdict

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lipiyana.ocr.plates.beam_search import beam_search
from lipiyana.ocr.recognition.decoding import greedy

CHARSET = ("a", "b", "c")


def collapse(path: tuple[int, ...]) -> str:
    merged = [index for index, _ in itertools.groupby(path)]
    return "".join(CHARSET[index - 1] for index in merged if index)


def by_enumeration(probabilities: npt.NDArray[np.float64]) -> dict[str, float]:
    """Add up every path: the definition, in exponential time."""
    texts: dict[str, float] = defaultdict(float)
    for path in itertools.product(range(probabilities.shape[1]), repeat=len(probabilities)):
        texts[collapse(path)] += math.prod(probabilities[t, i] for t, i in enumerate(path))
    return texts


@st.composite
def matrices(draw: st.DrawFn, peaked: bool = False) -> npt.NDArray[np.float64]:
    steps = draw(st.integers(1, 5))
    seed = draw(st.integers(0, 2**32 - 1))
    raw = np.random.default_rng(seed).random((steps, len(CHARSET) + 1)) ** 3 + 1e-6
    if peaked:
        raw[np.arange(steps), raw.argmax(axis=1)] *= 1e6
    return raw / raw.sum(axis=1, keepdims=True)


def any_text(state: int, character: str) -> int:
    return state


@given(matrices())
@settings(deadline=None)
def test_a_wide_beam_is_the_enumeration(probabilities: npt.NDArray[np.float64]) -> None:
    found = beam_search(probabilities, CHARSET, any_text, width=10_000, classes_a_step=3)
    expected = by_enumeration(probabilities)
    assert {text for text, _ in found} == set(expected)
    for text, score in found:
        assert score == pytest.approx(math.log(expected[text]))
    assert [score for _, score in found] == sorted((s for _, s in found), reverse=True)


@given(matrices(peaked=True))
def test_a_beam_of_one_is_greedy_where_the_reader_is_sure(
    probabilities: npt.NDArray[np.float64],
) -> None:
    ((text, _),) = beam_search(probabilities, CHARSET, any_text, width=1)
    assert text == greedy(probabilities, CHARSET).text


@given(matrices())
def test_an_automaton_forbids(probabilities: npt.NDArray[np.float64]) -> None:
    def only_a_then_b(state: int, character: str) -> int | None:
        return {(0, "a"): 1, (1, "b"): 2}.get((state, character))

    found = beam_search(probabilities, CHARSET, only_a_then_b, width=100, classes_a_step=3)
    expected = by_enumeration(probabilities)
    assert {text for text, _ in found} == {"", "a", "ab"} & set(expected)
    for text, score in found:
        assert score == pytest.approx(math.log(expected[text]))


@given(matrices(), st.integers(1, 6))
def test_a_narrow_beam_keeps_the_likeliest_prefixes(
    probabilities: npt.NDArray[np.float64], width: int
) -> None:
    """The definition, step by step, with every prefix made before the best are kept."""
    beams = {"": (1.0, 0.0)}
    for row in probabilities:
        grown: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for prefix, (blank, last) in beams.items():
            grown[prefix][0] += (blank + last) * row[0]
            for index, character in enumerate(CHARSET, 1):
                repeats = prefix.endswith(character)
                grown[prefix][1] += last * row[index] if repeats else 0.0
                grown[prefix + character][1] += (blank if repeats else blank + last) * row[index]
        best = sorted(grown, key=lambda text: sum(grown[text]), reverse=True)[:width]
        beams = {text: (grown[text][0], grown[text][1]) for text in best}
    found = beam_search(probabilities, CHARSET, any_text, width=width, classes_a_step=3)
    assert dict(found) == pytest.approx(
        {text: math.log(sum(chances)) for text, chances in beams.items() if sum(chances) > 0}
    )
