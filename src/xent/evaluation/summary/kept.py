"""What a summary keeps of one class, and of one surprising row."""

from __future__ import annotations

from typing import NamedTuple

from xent.evaluation.summary.rows import Row, place

__all__ = ["ClassSums", "Surprise"]


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
