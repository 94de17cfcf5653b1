"""Pairs of two lists with the greatest sum of gains, exactly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def best_pairs(gains: npt.NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pair rows with columns so that the sum of their gains is the greatest there is.

    Args:
        gains: (n, m), finite; a pair that gains nothing (0 or less) is never made.

    Returns:
        (row, column), each row and each column once at most, in the order of the rows.
    """
    if not gains.size:
        return []
    costs = -np.maximum(gains, 0.0)
    if costs.shape[0] > costs.shape[1]:
        pairs = [(row, column) for column, row in enumerate(_cheapest(costs.T))]
    else:
        pairs = list(enumerate(_cheapest(costs)))
    return sorted((row, column) for row, column in pairs if gains[row, column] > 0)


def _cheapest(costs: npt.NDArray[np.float64]) -> list[int]:
    """Give each of n rows a column of its own, of m >= n, at the lowest sum of costs.

    One row after the other is added by the shortest augmenting path in reduced costs (Jonker and
    Volgenant 1987, https://doi.org/10.1007/BF02278710): n * n * m steps, the m at once.
    """
    rows, columns = costs.shape
    row_price, column_price = np.zeros(rows), np.zeros(columns)
    row_of = np.full(columns, -1)
    column_of = np.full(rows, -1)
    for new in range(rows):
        shortest, before = np.full(columns, np.inf), np.full(columns, -1)
        reached = np.zeros(columns, np.bool_)
        visited = [new]
        row, length = new, 0.0
        while True:
            lengths = length + costs[row] - row_price[row] - column_price
            nearer = ~reached & (lengths < shortest)
            shortest[nearer], before[nearer] = lengths[nearer], row
            end = int(np.where(reached, np.inf, shortest).argmin())
            length = float(shortest[end])
            reached[end] = True
            if row_of[end] < 0:
                break
            row = int(row_of[end])
            visited.append(row)
        row_price[new] += length
        others = visited[1:]
        row_price[others] += length - shortest[column_of[others]]
        column_price[reached] -= length - shortest[reached]
        column = end
        while True:  # along the path each row takes the column that leads to it
            row = int(before[column])
            row_of[column] = row
            column_of[row], column = column, int(column_of[row])
            if row == new:
                break
    return [int(column) for column in column_of]
