from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.learning.trainer.metrics import (
    cer,
    cluster_units,
    code_points,
    edit_distance,
    score_texts,
)


def test_distance_is_over_nfc() -> None:
    assert edit_distance("কো", "ক\u09c7\u09be") == 0
    assert edit_distance("kitten", "sitting") == 3


def test_a_wrong_matra_is_one_cluster() -> None:
    assert cer("राष्ट्रीय", "राष्ट्रिय") == pytest.approx(1 / 9)
    assert cer("राष्ट्रीय", "राष्ट्रिय", cluster_units) == pytest.approx(1 / 3)


@given(st.text(max_size=20), st.text(max_size=20))
def test_the_rate_is_bounded_by_the_lengths(truth: str, read: str) -> None:
    longest = max(len(code_points(truth)), len(code_points(read)))
    assert 0 <= edit_distance(truth, read) <= longest
    assert (edit_distance(truth, read) == 0) == (code_points(truth) == code_points(read))


def test_scores_weigh_by_length() -> None:
    score = score_texts([("abcd", "abcd"), ("ab", "xb"), ("क्ष", "क")])
    assert score.lines == 3
    assert score.exact == pytest.approx(1 / 3)
    assert score.cer == pytest.approx(3 / 9)
    assert score.cluster_error_rate == pytest.approx(2 / 7)


def test_scoring_no_pairs_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one pair"):
        score_texts([])
