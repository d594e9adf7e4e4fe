"""Sources of which no row counts: what they are refused with, and the state of such a part."""

from __future__ import annotations

from xent.errors import SourceError
from xent.evaluation.numbers import counted
from xent.evaluation.result import Evaluation
from xent.evaluation.summary.summary import Summary

__all__ = ["NothingToScore", "refuse_nothing", "why_nothing"]


class NothingToScore(SourceError):
    """A source has no rows that count.

    `evaluation` has the counts of those that do not: as a part of many it adds nothing else.
    """

    evaluation: Evaluation


def refuse_nothing(result: Evaluation, weight: str | None = None) -> None:
    """Raise where no row of an evaluation counts; `weight` is the column of their weights."""
    s = result.summary
    if s.sum_weight:
        return
    if s.num_rows:
        column = "weights" if weight is None else f"weight {weight!r}"
        rows = counted(s.num_rows)
        what = f"{column} must be positive in some row, got {rows} of weight 0"
    elif s.num_ignored or s.num_missing:
        what = f"{result.name} must have rows to score, got {why_nothing(s)}"
    else:
        what = f"{result.name} must have rows, got none"
    error = NothingToScore(what, code="D02", value=s.num_rows)
    error.evaluation = result
    raise error


def why_nothing(s: Summary) -> str:
    """How many rows do not count, by their reason; "" where there are none.

    >>> why_nothing(Summary(num_ignored=3, ignore="-1"))
    '3 ignored (ignore=-1) and 0 with missing values'
    >>> why_nothing(Summary())
    ''
    """
    if s.num_rows:
        others = f", {s.num_ignored} ignored" if s.num_ignored else ""
        others += f", {s.num_missing} with missing values" if s.num_missing else ""
        return f"{s.num_rows} of weight 0{others}"
    if s.num_ignored or s.num_missing:
        return (
            f"{s.num_ignored} ignored (ignore={s.ignore}) and {s.num_missing} with missing values"
        )
    return ""
