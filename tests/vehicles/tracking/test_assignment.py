from __future__ import annotations

from itertools import permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.vehicles.tracking.tracker import best_pairs


def brute_force(gains: np.ndarray) -> float:
    """The greatest sum over all ways to pair the fewer with the more."""
    rows, columns = gains.shape
    if rows > columns:
        return brute_force(gains.T)
    useful = np.maximum(gains, 0)
    ways = permutations(range(columns), rows)
    return max(sum(useful[r, c] for r, c in enumerate(way)) for way in ways)


@given(st.integers(1, 5), st.integers(1, 5), st.data())
def test_no_way_gains_more(rows: int, columns: int, data: st.DataObject) -> None:
    numbers = data.draw(
        st.lists(st.integers(-3, 9), min_size=rows * columns, max_size=rows * columns)
    )
    gains = np.array(numbers, float).reshape(rows, columns)
    pairs = best_pairs(gains)
    assert sum(gains[pair] for pair in pairs) == brute_force(gains)
    assert len({r for r, _ in pairs}) == len({c for _, c in pairs}) == len(pairs)
    assert all(gains[pair] > 0 for pair in pairs)
    assert pairs == sorted(pairs)


def test_greed_would_lose() -> None:
    assert best_pairs(np.array([[0.9, 0.8], [0.8, 0.1]])) == [(0, 1), (1, 0)]


def test_nothing_to_pair() -> None:
    assert best_pairs(np.empty((0, 3))) == best_pairs(np.empty((3, 0))) == []
    assert best_pairs(np.zeros((2, 2))) == []


def test_many() -> None:
    size = 60
    order = np.random.default_rng(3).permutation(size)
    gains = np.random.default_rng(4).random((size, size)) * 0.1
    gains[np.arange(size), order] += 1
    assert best_pairs(gains) == list(enumerate(order.tolist()))
