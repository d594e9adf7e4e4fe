"""Softmax applied twice: the loss that cannot fall to 0, and the gradient divided by K."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xent.diagnostics.policy import checks
from xent.losses import softmax, softmax_cross_entropy, value_and_grad

__all__ = ["Twice", "compute", "floor"]


@dataclass(frozen=True)
class Twice:
    """The loss of one row over how sure it is, right and with softmax twice.

    Attributes
    ----------
    sure : array
        Where it is above 0, the logit of the true class; below, minus the logit of one wrong
        class. All other logits are 0.
    once, twice : array
        The losses, in nats.
    once_slope, twice_slope : array
        Euclidean norm of the gradient with respect to the logits.
    """

    classes: int
    sure: NDArray[np.float64]
    once: NDArray[np.float64]
    twice: NDArray[np.float64]
    once_slope: NDArray[np.float64]
    twice_slope: NDArray[np.float64]


def compute(classes: int, sure: object) -> Twice:
    """Return both losses of rows that are so sure; inf and -inf are fine.

    A row that is sure and right costs ln(1 + (K - 1) / e), one that is sure and wrong 1 more:

    >>> compute(10, [np.inf, -np.inf]).twice.round(4)
    array([1.4612, 2.4612])
    """
    given = np.asarray(sure, np.float64)
    # a row may be shifted: the largest logit is 0, so that inf means certain
    logits = np.broadcast_to(-abs(given)[:, None], (given.size, classes)).copy()
    rows = np.arange(given.size)
    logits[rows, np.where(given >= 0, 0, 1)] = 0
    target = np.zeros(given.size, np.int64)
    once, slope = _value_and_grad(logits, target)
    probs = softmax(logits)
    twice, by_prob = _value_and_grad(probs, target)
    # the chain rule through the softmax: diag(p) - p pᵀ
    by_logit = probs * (by_prob - (probs * by_prob).sum(axis=1, keepdims=True))
    return Twice(classes, given, once, twice, _norm(slope), _norm(by_logit))


def _norm(gradient: NDArray[np.float64]) -> NDArray[np.float64]:
    norm: NDArray[np.float64] = np.sqrt((gradient**2).sum(axis=1))
    return norm


def floor(classes: int) -> float:
    """Return the least loss that softmax twice allows.

    >>> round(floor(2), 4), round(floor(1000), 4)
    (0.3133, 5.9095)
    """
    return float(compute(classes, [np.inf]).twice[0])


def _value_and_grad(
    logits: NDArray[np.float64], target: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The loss of each row and its gradient, without the warning that this picture is about."""
    with checks("off"):
        loss, gradient = value_and_grad(softmax_cross_entropy)(logits, target, reduction="none")
    return loss, gradient
