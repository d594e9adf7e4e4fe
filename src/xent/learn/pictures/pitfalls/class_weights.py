"""Class weights: the same loss, divided by two different things."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from xent.losses import categorical_cross_entropy
from xent.total import Total

__all__ = ["ROWS", "Weighted", "balanced", "compute"]

ROWS = 100


@dataclass(frozen=True)
class Weighted:
    """A batch of `ROWS` rows of two classes, the rare one with a weight.

    Attributes
    ----------
    rare : int
        Rows of the rare class.
    weight : float
        Their weight; that of the common class is 1.
    common_prob, rare_prob : float
        What each row of a class gives to its own class.
    total, uniform : Total
        Of the model's losses, and of guessing one half each.
    plain : float
        The mean loss without weights.
    """

    rare: int
    weight: float
    common_prob: float
    rare_prob: float
    total: Total
    uniform: Total
    plain: float

    @property
    def by_weights(self) -> float:
        """The sum divided by the sum of the weights of its rows."""
        return float(self.total.mean())

    @property
    def by_rows(self) -> float:
        """The sum divided by the number of rows."""
        return float(self.total.mean(over=self.total.count))

    @property
    def guess_by_weights(self) -> float:
        """What guessing costs, divided by the weights: ln 2, whatever they are."""
        return float(self.uniform.mean())

    @property
    def guess_by_rows(self) -> float:
        """What guessing costs, divided by the rows."""
        return float(self.uniform.mean(over=self.uniform.count))

    @property
    def common_loss(self) -> float:
        """The loss of each common row."""
        return -math.log(self.common_prob)

    @property
    def rare_loss(self) -> float:
        """The loss of each rare row."""
        return -math.log(self.rare_prob)

    @property
    def share(self) -> float:
        """How much of the weighted mean is decided by the rare rows."""
        return self.rare * self.weight / float(self.total.weight)


def compute(rare: int, weight: float, common_prob: float, rare_prob: float) -> Weighted:
    """Return the batch where each row's own class got a probability.

    >>> batch = compute(5, 10.0, 0.9, 0.3)
    >>> round(batch.by_weights, 4), round(batch.by_rows, 4)
    (0.4842, 0.7021)
    """
    target = np.repeat([0, 1], [ROWS - rare, rare])
    own = np.where(target == 1, rare_prob, common_prob)
    probs = np.where(np.arange(2) == target[:, None], own[:, None], 1 - own[:, None])
    weights = np.array([1.0, weight])
    total = categorical_cross_entropy(probs, target, weight=weights, reduction="total")
    uniform = categorical_cross_entropy(
        np.full_like(probs, 0.5), target, weight=weights, reduction="total"
    )
    plain = categorical_cross_entropy(probs, target)
    return Weighted(rare, weight, common_prob, rare_prob, total, uniform, plain)


def balanced(values: Mapping[str, Any]) -> dict[str, float]:
    """Return the weight that makes both classes weigh the same.

    >>> balanced({"rare": 5.0})
    {'weight': 19.0}
    """
    return {"weight": (ROWS - values["rare"]) / values["rare"]}
