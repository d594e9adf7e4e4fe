"""How well probabilities rank what happens, from their cells: for hints."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xent.evaluation.summary.cells import cell_logits

__all__ = ["Ranking", "losses_as_they_are_and_reversed", "ranking"]

Array = NDArray[np.float64]


class Ranking(NamedTuple):
    """The probability that a case is ranked above another row, and how sure that is.

    Attributes
    ----------
    area : float
        Area under the ROC curve: 0.5 ranks nothing, 0 ranks everything in reverse. Rows in
        one cell are ties, half right.
    error : float
        Its standard error where nothing is ranked.
    ties : float
        Share of the pairs that are in one cell, where predictions may rank them unseen.
    """

    area: float
    error: float
    ties: float

    @property
    def doubt(self) -> float:
        """Its standard error, were the pairs in one cell ranked as the others are."""
        return self.error / (1 - self.ties) if self.ties < 1 else math.inf

    @property
    def errors(self) -> float:
        """How many standard errors the area is above a half."""
        return (self.area - 0.5) / self.error


def ranking(zeros: Array, ones: Array) -> Ranking | None:
    r"""Return how forecasts rank, from rows counted by cell; None where all rows are alike.

    Under no ranking the area has the variance :math:`(n_0 + n_1 + 1) / (12 n_0 n_1)` of
    Mann and Whitney; ties make it less.

    Parameters
    ----------
    zeros, ones : array, shape (cells,)
        Rows where it did not happen, and where it did, by ascending forecast.

    Examples
    --------
    >>> ranking(np.array([2.0, 1.0]), np.array([1.0, 2.0])).area  # (1 * 1 + 2 * 2.5) / 9
    0.6666666666666666
    """
    no, yes = float(zeros.sum()), float(ones.sum())
    if not no or not yes:
        return None
    below = np.cumsum(zeros) - zeros / 2
    area = float(ones @ below) / (no * yes)
    ties = min(float(ones @ zeros) / (no * yes), 1.0)
    return Ranking(area, math.sqrt((no + yes + 1) / (12 * no * yes)), ties)


def losses_as_they_are_and_reversed(zeros: Array, ones: Array) -> tuple[float, float]:
    """Return the mean loss of forecasts at the centres of their cells, and of 1 - forecast."""
    z: Any = cell_logits()
    yes, no = np.logaddexp(0, -z), np.logaddexp(0, z)
    rows = zeros.sum() + ones.sum()
    return float(ones @ yes + zeros @ no) / rows, float(ones @ no + zeros @ yes) / rows
