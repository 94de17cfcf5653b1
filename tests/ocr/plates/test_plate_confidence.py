from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.ocr.plates.choice import confidence, measures
from lipiyana.ocr.plates.hypotheses import Signs
from lipiyana.ocr.plates.settings import PLATES
from lipiyana.ocr.training.plates.fit_confidence import SIGNS, fit

CLEAR = Signs(
    a_character=-0.005,
    margin=10.0,
    other_model=0.0,
    second_look=0.0,
    weakest=0.999,
    overridden=0,
    ignored=0,
    room=0.8,
    unusual=0.0,
    alone=False,
)


def test_a_clear_reading_is_valid() -> None:
    assert confidence(CLEAR) > 0.97


@pytest.mark.parametrize(
    "doubt",
    [
        {"overridden": 1},
        {"ignored": 2},
        {"room": 0.1},
        {"margin": 0.3, "other_model": 6.0, "second_look": 1.0},
        {"weakest": 0.55, "alone": True},
        {"a_character": -0.6},
        {"a_character": -0.3, "margin": 1.0, "second_look": 5.0},
    ],
)
def test_a_doubtful_reading_is_not_valid(doubt: dict[str, float]) -> None:
    assert confidence(replace(CLEAR, **doubt)) < PLATES.valid_confidence  # type: ignore[arg-type]


@given(
    st.floats(-2, 0), st.floats(0, 10), st.floats(0, 6), st.floats(0, 6), st.integers(0, 2),
    st.integers(0, 9), st.floats(0, 2),
)  # fmt: skip
def test_no_evidence_makes_a_registration_less_likely(
    a_character: float,
    margin: float,
    other_model: float,
    second_look: float,
    overridden: int,
    ignored: int,
    room: float,
) -> None:
    signs = Signs(
        a_character, margin, other_model, second_look, 0.9, overridden, ignored, room, 0.0, False
    )
    least = confidence(signs)
    assert 0 <= least <= 1
    for better in (
        {"a_character": 0.0}, {"margin": 10.0}, {"other_model": 0.0}, {"second_look": 0.0},
        {"overridden": 0}, {"ignored": 0}, {"room": 2.0},
    ):  # fmt: skip
        assert confidence(replace(signs, **better)) >= least - 1e-12  # type: ignore[arg-type]


def test_weights_are_those_of_the_measures() -> None:
    assert list(measures(CLEAR)) == list(SIGNS)
    assert set(PLATES.confidence_weights) == {"bias", *SIGNS}
    assert all(PLATES.confidence_weights[name] * way >= 0 for name, way in SIGNS.items())


def test_a_fit_finds_what_tells_right_from_wrong() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(400, len(SIGNS)))
    truth = 2 * values[:, 0] + values[:, 1] + 1
    right = rng.random(400) < 1 / (1 + np.exp(-truth))
    bias, first, second, *others = fit(values, right, np.ones(400))
    assert bias == pytest.approx(1, abs=0.5)
    assert first == pytest.approx(2, abs=0.6)
    assert second == pytest.approx(1, abs=0.5)
    assert max(map(abs, others)) < 0.6
    # what would speak the wrong way says nothing
    assert fit(-values, right, np.ones(400))[1] == 0
