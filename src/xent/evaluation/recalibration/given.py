"""Arrays of predictions as the scores that a recalibration moves, checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from xent.errors import XentValueError
from xent.evaluation.recalibration.objective import Matrix

__all__ = ["check_rows", "scores_of_rows"]


def check_rows(
    values: Matrix, given: str, *, odds: bool, single: bool, sum_tolerance: float
) -> None:
    """Raise for rows that are no distribution.

    `odds` where columns are labels, `single` where the only column is class 1 of two.
    """
    if given == "logits":
        _all_rows("be numbers", ~np.isnan(values).any(axis=1), values, "")
        if odds:
            return  # of a label that is certain they are infinite
        hint = "a softmax of +inf has no value"
        _all_rows("be below +inf", (values < np.inf).all(axis=1), values, hint)
        if not single:
            hint = "every class would be impossible"
            _all_rows("be above -inf for one class", (values > -np.inf).any(axis=1), values, hint)
        return
    inside = ((values >= 0) & (values <= 1)).all(axis=1)
    _all_rows("be in [0, 1]", inside, values, "logits? say given='logits'")
    if odds or single:
        return
    total = values.sum(axis=1)
    fine = np.abs(total - 1) <= sum_tolerance
    requirement = f"sum to 1 in each row within {sum_tolerance:g}"
    _all_rows(
        requirement, fine, total, "divide each row by its sum, or allow more with sum_tolerance"
    )


def scores_of_rows(values: Matrix, given: str, *, odds: bool, single: bool) -> Matrix:
    """Return log-probabilities or logits of classes, log-odds of labels."""
    if given == "logits":
        if single and not odds:
            return np.concatenate([np.zeros_like(values), values], axis=1)
        return values
    with np.errstate(divide="ignore"):
        logs, complement = np.log(values), np.log1p(-values)
    if odds:
        return logs - complement
    return np.concatenate([complement, logs], axis=1) if single else logs


def _all_rows(requirement: str, fine: Any, values: Any, hint: str) -> None:
    wrong = np.flatnonzero(~fine)
    if wrong.size:
        row = int(wrong[0])
        such = f"{wrong.size:,} such row{'' if wrong.size == 1 else 's'}"
        raise XentValueError(
            f"predictions must {requirement}, got {values[row]} in row {row} ({such})"
            + (f"; {hint}" if hint else ""),
            index=row,
        )
