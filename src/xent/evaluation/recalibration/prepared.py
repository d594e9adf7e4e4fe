"""Rows as the fits take them, checked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from xent.errors import XentTypeError, XentValueError
from xent.evaluation.numbers import counted
from xent.evaluation.recalibration.newton import Vector
from xent.evaluation.recalibration.objective import Matrix, Objective, exact_loss

__all__ = ["Rows", "check_all", "in_proportion", "log_softmax", "prepare"]


@dataclass(frozen=True)
class Rows:
    """Rows as the fits take them: normalised, possible, of positive weight."""

    log_probs: Matrix
    target: npt.NDArray[np.int64]
    weight: Vector
    num_impossible: int
    effective: float  # number of rows, where weights differ

    @cached_property
    def loss(self) -> float:
        """The log loss as the rows are, in nats; its sum is exact."""
        as_they_are = Objective(self.log_probs, self.target, self.weight, biases=False)
        return exact_loss(as_they_are, np.ones(1))


def prepare(log_probs: Any, target: Any, weight: Any = None) -> Rows:
    """Return checked rows, normalised, without the impossible ones and those of weight 0."""
    z = np.asarray(log_probs, dtype=np.float64)
    y = np.asarray(target)
    if z.ndim != 2 or not z.shape[1]:
        raise XentValueError(f"log_probs must have shape (N, K), got {z.shape}", value=z.shape)
    if y.dtype.kind not in "iu":
        raise XentTypeError(f"target must hold positions of classes, got dtype {y.dtype}")
    if y.shape != z.shape[:1]:
        raise XentValueError(
            f"target must have one class for each of {len(z)} rows, got shape {y.shape}",
            value=y.shape,
        )
    y = y.astype(np.int64)
    check_all("target", f"be in [0, {z.shape[1]})", (y >= 0) & (y < z.shape[1]), y)
    w = np.ones(len(z)) if weight is None else np.asarray(weight, dtype=np.float64)
    if w.shape != z.shape[:1]:
        raise XentValueError(f"weight must have shape ({len(z)},), got {w.shape}", value=w.shape)
    check_all("weight", "be finite and >= 0", np.isfinite(w) & (w >= 0), w)
    if z.size and not z.max() < np.inf:  # nan is not below either
        fine = (z < np.inf).all(axis=1)
        check_all("log_probs", "be numbers below +inf", fine, z)
    z = log_softmax(z)
    possible = z[np.arange(len(z)), y] > -np.inf  # nan, of a row of -inf only, is not
    kept = possible & (w > 0)
    if not kept.any():
        raise XentValueError(
            f"rows must have a possible truth and a positive weight to be fitted, got none "
            f"among {len(z)}",
            code="D02",
        )
    if not kept.all():
        z, y, w = z[kept], y[kept], w[kept]
    w = in_proportion(w)
    effective = float(w.sum() ** 2 / (w**2).sum())
    return Rows(z, y, w, int((~possible).sum()), effective)


def in_proportion(weight: Vector) -> Vector:
    """Return weights of which the largest is in [1/2, 1): their sums and squares are doubles.

    They are divided by a power of 2, which no digit shows.

    >>> in_proportion(np.array([6.0, 1.5])), in_proportion(np.array([1e-300, 3e-300]))
    (array([0.75  , 0.1875]), array([0.16742322, 0.50226966]))
    """
    exponent = int(np.frexp(weight.max(initial=0.0))[1])
    found: Vector = np.ldexp(weight, -exponent)
    return found


def log_softmax(scores: Matrix) -> Matrix:
    """Return normalised log-probabilities; a row of -inf only is nan."""
    top = scores.max(axis=1, keepdims=True, initial=-np.inf)
    with np.errstate(invalid="ignore", divide="ignore"):
        z: Matrix = scores - top
        z -= np.log(np.exp(z).sum(axis=1, keepdims=True))
    return z


def check_all(name: str, requirement: str, fine: Any, values: Any, hint: str = "") -> None:
    """Raise where not all rows are fine: what they must, which is the first, how many."""
    wrong = np.flatnonzero(~fine)
    if wrong.size:
        row = int(wrong[0])
        such = counted(wrong.size, "such row")
        raise XentValueError(
            f"{name} must {requirement}, got {values[row]} in row {row} ({such})"
            + (f"; {hint}" if hint else ""),
            index=row,
        )
