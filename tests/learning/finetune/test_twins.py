"""What is said of a model that is no better than its base."""

from __future__ import annotations

import pytest

from lipiyana.learning.finetune.common.twins import no_better


@pytest.mark.parametrize(
    ("measure", "before", "after", "perfect", "says"),
    [
        ("CER", 0.1, 0.1, 0, "More pictures are needed, or more minutes"),
        ("CER", 0.0, 0.0, 0, "The base makes no mistake there"),
        ("mean AP50", 0.0, 0.0, 1, "More pictures are needed, or more minutes"),
        ("mean AP50", 1.0, 0.9, 1, "The base makes no mistake there"),
    ],
)
def test_more_minutes_do_not_help_a_base_that_is_perfect(
    measure: str, before: float, after: float, perfect: float, says: str
) -> None:
    told = no_better(measure, before, after, perfect=perfect)
    assert f"({measure} {after:.3f}, {before:.3f} before)" in told
    assert says in told
