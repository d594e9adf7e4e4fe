"""Label smoothing: the least loss is not 0, and the best logits are not infinite."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xent.information import entropy
from xent.losses import softmax_cross_entropy

__all__ = ["Smoothed", "compute"]


@dataclass(frozen=True)
class Smoothed:
    """The smoothed loss of one row over how far its true class is ahead of the others.

    Attributes
    ----------
    lead : array
        Logit of the true class minus that of the others.
    loss, plain : array
        With smoothing and without, in nats.
    floor : float
        The least loss: the entropy of the smoothed target.
    best_lead, best_prob : float
        Where it is reached: the lead, and the probability of the true class.
    other_floor : float
        The least loss where smoothing / (K - 1) goes to each *other* class, as some
        formulas have it.
    """

    smoothing: float
    classes: int
    lead: NDArray[np.float64]
    loss: NDArray[np.float64]
    plain: NDArray[np.float64]
    floor: float
    best_lead: float
    best_prob: float
    other_floor: float


def compute(smoothing: float, classes: int, lead: object) -> Smoothed:
    """Return the losses at leads.

    >>> at = compute(0.1, 10, [0.0])
    >>> round(at.floor, 4), round(at.other_floor, 4), round(at.best_prob, 2)
    (0.5003, 0.5448, 0.91)
    """
    leads = np.asarray(lead, np.float64)
    logits = np.zeros((leads.size, classes))
    logits[:, 0] = leads
    target = np.zeros(leads.size, np.int64)
    loss = softmax_cross_entropy(logits, target, label_smoothing=smoothing, reduction="none")
    plain = softmax_cross_entropy(logits, target, reduction="none")
    each = smoothing / classes
    true = 1 - smoothing + each
    return Smoothed(
        smoothing,
        classes,
        leads,
        loss,
        plain,
        _floor(true, each, classes),
        math.log(true / each) if each else math.inf,
        true,
        _floor(1 - smoothing, smoothing / (classes - 1), classes),
    )


def _floor(true: float, other: float, classes: int) -> float:
    # from K - 1 parts that are rounded, so scaled to one
    return float(entropy(np.array([true] + [other] * (classes - 1)), normalize=True))
