"""How many rows may cost so much where predictions mean what they say."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from xent.evaluation.calibration.of_summary import cells_of, rows_for_weight
from xent.evaluation.exact import ONE, ratio
from xent.evaluation.summary.cells import TOP_LABEL, cell_odds
from xent.evaluation.summary.summary import Summary

__all__ = ["Allowed", "is_more", "surplus"]

Array = NDArray[np.float64]

CHANCE = 1e-4  # of so many rows, were they no more than is allowed
LEAST = 1e-300  # rows, where none are allowed
ROUNDING = 2.0**-40  # of odds, which cells forgive


class Allowed:
    r"""How many rows cost so much at most, on average, where predictions are calibrated.

    An outcome that costs t nats or more has a probability of :math:`e^{-t}` or less, and comes
    as often as that says: the sum of such probabilities over all rows is taken from the cells.
    Of M outcomes all but one may be so small, which makes it :math:`(M - 1) e^{-t}` of the
    rows at most.

    Attributes
    ----------
    num_rows : float
        Rows of equal weight that the rows are worth: all of them without weights.

    Examples
    --------
    >>> from xent.evaluation import evaluate
    >>> rare = evaluate(([0] * 999 + [1], [0.001] * 1000)).summary
    >>> round(Allowed(rare).rows(rare.worst[0].nll), 6)
    1.0
    """

    def __init__(self, s: Summary) -> None:
        self.num_rows = ratio(s.sum_weight, ONE) * rows_for_weight(s)
        if s.kind == "labels":
            self._log_others = s.num_classes * math.log(2)
        else:
            self._log_others = math.log(max(s.num_classes - 1, 1))
        self._parts = _probabilities(s)

    def rows(self, nll: float) -> float:
        """Return how many rows cost `nll` nats or more at most."""
        plain = self.num_rows * math.exp(min(self._log_others - nll, 0.0))
        if self._parts is None:
            return plain
        weight, low, high = self._parts
        most = math.exp(-nll)
        small = low <= most * (1 + ROUNDING)
        return min(plain, float(weight[small] @ np.minimum(high[small], most)))


def _probabilities(s: Summary) -> tuple[Array, Array, Array] | None:
    """Return how many probabilities of classes are between which borders; None where unknown."""
    cells = cells_of(s)
    if s.kind != "classes" or cells is None or cells.groups == (TOP_LABEL,):
        return None
    zeros, ones = cells.weights()
    count = 1 if s.num_classes == 2 else s.num_classes
    weight = (zeros + ones)[:count].sum(axis=0) * rows_for_weight(s)
    odds = cell_odds()[1:-1]
    # the outermost cells hold what lies beyond them too
    happens = np.concatenate([[0.0], odds / (1 + odds), [1.0]])
    if s.num_classes != 2:
        return weight, happens[:-1], happens[1:]
    does_not = np.concatenate([[1.0], 1 / (1 + odds), [0.0]])
    return (
        np.concatenate([weight, weight]),
        np.concatenate([happens[:-1], does_not[1:]]),
        np.concatenate([happens[1:], does_not[:-1]]),
    )


def surplus(rows: float, allowed: float) -> float:
    """Return how sure it is that so many rows are more than allowed: -log of Chernoff's bound.

    >>> surplus(20, 20.0), round(surplus(20, 2.0), 1)
    (0.0, 28.1)
    """
    if rows <= allowed:
        return 0.0
    return rows * math.log(rows / max(allowed, LEAST)) - rows + allowed


def is_more(rows: float, allowed: float) -> bool:
    """Whether so many rows are more than chance makes of what is allowed.

    >>> is_more(20, 20.0), is_more(20, 2.0), is_more(3, 1e-9)
    (False, True, True)
    """
    return surplus(rows, allowed) > -math.log(CHANCE)
