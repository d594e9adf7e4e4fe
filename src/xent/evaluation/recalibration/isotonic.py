"""Isotonic recalibration: a probability for each logit that only rises, of any shape.

Binary outcomes have one best rising curve, which pooling adjacent violators finds. Of many
classes each is fitted against the rest and rows are divided by their sums: a heuristic, which
need not lower the loss, though on rows that are many it usually does.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from xent.evaluation.recalibration.newton import Vector
from xent.evaluation.recalibration.objective import Matrix
from xent.kernels.cpu.isotonic import isotonic

__all__ = ["Curve", "against_rest", "fit_curve", "normalised", "rising"]

# beyond the logarithm of the smallest double: what -inf and inf are taken for
FARTHEST = 800.0


class Curve(NamedTuple):
    """A rising curve through points; straight between them, level beyond.

    Probabilities are strictly between 0 and 1: see `fit_curve`.
    """

    logits: tuple[float, ...]
    probabilities: tuple[float, ...]

    def __call__(self, logits: Matrix) -> Matrix:
        """Return the probability of each logit."""
        found: Matrix = np.interp(_near(logits), self.logits, self.probabilities)
        return found


class Blocks(NamedTuple):
    """Logits that share a fitted frequency: the lowest and the highest, and that frequency."""

    lowest: Vector
    highest: Vector
    frequency: Vector


def rising(logits: Vector, outcome: npt.NDArray[np.int64], weight: Vector) -> Blocks:
    """Return the rising frequencies that make the log loss least (CORP).

    Rows of equal logits share a frequency. Blocks of frequency 0 or 1 are allowed here.

    Examples
    --------
    >>> import numpy as np
    >>> blocks = rising(np.array([-1.0, 0.0, 0.5, 2.0]), np.array([0, 1, 0, 1]), np.ones(4))
    >>> blocks.frequency, blocks.lowest
    (array([0. , 0.5, 1. ]), array([-1.,  0.,  2.]))
    """
    x = _near(logits)
    order = np.argsort(x, kind="stable")
    x, weight = x[order], weight[order]
    first = np.flatnonzero(np.diff(x, prepend=-np.inf))
    weights = np.add.reduceat(weight, first)
    ones = np.add.reduceat(weight * outcome[order], first)
    there = weights > 0
    fitted = isotonic(ones[there] / weights[there], weights[there])
    x = x[first][there]
    start = np.flatnonzero(np.diff(fitted, prepend=-1.0))
    end = np.append(start[1:], len(x)) - 1
    return Blocks(x[start], x[end], fitted[start])


def fit_curve(
    logits: Vector, outcome: npt.NDArray[np.int64], weight: Vector, effective: float
) -> Curve:
    """Return the curve through the best rising frequencies f of n rows.

    The ends of f are often exactly 0 and 1, which would cost infinitely much on the first
    row that disagrees, so the curve is (n f + 1/2) / (n + 1): as if one row more had come,
    half true. n is the effective number of rows.
    """
    blocks = rising(logits, outcome, weight)
    frequency = (effective * blocks.frequency + 0.5) / (effective + 1)
    x = np.stack([blocks.lowest, blocks.highest], axis=1).ravel()
    y = np.repeat(frequency, 2)
    kept = np.diff(x, prepend=-np.inf) > 0  # a block of one logit is one point
    return Curve(tuple(x[kept].tolist()), tuple(y[kept].tolist()))


def against_rest(log_probs: Matrix) -> Matrix:
    """Return log (q / (1 - q)) of normalised log-probabilities."""
    with np.errstate(divide="ignore"):
        logits: Matrix = log_probs - np.log(-np.expm1(log_probs))
    return logits


def normalised(curves: tuple[Curve, ...], log_probs: Matrix) -> Matrix:
    """Return log-probabilities of normalised ones through the curves: one of class 1, or all."""
    if len(curves) == 1:
        # of two columns the difference keeps what the sum to 1 would round away
        p = curves[0](log_probs[:, 1] - log_probs[:, 0])
        return np.stack([np.log1p(-p), np.log(p)], axis=1)
    logits = against_rest(log_probs)
    fitted = np.stack([c(logits[:, j]) for j, c in enumerate(curves)], axis=1)
    logs: Matrix = np.log(fitted) - np.log(fitted.sum(axis=1, keepdims=True))
    return logs


def _near(logits: Matrix) -> Matrix:
    return np.clip(logits, -FARTHEST, FARTHEST)
