"""How unsure the models are of a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from lipiyana.ocr.recognition.reader import LineReader
from lipiyana.review.unsureness import entropy, first_look, grammar_doubt, margin_doubts
from lipiyana.runtime.store import ModelStore
from lipiyana.types import Plate, Recognition, Registration

Draw = Callable[..., np.ndarray]


def plate(text: str, canonical: str, valid: bool = True) -> Plate:
    blank = Plate(text=text, confidence=1.0, box=None, lines=())  # type: ignore[arg-type]
    return replace(blank, registration=Registration(canonical=canonical, valid=valid))


@pytest.mark.parametrize(
    ("text", "canonical", "valid", "least", "most"),
    [
        ("KA 01\nAB 1234", "KA01AB1234", True, 0, 0),
        ("KA O1 AB 1234", "KA01AB1234", True, 0.5, 1),
        ("KA O1 AB I234", "KA01AB1234", True, 0.7, 1),
        ("BAKERY", "", False, 0.6, 0.6),
        ("को.३२प\n१७४", "को३२प१७४", True, 0, 0),
        ("24", "", False, 0, 0),
    ],
)
def test_repaired_registrations_are_doubtful(
    text: str, canonical: str, valid: bool, least: float, most: float
) -> None:
    assert least <= grammar_doubt(plate(text, canonical, valid)) <= most


def test_entropy() -> None:
    assert entropy(0.5) == 1
    assert entropy(0) == entropy(1) == entropy(2) == 0
    assert entropy(0.9) == pytest.approx(0.469, abs=1e-3)


def test_noise_is_less_sure_than_print(store: ModelStore, draw_text: Draw) -> None:
    reader = LineReader(store)
    clear = draw_text("GRAND TRUNK ROAD")
    noise = np.random.default_rng(0).normal(0, 160, clear.shape)
    bad = np.clip(clear * 0.3 + 90 + noise, 0, 255).astype(np.uint8)
    sure, unsure = margin_doubts([clear, bad], reader)
    assert sure < unsure
    assert 0 <= sure < 0.5


def test_an_answer_with_nothing_in_it_is_sure() -> None:
    assert first_look(Recognition(10, 10)) == 0
