"""Fits of labels, each true or false by itself: scale and bias of its log-odds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from xent.evaluation.recalibration.fit import Fit
from xent.evaluation.recalibration.newton import Vector
from xent.evaluation.recalibration.objective import Matrix

__all__ = ["fit_each", "fit_together", "two_columns"]

Labels = npt.NDArray[np.int64]
FitRows = Callable[..., Fit]


def two_columns(log_odds: Vector) -> Matrix:
    """Return the logits of "false" and "true" of a label's log-odds.

    >>> import numpy as np
    >>> two_columns(np.array([2.0, -np.inf, np.inf]))
    array([[  0.,   2.],
           [  0., -inf],
           [-inf,   0.]])
    """
    certain = np.isposinf(log_odds)
    return np.stack([np.where(certain, -np.inf, 0.0), np.where(certain, 0.0, log_odds)], axis=1)


def fit_together(fit: FitRows, log_odds: Matrix, labels: Labels, weight: Vector) -> Fit:
    """Return one fit of all label decisions, each a row of two classes."""
    count = labels.shape[1]
    return fit(two_columns(log_odds.ravel()), labels.ravel(), np.repeat(weight, count))


def fit_each(fit: FitRows, log_odds: Matrix, labels: Labels, weight: Vector) -> list[Fit]:
    """Return a fit of each label: Platt scaling where it fits a scale and a bias."""
    return [fit(two_columns(log_odds[:, j]), labels[:, j], weight) for j in range(labels.shape[1])]
