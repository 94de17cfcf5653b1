from __future__ import annotations

import pytest
from ocr_readers import Attempt
from ocr_scores import ALL, Row, differences, folder_totals

from lipiyana.learning.trainer.metrics import score_texts

TRUTHS = ("कखगघ", "चछजझ", "टठडढ", "तथदध") * 25


def _row(name: str, script: str, engine: str, reads: tuple[str, ...], kind: str = "real") -> Row:
    pairs = tuple(zip(TRUTHS, reads, strict=True))
    return Row(name, kind, script, engine, Attempt("", reads, 1.0, 1), pairs, score_texts(pairs))


def _every_fourth_wrong() -> tuple[str, ...]:
    return tuple(text[:-1] if number % 4 == 0 else text for number, text in enumerate(TRUTHS))


def test_the_same_readings_lose_nothing() -> None:
    rows = [_row("signs", "Deva", engine, _every_fourth_wrong()) for engine in ("ours", "base")]
    (lost,) = differences(rows, "ours", "base")
    assert (lost.exact_lost, lost.cer_gained, lost.interval) == (0, 0, (0, 0))


def test_a_loss_is_given_in_points_with_its_interval() -> None:
    rows = [
        _row("signs", "Deva", "ours", _every_fourth_wrong()),
        _row("signs", "Deva", "base", TRUTHS),
    ]
    (lost,) = differences(rows, "ours", "base")
    assert lost.exact_lost == pytest.approx(25)
    assert lost.cer_gained == pytest.approx(100 / 16)
    low, high = lost.interval
    assert 0 < low < lost.cer_gained < high < 12


def test_errors_of_both_readers_on_other_lines_leave_the_sign_open() -> None:
    other = tuple(text[:-1] if number % 4 == 1 else text for number, text in enumerate(TRUTHS))
    rows = [
        _row("signs", "Deva", "ours", _every_fourth_wrong()),
        _row("signs", "Deva", "base", other),
    ]
    (lost,) = differences(rows, "ours", "base")
    assert lost.cer_gained == pytest.approx(0)
    assert lost.interval[0] < 0 < lost.interval[1]


def test_all_real_lines_are_added_up_once() -> None:
    rows = [
        _row(name, script, engine, TRUTHS)
        for name, script in (("signs", "Deva"), ("signs", "Telu"), ("plates", "Latn"))
        for engine in ("ours", "base")
    ]
    rows += [_row("rendered", "Deva", engine, TRUTHS, "rendered") for engine in ("ours", "base")]
    rows += folder_totals(rows)
    found = {(lost.name, lost.script): lost.lines for lost in differences(rows, "ours", "base")}
    assert found["signs", ALL] == 2 * len(TRUTHS)
    assert found["real", ALL] == 3 * len(TRUTHS)
