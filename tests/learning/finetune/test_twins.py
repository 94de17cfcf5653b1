"""The note on a model that is no better than its base."""

from __future__ import annotations

import pytest

from lipiyana.learning.finetune.common.twins import no_gain_note


@pytest.mark.parametrize(
    ("measure", "before", "after", "perfect", "says"),
    [
        ("CER", 0.1, 0.1, 0, "More pictures or more minutes are needed"),
        ("CER", 0.0, 0.0, 0, "The base makes no mistake there"),
        ("mean AP50", 0.0, 0.0, 1, "More pictures or more minutes are needed"),
        ("mean AP50", 1.0, 0.9, 1, "The base makes no mistake there"),
    ],
)
def test_the_advice_depends_on_whether_the_base_is_perfect(
    measure: str, before: float, after: float, perfect: float, says: str
) -> None:
    note = no_gain_note(measure, before, after, perfect=perfect)
    assert f"({measure} {after:.3f}, {before:.3f} before)" in note
    assert says in note
