from __future__ import annotations

import itertools
import math
from collections import defaultdict

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lipiyana.ocr.recognition.decoding import Alignment, align, greedy, log_chances

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


def test_greedy_merges_repeats_and_keeps_doubles() -> None:
    steps = np.array(
        [
            [0.1, 0.9, 0.0, 0.0],
            [0.2, 0.8, 0.0, 0.0],
            [0.9, 0.1, 0.0, 0.0],
            [0.3, 0.7, 0.0, 0.0],
            [0.4, 0.0, 0.6, 0.0],
        ]
    )
    decoded = greedy(steps, CHARSET)
    assert decoded.text == "aab"
    assert decoded.character_confidences == pytest.approx((0.9, 0.7, 0.6))
    assert decoded.confidence == pytest.approx(2.2 / 3)


def test_nothing_read_is_no_confidence() -> None:
    decoded = greedy(np.array([[1.0, 0.0, 0.0, 0.0]] * 3), CHARSET)
    assert (decoded.text, decoded.confidence) == ("", 0.0)


@given(matrices(peaked=True))
def test_the_alignment_of_the_greedy_text_has_its_confidences(
    probabilities: npt.NDArray[np.float64],
) -> None:
    decoded = greedy(probabilities, CHARSET)
    classes = [CHARSET.index(character) + 1 for character in decoded.text]
    assert align(probabilities, classes).confidences == pytest.approx(decoded.character_confidences)


def test_a_text_longer_than_the_steps_has_no_alignment() -> None:
    assert align(np.full((2, 4), 0.25), [1, 1]) == Alignment((0.0, 0.0), ())
    assert align(np.full((2, 4), 0.25), []) == Alignment((), ())


@given(matrices())
@settings(deadline=None)
def test_chances_of_texts_are_those_of_all_their_paths(
    probabilities: npt.NDArray[np.float64],
) -> None:
    expected = by_enumeration(probabilities)
    classes = [[CHARSET.index(character) + 1 for character in text] for text in expected]
    found = log_chances(probabilities, classes)
    for text, chance in zip(expected, found, strict=True):
        assert chance == pytest.approx(math.log(expected[text]))


def test_a_text_that_does_not_fit_has_no_chance() -> None:
    steps = np.full((2, len(CHARSET) + 1), 0.25)
    assert log_chances(steps, [[1, 2, 3], [1, 1]]).tolist() == [-math.inf, -math.inf]
    assert log_chances(steps, []).tolist() == []
