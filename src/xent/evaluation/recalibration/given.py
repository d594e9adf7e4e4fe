"""Arrays of predictions as the scores that a recalibration moves, checked."""

from __future__ import annotations

from functools import partial

import numpy as np

from xent.evaluation.recalibration.objective import Matrix
from xent.evaluation.recalibration.prepared import check_all

__all__ = ["check_rows", "scores_of_rows"]


def check_rows(
    values: Matrix, given: str, *, odds: bool, single: bool, sum_tolerance: float
) -> None:
    """Raise for rows that are no distribution.

    `odds` where columns are labels, `single` where the only column is class 1 of two.
    """
    check = partial(check_all, "predictions")
    check("be numbers", ~np.isnan(values).any(axis=1), values)
    if given == "logits":
        if odds:
            return  # of a label that is certain they are infinite
        check("be below +inf", (values < np.inf).all(axis=1), values, "it has no softmax")
        possible = single | (values > -np.inf).any(axis=1)
        check("be above -inf for one class", possible, values, "nothing could happen")
        return
    inside = ((values >= 0) & (values <= 1)).all(axis=1)
    check("be in [0, 1]", inside, values, "logits? say given='logits'")
    if odds or single:
        return
    total = values.sum(axis=1)
    hint = "divide each row by its sum, or allow more with sum_tolerance"
    fine = np.abs(total - 1) <= sum_tolerance
    check(f"sum to 1 in each row within {sum_tolerance:g}", fine, total, hint)


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
