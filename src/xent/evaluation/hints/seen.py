"""What every rule of a hint looks at: the evidence, and what is worked out of it once."""

from __future__ import annotations

from functools import cached_property

from xent.evaluation.calibration.of_summary import cells_of, rows_for_weight
from xent.evaluation.hints.ranking import Ranking, ranking
from xent.evaluation.summary.evidence import MOST_CLASSES, Evidence
from xent.evaluation.summary.summary import Summary

__all__ = ["LEAST_ROWS", "MOST_NAMES", "Seen", "named"]

LEAST_ROWS = 50  # fewer show nothing that chance does not
MOST_NAMES = 5  # in one sentence


class Seen:
    """What rules look at beside the sums, found once for all of them.

    Attributes
    ----------
    low, high : tuple of float
        The least and the greatest prediction of each column.
    table : array, shape (num_classes, num_classes), or None
        Rows by their class and by the likeliest of the predictions.
    beside : (int, int)
        Rows whose likeliest class is the one before their own, and after it, where there is no
        table.
    likeliest : Likeliest or None
        Bounds of the table, where there is none as it would be too large.
    """

    def __init__(self, summary: Summary, evidence: Evidence) -> None:
        self.low, self.high, self.table = evidence.low, evidence.high, evidence.table
        self.beside, self.likeliest = evidence.beside, evidence.likeliest
        self._summary = summary

    @property
    def is_constant(self) -> bool:
        """Whether all rows have the same prediction."""
        return self.low == self.high

    @property
    def are_probabilities(self) -> bool:
        return min(self.low) >= 0 and max(self.high) <= 1

    @cached_property
    def rankings(self) -> dict[str, Ranking]:
        """How each class, or label, is ranked against the rest."""
        s = self._summary
        cells = cells_of(s)
        if cells is None or s.num_classes > MOST_CLASSES:
            return {}
        zeros, ones = (rows_for_weight(s) * part for part in cells.weights())
        found = {name: ranking(zeros[j], ones[j]) for j, name in enumerate(cells.groups)}
        return {name: r for name, r in found.items() if r is not None and name in s.classes}


def named(s: Summary, positions: list[int]) -> str:
    """Return the first classes, or labels, by name: "class 'a'", "labels 'a', 'b'"."""
    what = "label" if s.kind == "labels" else "class"
    if len(positions) > 1:
        what += "s" if s.kind == "labels" else "es"
    shown = ", ".join(repr(s.classes[j]) for j in positions[:MOST_NAMES])
    more = len(positions) - MOST_NAMES
    return f"{what} {shown}" + (f" and {more:,} more" if more > 0 else "")
