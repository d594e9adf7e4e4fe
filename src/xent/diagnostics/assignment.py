"""The cheapest one-to-one assignment of rows to columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["cheapest_assignment"]


def cheapest_assignment(cost: NDArray[Any]) -> NDArray[np.intp]:
    """Return the column of each row that makes the sum of a square cost matrix least.

    The Hungarian method with shortest augmenting paths, O(n^3): each row joins along the
    path on which the reduced costs grow least, and the dual prices keep them non-negative.

    Parameters
    ----------
    cost : array, finite, shape (n, n)

    Returns
    -------
    array of intp, shape (n,)
        A permutation.

    Examples
    --------
    >>> cheapest_assignment(np.array([[4.0, 1.0, 3.0], [2.0, 0.0, 5.0], [3.0, 2.0, 2.0]])).tolist()
    [1, 0, 2]
    """
    n = len(cost)
    # one more column, the last, where the row that is about to join starts its path
    row_price, column_price = np.zeros(n), np.zeros(n + 1)
    row_of = np.full(n + 1, -1)
    for row in range(n):
        row_of[n] = row
        column = n
        distance = np.full(n, np.inf)
        before = np.full(n, n)
        done = np.zeros(n + 1, bool)
        while row_of[column] >= 0:
            done[column] = True
            here = row_of[column]
            reduced = cost[here] - row_price[here] - column_price[:n]
            shorter = ~done[:n] & (reduced < distance)
            distance[shorter] = reduced[shorter]
            before[shorter] = column
            nearest = int(np.argmin(np.where(done[:n], np.inf, distance)))
            step = distance[nearest]
            row_price[row_of[done]] += step
            column_price[done] -= step
            distance[~done[:n]] -= step
            column = nearest
        while column != n:
            row_of[column] = row_of[before[column]]
            column = int(before[column])
    assigned = np.empty(n, np.intp)
    assigned[row_of[:n]] = np.arange(n)
    return assigned
