"""The squared error without a sigmoid: a line through labels, beside logistic regression."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xent.losses import gradient_and_hessian, sigmoid_cross_entropy

__all__ = ["Fits", "fit"]

_PER_CLASS = 12
_MOST_ITERATIONS = 100


@dataclass(frozen=True)
class Fits:
    """Two classifiers of the same points, each a line: output = intercept + slope x.

    Attributes
    ----------
    x, y : array
        The points and their labels, 0 or 1; the last one is the easy point far away.
    line, logistic : tuple of float
        Intercept and slope of least squares, whose output decides at 0.5, and of logistic
        regression, whose logit decides at 0.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    line: tuple[float, float]
    logistic: tuple[float, float]

    @property
    def line_boundary(self) -> float:
        """Where the output of the line is 0.5."""
        return (0.5 - self.line[0]) / self.line[1]

    @property
    def logistic_boundary(self) -> float:
        """Where the logit is 0."""
        return -self.logistic[0] / self.logistic[1]

    def errors(self, boundary: float) -> int:
        """How many points lie on the wrong side."""
        return int(((self.x > boundary) != (self.y > 0.5)).sum())


@functools.lru_cache(maxsize=64)
def fit(far: float) -> Fits:
    """Return both fits, with one more point of class 1 at `far`."""
    rng = np.random.default_rng(2018)
    x = np.concatenate([rng.normal(-1, 0.8, _PER_CLASS), rng.normal(1, 0.8, _PER_CLASS), [far]])
    y = np.concatenate([np.zeros(_PER_CLASS), np.ones(_PER_CLASS + 1)])
    design = np.column_stack([np.ones_like(x), x])
    intercept, slope = np.linalg.lstsq(design, y, rcond=None)[0].tolist()
    return Fits(x, y, (intercept, slope), _logistic(design, y))


def _logistic(design: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Newton's method on the cross-entropy, which is convex."""
    derivatives = gradient_and_hessian(sigmoid_cross_entropy)
    beta = np.zeros(2)
    for _ in range(_MOST_ITERATIONS):
        gradient, hessian = derivatives(design @ beta, y, reduction="sum")
        step = np.linalg.solve(design.T @ (hessian[:, None] * design), design.T @ gradient)
        beta = beta - step
        if abs(step).max() < 1e-12 * (1 + abs(beta).max()):
            break
    return float(beta[0]), float(beta[1])
