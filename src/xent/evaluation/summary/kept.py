"""What a summary keeps of one class, and of one surprising row."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import NamedTuple

from xent.evaluation.summary.rows import Row, place

__all__ = ["ClassSums", "Surprise", "most_surprising"]


class ClassSums(NamedTuple):
    """The sums of one class (rows where it is the truth), or of one label (all rows)."""

    num_true: int = 0  # rows of the class; rows where the label is true
    num_correct: int = 0
    num_impossible: int = 0
    weight: int = 0
    weight_correct: int = 0
    nll: int = 0  # of the rows that are not impossible
    probability: int = 0  # given to it, over all rows


class Surprise(NamedTuple):
    """One row and its loss; classes by position, or -1."""

    nll: float
    row: Row
    target: int
    predicted: int

    @property
    def order(self) -> tuple[float, int, int, tuple[int, int, str]]:
        """What the kept rows are sorted by: what a row is called comes last, so that losses
        and classes of the kept rows do not depend on names."""
        return -self.nll, self.target, self.predicted, place(self.row)


def most_surprising(
    a: Sequence[Surprise], b: Sequence[Surprise], count: int
) -> tuple[Surprise, ...]:
    """Return the first `count` of two lists that are in order, in order."""
    # what is below the last of a full list is among the first of neither
    least = max((s[count - 1].nll for s in (a, b) if len(s) >= count), default=-math.inf)
    found = [s for part in (a, b) for s in part if s.nll >= least]
    # losses alone are compared in a sixth of the time, and mostly they are enough
    found.sort(key=operator.itemgetter(0), reverse=True)
    if len({s.nll for s in found}) < len(found):
        found.sort(key=lambda s: s.order)
    return tuple(found[:count])
